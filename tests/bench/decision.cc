#include "tests/bench/decision.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>

#include "bpf/libbpf_log.h"
#include "bpf/wire/maps.h"
#include "policy/base/handle.h"

// The skeleton needs the name without its namespace.
using guard::Exemptions;  // NOLINT(misc-unused-using-decls): the skeleton uses it
using guard::Filter;      // NOLINT(misc-unused-using-decls)
#include "bpf/decision_bench.skel.h"

namespace guard {
struct Decisions::Program {
  Handle<decision_bench_bpf, decision_bench_bpf__destroy> skeleton;
};

Decisions::Decisions(std::unique_ptr<Program> program) : program_(std::move(program)) {}
Decisions::Decisions(Decisions&& other) noexcept = default;
Decisions& Decisions::operator=(Decisions&& other) noexcept = default;
Decisions::~Decisions() = default;

Result<Decisions> Decisions::load() {
  const LibbpfLog log;
  auto program = std::make_unique<Program>();
  program->skeleton.reset(decision_bench_bpf__open());
  auto* skeleton = program->skeleton.get();
  if (!skeleton) return log.error(errno, "open the decision programs");
  if (const int failed = decision_bench_bpf__load(skeleton); failed != 0)
    return log.error(-failed, "load the decision programs");
  return Decisions(std::move(program));
}

Status Decisions::tag(const TaggedInode& inode, const TreeTag& tag) {
  auto* skeleton = program_->skeleton.get();
  *filter_slot(&skeleton->bss->guard_inode_filter, inode.inode) = 1;
  add_device(inode.device);
  return put(skeleton->maps.tags, ProgramKey{inode.inode, inode.device, 0}, tag, "tag a tree");
}

void Decisions::add_device(std::uint32_t device) {
  *filter_slot(&program_->skeleton->bss->guard_device_filter, device) = 1;
}

void Decisions::set_guards_in_use(std::uint32_t guards) {
  program_->skeleton->bss->guards_in_use = guards;
}

void Decisions::exempt(const Exemptions& exemptions) {
  program_->skeleton->bss->guard_exemptions = exemptions;
}

Status Decisions::set_subject(const SubjectKey& key, std::uint64_t exemptions) {
  return put(program_->skeleton->maps.subjects, key, exemptions, "exempt a user");
}

Result<Decision> Decisions::decide(DecisionKind kind, std::uint32_t times) {
  auto* skeleton = program_->skeleton.get();
  const bpf_program* const programs[] = {
      skeleton->progs.guard_nothing, skeleton->progs.guard_creation, skeleton->progs.guard_write,
      skeleton->progs.guard_rmdir, skeleton->progs.guard_open};
  auto& there = *skeleton->bss;
  there.guard_times = times;
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  if (bpf_prog_test_run_opts(bpf_program__fd(programs[kind]), &options) != 0)
    return Error::from_errno(errno, "run a decision program");
  return Decision{there.guard_denied, there.guard_nanoseconds};
}

Result<std::uint64_t> Decisions::counted(Counter counter) const {
  return sum_of(program_->skeleton->maps.counters, counter);
}

}  // namespace guard
