#include "guardd/enforce/violation.h"

#include <chrono>
#include <utility>

#include "guardd/host/clock.h"
#include "guardd/who/acting_process.h"
#include "guardd/who/excuses.h"
#include "policy/base/text.h"
#include "policy/judge.h"

namespace guard {
namespace {

constexpr std::string_view kExcused = "excused: ";
constexpr std::string_view kFailedRepair = "failed";  // as the words of Skip
constexpr std::string_view kDelayed = "guardd could not read in time which program did it";

// A notice does not say what type of object was created; the object does.
Operation refined(Operation operation, const RepairOutcome& outcome) {
  const auto& state = outcome.before;
  if (operation == Operation::kChown) {
    const auto& wrong = outcome.verdict.deviation;
    return wrong.owner || wrong.group ? Operation::kChown : Operation::kChmod;
  }
  if (operation != Operation::kCreate) return operation;
  switch (state.type) {
    case FileType::kSymlink:
      return Operation::kSymlink;
    case FileType::kFifo:
    case FileType::kSocket:
    case FileType::kCharDevice:
    case FileType::kBlockDevice:
      return Operation::kMknod;
    default:
      return state.links > 1 && state.type != FileType::kDirectory ? Operation::kLink : operation;
  }
}

Ownership ownership(const ObjectState& state) {
  return {state.uid, state.gid, state.mode};
}

Outcome outcome_of(const RepairOutcome& outcome) {
  if (outcome.what == RepairResult::kFixed) return Outcome::kFixed;
  return outcome.skip == Skip::kLogOnly || outcome.skip == Skip::kExcused ? Outcome::kLogged
                                                                          : Outcome::kSkipped;
}

// A path that a shell could misread is left out: its policy is named instead.
std::string fix_command(std::string_view path, const Policy& policy) {
  return "guardctl fix " + (is_plain_word(path) ? std::string(path) : policy.name());
}

// The fields that every record of this tree has.
void add_common_fields(Violation& violation, const PolicySet& set, std::uint32_t tree) {
  const auto& policy = set.policy_of(set.trees()[tree]);
  const auto& said = policy.said;
  violation.time = std::chrono::system_clock::now();
  violation.monotonic_us = monotonic_us();
  violation.policy = policy.name();
  violation.policy_file = set.files()[said.place.file];
  violation.policy_line = said.place.line;
  violation.generation = set.generation();
  violation.severity = said.severity.value;
  violation.category = said.category.value;
  violation.tell = said.tell.value && !violation.reason.starts_with(kExcused);
}

Violation begin(const PolicySet& set, std::uint32_t tree, const ActingProcess* who) {
  Violation violation;
  add_common_fields(violation, set, tree);
  if (who) violation.actor = who->shared_actor();
  return violation;
}

void set_wanted(Violation& violation, const WantedState& wanted) {
  violation.uid_wanted = wanted.owner.id;
  violation.gid_wanted = wanted.group.id;
  violation.mode_wanted = wanted.mode_of(violation.file_type);
  violation.owner_wanted = wanted.owner.name;
  violation.group_wanted = wanted.group.name;
}

// A violation that was fixed or denied stays one. A user with a pause or an excuse is not notified.
void excuse(Violation& violation, const std::string& why) {
  const bool was_left =
      violation.action == Outcome::kLogged || violation.action == Outcome::kSkipped;
  if (!was_left || violation.reason.starts_with(kExcused)) return;
  violation.action = Outcome::kLogged;
  violation.tell = false;
  violation.reason = why + (violation.reason.empty() ? "" : "; besides, " + violation.reason);
}

void excuse(Violation& violation, const Policy& policy) {
  if (policy.is_paused()) excuse(violation, policy.excuse);
}

}  // namespace

std::vector<std::string_view> skip_words() {
  std::vector<std::string_view> words{kFailedRepair};
  for (const auto skip :
       {Skip::kNoEvidence, Skip::kBusy, Skip::kHardLink, Skip::kSpecial, Skip::kMountPoint,
        Skip::kOtherMount, Skip::kSetId, Skip::kCapabilities, Skip::kImmutable, Skip::kReadOnly,
        Skip::kCannotChown, Skip::kQuota, Skip::kModeOnly, Skip::kWar})
    words.push_back(word(skip));
  return words;
}

Violation make_violation(const PolicySet& set, std::uint32_t tree, const std::string& relative_path,
                         const NoticedChange& seen, const RepairOutcome& outcome) {
  auto violation = begin(set, tree, seen.who.get());
  violation.operation =
      seen.operation == Operation::kScan ? Operation::kScan : refined(seen.operation, outcome);
  violation.path = set.trees()[tree].path;
  if (!relative_path.empty()) violation.path += "/" + relative_path;
  violation.object = outcome.id;
  violation.file_type = outcome.before.type;
  violation.links = outcome.before.links;
  if (outcome.before.times != ObjectTimes()) violation.times = outcome.before.times;
  violation.before = ownership(outcome.before);
  violation.after = ownership(outcome.after);
  const auto& policy = set.policy_of(set.trees()[tree]);
  set_wanted(violation, outcome.verdict.wanted ? *outcome.verdict.wanted : policy.wanted);
  violation.action = outcome_of(outcome);
  if (violation.action != Outcome::kLogged) {
    violation.reason = outcome.what == RepairResult::kFailed
                           ? outcome.error
                           : std::string(reason_text(outcome.skip));
  }
  if (violation.action == Outcome::kSkipped)
    violation.skip = outcome.what == RepairResult::kFailed ? kFailedRepair : word(outcome.skip);
  if (outcome.skip == Skip::kNoEvidence)
    violation.reason += "; to hand it over, run: " + fix_command(violation.path, policy);
  excuse(violation, policy);
  if (seen.who) add_process_remarks(violation, *seen.who);
  return violation;
}

void add_process_remarks(Violation& violation, const ActingProcess& who) {
  if (who.is_delayed())
    violation.reason += (violation.reason.empty() ? "" : "; ") + std::string(kDelayed);
  if (const auto excused = excuse_of(who)) excuse(violation, excused->sentence());
}

void add_policy_fields(Violation& violation, const PolicySet& set, std::uint32_t tree) {
  const auto& policy = set.policy_of(set.trees()[tree]);
  const auto verdict =
      judge(policy, violation.path, ObjectState{violation.file_type, {}, {}, {}, 1});
  set_wanted(violation, verdict.wanted ? *verdict.wanted : policy.wanted);
  const auto& root = set.trees()[tree].path;
  violation.path = violation.path.empty() ? set.trees()[tree].root() : root + "/" + violation.path;
  if (violation.old_path) violation.old_path = root + "/" + *violation.old_path;
  add_common_fields(violation, set, tree);
  excuse(violation, policy);
}

Violation make_violation(OpenReport open, const PolicySet& now) {
  auto violation = std::move(open.violation);
  violation.path = open.place.is_known ? open.place.path : std::string();
  // A reload may have moved the policy to another number.
  const auto& path = open.set->trees()[open.place.tree].path;
  const auto* tree = now.tree_of(path);
  if (tree && tree->path == path)
    add_policy_fields(violation, now, static_cast<std::uint32_t>(tree - now.trees().data()));
  else
    add_policy_fields(violation, *open.set, open.place.tree);
  if (!open.place.is_known) violation.path = std::move(open.place.path);
  return violation;
}

std::optional<Violation> make_violation(const PolicySet& set, std::uint32_t tree,
                                        const Mount& mount, MountChange mount_change,
                                        const std::shared_ptr<const ActingProcess>& who) {
  const auto root = set.trees()[tree].root();
  const bool below = mount.point.starts_with(root + "/");
  const bool above = mount.point != "/" && root.starts_with(mount.point + "/");
  if (!below && !above && mount.point != root) return std::nullopt;
  const auto& policy = set.policy_of(set.trees()[tree]);
  Change change;
  change.operation = Operation::kMount;
  change.type = FileType::kDirectory;
  if (below) change.path = PolicySet::relative(set.trees()[tree], mount.point);
  const auto subject = who && who->known() ? who->subject() : Subject();
  if (!judge(policy, subject, change).violation()) return std::nullopt;

  auto violation = begin(set, tree, who.get());
  violation.operation = Operation::kMount;
  violation.path = mount.point;
  violation.file_type = FileType::kDirectory;
  set_wanted(violation, policy.wanted);
  violation.reason =
      mount.type + " from " + quote(mount.source) +
      (mount_change == MountChange::kMounted ? " was mounted there: what it covers is not guarded"
                                             : " was unmounted: what it covered is guarded again");
  excuse(violation, policy);
  if (who) add_process_remarks(violation, *who);
  return violation;
}

}  // namespace guard
