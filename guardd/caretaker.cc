#include "guardd/caretaker.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "guardd/remedy.h"
#include "guardd/sources/scan.h"

namespace guard {
namespace {

// One turn of the loop: notices are read in between, so that the kernel's queue does not fill up
// meanwhile.
constexpr int kRemediesATurn = 256;

// How long a directory waits for the command that made it, as long as that still runs and does
// something: tar and cp -a give directories their owner last.
constexpr auto kPatience = std::chrono::seconds(5);

constexpr auto kShortestRetry = std::chrono::milliseconds(100);
constexpr unsigned kMostDoublings = 5;

Operation operation_of(const Notice& notice) {
  switch (notice.kind) {
    case Notice::Kind::kCreated:
      return notice.is_directory ? Operation::kMkdir : Operation::kCreate;
    case Notice::Kind::kMovedIn:
      return Operation::kRename;
    case Notice::Kind::kFound:
      if (notice.was_moved) return Operation::kRename;
      return notice.is_directory ? Operation::kMkdir : Operation::kCreate;
    case Notice::Kind::kAttributes:
    case Notice::Kind::kClosed:
      return Operation::kChown;
  }
  return Operation::kCreate;
}

// A notice does not say what was made; the object does.
Operation refined(Operation operation, const RemedyOutcome& outcome) {
  const auto& state = outcome.before;
  if (operation == Operation::kChown) {
    const auto& wrong = outcome.verdict.wrong;
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

Told told_of(const RemedyOutcome& outcome) {
  if (outcome.what == Remedied::kFixed) return Told::kFixed;
  return outcome.skip == Skip::kNotWanted ? Told::kLogged : Told::kSkipped;
}

std::uint64_t monotonic_us() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

}  // namespace

// The roots of trees, opened once a turn and closed after it: a root that stays open could not be
// unmounted.
struct Caretaker::Roots {
  std::map<std::uint32_t, Result<Object>> open;

  const Result<Object>& of(const Tree& tree, std::uint32_t number) {
    auto known = open.find(number);
    if (known == open.end()) known = open.emplace(number, open_tree(tree.root())).first;
    return known->second;
  }
};

void Caretaker::noticed(const Notice& notice) noexcept {
  if (notice.pid == ::getpid()) return;  // our own remedies
  const auto& policy = policy_of(notice.directory->tree);
  if (policy.action() == Action::kOff) return;
  const auto who = processes_.find(notice.pid);
  if (who->snapshot().fsuid == policy.wanted.owner.id) return by_owner(notice);
  by_another(notice, policy, who);
}

// The owner's own work costs no more than this: no entry, no look at the file. But what it moves in
// may be a file that it must not get, and what it puts in the place of another is not that other.
void Caretaker::by_owner(const Notice& notice) {
  const auto now = std::chrono::steady_clock::now();
  switch (notice.kind) {
    case Notice::Kind::kMovedIn:
    case Notice::Kind::kFound:
      if (is_foreign(notice)) suspects_.add(notice.object);
      settle_.replaced(*notice.directory, notice.name);
      return;
    case Notice::Kind::kCreated:
      settle_.replaced(*notice.directory, notice.name);
      return;
    case Notice::Kind::kAttributes:
    case Notice::Kind::kClosed:
      settle_.stirred(*notice.directory, notice.name, now);
      return;
  }
}

// What cannot be looked at is foreign.
bool Caretaker::is_foreign(const Notice& notice) const {
  const auto& tree = set_->trees()[notice.directory->tree];
  const auto root = open_tree(tree.root());
  if (!root) return true;
  const auto object =
      open_object(*root, WatchedDirectories::path_of(*notice.directory, notice.name));
  return !object || object->state.uid != policy_of(notice.directory->tree).wanted.owner.id;
}

void Caretaker::by_another(const Notice& notice, const Policy& policy,
                           std::shared_ptr<const Found> who) {
  const auto now = std::chrono::steady_clock::now();
  if (notice.kind == Notice::Kind::kClosed)
    return settle_.stirred(*notice.directory, notice.name, now);
  bool evidence = who->snapshot().fsuid.has_value();
  if (notice.kind == Notice::Kind::kFound) evidence = evidence && notice.out_of_owners_reach;
  // Whoever touches what was there before has not brought it in.
  if (notice.kind == Notice::Kind::kAttributes)
    evidence = evidence && !suspects_.is_suspect(notice.object);
  Seen seen{operation_of(notice), std::move(who),
            evidence ? Evidence::kSomebodyElse : Evidence::kNone, notice.object,
            notice.is_directory};
  settle_.seen(*notice.directory, notice.name, std::move(seen), policy.said.settle.value, now);
}

void Caretaker::lost_notices() noexcept {
  for (std::uint32_t tree = 0; tree < set_->trees().size(); ++tree)
    ports_.scan(tree, "the kernel had more to tell than it could keep");
}

void Caretaker::lost_sight(std::uint32_t tree, const std::string& why) noexcept {
  ports_.scan(tree, why);
}

bool Caretaker::owner_can_write(std::uint32_t tree, const ObjectState& directory) noexcept {
  constexpr std::uint32_t kGroupOrOthersWrite = 0022;
  return directory.uid == policy_of(tree).wanted.owner.id ||
         (directory.mode.value & kGroupOrOthersWrite) != 0;
}

bool Caretaker::work(SteadyTime now) {
  Roots roots;
  for (int done = 0; done < kRemediesATurn; ++done) {
    auto due = settle_.take(now);
    if (!due) {
      for (const auto tree : settle_.take_overflowed())
        lost_sight(tree, "more happened at once than could be kept");
      return false;
    }
    settle_one(*std::move(due), roots, now);
  }
  return true;
}

// tar and cp -a still at work: their directories are not done.
bool Caretaker::is_still_at_it(const Due& due, SteadyTime now) const {
  if (!due.seen.is_directory || !due.seen.who || !due.seen.who->known()) return false;
  const auto* itself = WatchedDirectories::find_child(*due.directory, due.name);
  const auto quiet_since =
      itself ? std::max(itself->last_activity, due.first_seen) : due.first_seen;
  return now - quiet_since < kPatience && processes_.is_alive(*due.seen.who);
}

void Caretaker::settle_one(Due due, Roots& roots, SteadyTime now) {
  const auto tree = due.directory->tree;
  const auto& policy = policy_of(tree);
  const auto& root = roots.of(set_->trees()[tree], tree);
  if (!root) return;  // gone, or not to be reached: whoever watches the root finds out
  if (due.look) return look_at(due, *root);
  if (is_still_at_it(due, now)) {
    const auto until = now + due.settle;
    return settle_.put_back(std::move(due), until);
  }

  const auto path = WatchedDirectories::path_of(*due.directory, due.name);
  RemedyTask task;
  task.policy = &policy;
  task.relative_path = path;
  task.expected = due.seen.object.known() ? &due.seen.object : nullptr;
  task.evidence = due.seen.evidence;
  std::optional<Subject> subject;
  if (due.seen.who && due.seen.who->known()) subject = due.seen.who->subject();
  task.subject = subject ? &*subject : nullptr;
  task.operation = due.seen.operation;
  task.war = brake_.is_war(due.seen.object, now);
  const auto outcome = remedy(*root, task);
  if (outcome.what == Remedied::kRight || outcome.skip == Skip::kGone ||
      outcome.skip == Skip::kReplaced || outcome.skip == Skip::kExempt) {
    return;
  }
  if (outcome.skip == Skip::kBusy) {
    const auto wait = kShortestRetry * (1U << std::min(due.tries, kMostDoublings));
    return settle_.put_back(std::move(due), now + wait);
  }
  if (outcome.what == Remedied::kFixed) brake_.fixed(due.seen.object, now);
  if (outcome.skip == Skip::kNoEvidence) suspects_.add(due.seen.object);
  tell(tree, path, due.seen, outcome);
}

// A storm: everything in this directory, by whoever caused it.
void Caretaker::look_at(const Due& due, const Object& root) {
  const auto tree = due.directory->tree;
  const auto& policy = policy_of(tree);
  ScanTask task;
  task.policy = &policy;
  task.start = WatchedDirectories::path_of(*due.directory);
  task.below = false;
  task.fix = true;
  task.evidence = due.seen.evidence;
  ScanOptions options;
  options.threads = 1;
  options.polite = false;
  ScanProgress progress;
  const auto found = [&](const Finding& finding) {
    if (finding.outcome) tell(tree, std::string(finding.path), due.seen, *finding.outcome);
  };
  if (const auto done = scan(root, task, options, found, {}, progress); !done)
    lost_sight(tree, done.error().text());
}

void Caretaker::found_wrong(std::uint32_t tree, const std::string& relative_path,
                            const RemedyOutcome& outcome) {
  Seen seen;
  seen.operation = Operation::kScan;
  if (outcome.what != Remedied::kFixed) {
    if (const auto root = open_tree(set_->trees()[tree].root())) {
      if (const auto object = open_object(*root, relative_path)) {
        if (const auto id = FileId::of(object->fd.get())) suspects_.add(*id);
      }
    }
  }
  tell(tree, relative_path, seen, outcome);
}

void Caretaker::tell(std::uint32_t tree, const std::string& relative_path, const Seen& seen,
                     const RemedyOutcome& outcome) {
  const auto& policy = policy_of(tree);
  const auto& said = policy.said;
  Violation violation;
  violation.time = std::chrono::system_clock::now();
  violation.monotonic_us = monotonic_us();
  violation.policy = policy.name();
  violation.policy_file = set_->files()[said.place.file];
  violation.policy_line = said.place.line;
  violation.generation = set_->generation();
  violation.severity = said.severity.value;
  violation.category = said.category.value;
  violation.operation =
      seen.operation == Operation::kScan ? Operation::kScan : refined(seen.operation, outcome);
  violation.path = set_->trees()[tree].path;
  if (!relative_path.empty()) violation.path += "/" + relative_path;
  violation.object = outcome.id;
  violation.file_type = outcome.before.type;
  violation.links = outcome.before.links;
  violation.before = ownership(outcome.before);
  violation.after = ownership(outcome.after);
  const auto& wanted = outcome.verdict.wanted ? *outcome.verdict.wanted : policy.wanted;
  violation.uid_wanted = wanted.owner.id;
  violation.gid_wanted = wanted.group.id;
  violation.mode_wanted = wanted.mode_of(outcome.before.type);
  violation.owner_wanted = wanted.owner.name;
  violation.group_wanted = wanted.group.name;
  violation.action = told_of(outcome);
  violation.reason =
      outcome.what == Remedied::kFailed ? outcome.error : std::string(reason_text(outcome.skip));
  if (violation.action == Told::kLogged) violation.reason.clear();
  if (seen.who) violation.actor = seen.who->actor();
  ports_.report(std::move(violation));
}

}  // namespace guard
