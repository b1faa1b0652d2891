#include "bpf/hooks.h"

#include <fmt/core.h>

#include <algorithm>

namespace guard {

std::string misfit(std::string_view hook, std::optional<unsigned> arguments,
                   std::span<const KnownHook> known) {
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](const KnownHook& one) { return one.name == hook; });
  if (found == known.end()) return fmt::format("guardd does not know the LSM hook {}", hook);
  if (!arguments) return fmt::format("this kernel has no LSM hook {}", hook);
  if (*arguments == found->arguments) return {};
  return fmt::format("this kernel's LSM hook {} takes {} arguments, guardd knows it with {}", hook,
                     *arguments, found->arguments);
}

}  // namespace guard
