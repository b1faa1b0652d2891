#include "bpf/lsm.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <numeric>
#include <optional>
#include <string_view>

#include "bpf/guard.skel.h"
#include "bpf/libbpf_log.h"
#include "policy/base/handle.h"

namespace guard {
namespace {

using Btf = Handle<btf, btf__free>;

Result<Btf> kernel_types(const LibbpfLog& log) {
  Btf types(btf__load_vmlinux_btf());
  if (!types) return log.error(errno, "read the kernel's type information");
  return types;
}

// The number of arguments of bpf_lsm_HOOK, the function that programs attach to.
std::optional<unsigned> arguments_here(const btf& types, std::string_view hook) {
  const auto name = fmt::format("bpf_lsm_{}", hook);
  const auto id = btf__find_by_name_kind(&types, name.c_str(), BTF_KIND_FUNC);
  if (id < 0) return std::nullopt;
  const auto* function = btf__type_by_id(&types, static_cast<std::uint32_t>(id));
  return btf_vlen(btf__type_by_id(&types, function->type));
}

std::string hook_of(const bpf_program* program) {
  const std::string_view section = bpf_program__section_name(program);
  return std::string(section.substr(section.find('/') + 1));
}

// Leaves out of the load what does not fit this kernel.
std::vector<LsmHook> choose(const bpf_object* object, const btf& types,
                            std::span<const KnownHook> known) {
  std::vector<LsmHook> hooks;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    LsmHook hook;
    hook.name = hook_of(program);
    hook.why_not = misfit(hook.name, arguments_here(types, hook.name), known);
    hook.loaded = hook.why_not.empty();
    (void)bpf_program__set_autoload(program, hook.loaded);
    hooks.push_back(std::move(hook));
  }
  return hooks;
}

void note_instructions(const bpf_object* object, std::vector<LsmHook>& hooks) {
  auto hook = hooks.begin();  // same order as in choose()
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    bpf_prog_info info{};
    std::uint32_t length = sizeof info;
    if (hook->loaded && bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length) == 0)
      hook->verified_instructions = info.verified_insns;
    ++hook;
  }
}

}  // namespace

void Lsm::Destroy::operator()(guard_bpf* programs) const noexcept {
  guard_bpf__destroy(programs);
}

Result<Lsm> Lsm::load(std::span<const KnownHook> known) {
  const LibbpfLog log;
  GUARD_TRY(const auto types, kernel_types(log));
  Programs programs(guard_bpf__open());
  if (!programs) return log.error(errno, "open the LSM programs");
  auto hooks = choose(programs->obj, *types, known);
  if (std::none_of(hooks.begin(), hooks.end(), [](const LsmHook& hook) { return hook.loaded; }))
    return Error("load the LSM programs: " + hooks.front().why_not, ENOTSUP);
  if (const int failed = guard_bpf__load(programs.get()); failed != 0)
    return log.error(-failed, "load the LSM programs");
  note_instructions(programs->obj, hooks);
  return Lsm(std::move(programs), std::move(hooks));
}

Status Lsm::attach() {
  const LibbpfLog log;
  if (const int failed = guard_bpf__attach(programs_.get()); failed != 0) {
    guard_bpf__detach(programs_.get());
    return log.error(-failed, "attach the LSM programs");
  }
  return {};
}

Status Lsm::tag(int directory, const TreeTag& tag) {
  const int map = bpf_map__fd(programs_->maps.tree_tags);
  if (bpf_map_update_elem(map, &directory, &tag, BPF_ANY) == 0) return {};
  return Error::from_errno(errno, "tag a tree's root");
}

Status Lsm::untag(int directory) {
  const int map = bpf_map__fd(programs_->maps.tree_tags);
  if (bpf_map_delete_elem(map, &directory) == 0) return {};
  return Error::from_errno(errno, "take the tag off a tree's root");
}

Result<LsmCounters> Lsm::counters() const {
  const int processors = libbpf_num_possible_cpus();
  if (processors < 0) return Error::from_errno(-processors, "count the processors");
  std::array<std::uint64_t, kCounterCount> sums{};
  std::vector<std::uint64_t> values(static_cast<std::size_t>(processors));
  for (std::uint32_t counter = 0; counter < kCounterCount; ++counter) {
    const int map = bpf_map__fd(programs_->maps.counters);
    if (bpf_map_lookup_elem(map, &counter, values.data()) != 0)
      return Error::from_errno(errno, "read the LSM counters");
    sums[counter] = std::accumulate(values.begin(), values.end(), std::uint64_t{0});
  }
  return LsmCounters{.refused = sums[kCounterRefused],
                     .passed = sums[kCounterPassed],
                     .unknown = sums[kCounterUnknown]};
}

Result<bool> Lsm::built_in() {
  const LibbpfLog log;
  GUARD_TRY(const auto types, kernel_types(log));
  return arguments_here(*types, "file_open").has_value();
}

}  // namespace guard
