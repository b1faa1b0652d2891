#include "guardd/repair_process/outcome_form.h"

#include "policy/judge.h"

namespace guard {
namespace {

void write_state(ContentsWriter& out, const ObjectState& state) {
  write_enum(out, state.type);
  out.number(state.uid.value);
  out.number(state.gid.value);
  out.number(state.mode.value);
  out.number(state.links);
  out.number(state.times.size);
  out.number(state.times.modified);
  out.number(state.times.changed);
  out.number(state.times.born);
}

bool read_state(ContentsReader& in, ObjectState& state) {
  const auto type = read_enum<FileType>(in);
  if (!type) return false;
  state.type = *type;
  state.uid.value = in.number<decltype(state.uid.value)>();
  state.gid.value = in.number<decltype(state.gid.value)>();
  state.mode.value = in.number<decltype(state.mode.value)>();
  state.links = in.number<std::uint64_t>();
  state.times.size = in.number<std::uint64_t>();
  state.times.modified = in.number<std::int64_t>();
  state.times.changed = in.number<std::int64_t>();
  state.times.born = in.number<std::int64_t>();
  return true;
}

bool was_judged(const RepairOutcome& outcome) {
  return outcome.verdict.wanted != nullptr;
}

}  // namespace

void write_outcome(ContentsWriter& out, const RepairOutcome& outcome) {
  write_enum(out, outcome.what);
  write_enum(out, outcome.skip);
  out.number(outcome.id.device);
  out.number(outcome.id.inode);
  write_flag(out, was_judged(outcome));
  if (was_judged(outcome)) {
    write_state(out, outcome.before);
    write_state(out, outcome.after);
  }
  out.text(std::string_view(outcome.error).substr(0, kMostError));
}

bool read_outcome(ContentsReader& in, const Policy& policy, const std::string& path,
                  RepairOutcome& outcome) {
  const auto what = read_enum<RepairResult>(in);
  const auto skip = read_enum<Skip>(in);
  if (!what || !skip) return false;
  outcome.what = *what;
  outcome.skip = *skip;
  outcome.id.device = in.number<std::uint64_t>();
  outcome.id.inode = in.number<std::uint64_t>();
  if (in.flag()) {
    if (!read_state(in, outcome.before) || !read_state(in, outcome.after)) return false;
    outcome.verdict = judge(policy, path, outcome.before);
  }
  outcome.error = in.text(kMostError);
  return outcome.what != RepairResult::kFixed || outcome.verdict.violation();
}

}  // namespace guard
