#include "bpf/hooks.h"

#include <fmt/core.h>

#include <algorithm>

namespace guard {

const KnownHook* find_hook(std::string_view program, std::span<const KnownHook> known) {
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](const KnownHook& one) { return one.program == program; });
  return found == known.end() ? nullptr : &*found;
}

std::string misfit(const KnownHook& hook, std::optional<unsigned> arguments) {
  if (!arguments) return fmt::format("this kernel has no LSM hook {}", hook.hook);
  if (*arguments == hook.arguments) return {};
  return fmt::format("this kernel's LSM hook {} takes {} arguments, but guardd expects {}",
                     hook.hook, *arguments, hook.arguments);
}

}  // namespace guard
