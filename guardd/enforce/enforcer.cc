#include "guardd/enforce/enforcer.h"

#include <algorithm>
#include <deque>
#include <tuple>
#include <utility>

#include "guardd/enforce/attribution.h"
#include "guardd/enforce/violation.h"
#include "guardd/evidence/access.h"
#include "guardd/repair/repair.h"

namespace guard {
namespace {

// In one turn of the loop. Notices are read in between, so that the kernel's queue does not fill
// up.
constexpr int kRepairsATurn = 256;
constexpr auto kTurn = std::chrono::milliseconds(5);

// How soon guardd tries again a tree whose file system does not answer.
constexpr auto kWhileHanging = std::chrono::seconds(1);

// How soon guardd looks again whether it is known who made a change.
constexpr auto kUntilKnown = std::chrono::milliseconds(1);

// How long a directory waits for the command that made it while that runs: tar and cp -a set the
// owner of directories last.
constexpr auto kPatience = std::chrono::seconds(5);

constexpr auto kShortestRetry = std::chrono::milliseconds(100);
constexpr unsigned kMostDoublings = 5;

// Of the directories below one that has been fixed.
constexpr std::size_t kMostLooksBelow = 256;

// How often guardd looks for the result of an operation that was only about to happen.
constexpr unsigned kLooksAhead = 2;

ObjectState state_of(const FixedFile& file, const Ownership& ownership) {
  return {file.type, ownership.uid, ownership.gid, ownership.mode, 1};
}

bool is_missing(const RepairOutcome& outcome) {
  return outcome.what == RepairResult::kCorrect || outcome.skip == Skip::kGone ||
         outcome.skip == Skip::kReplaced;
}

}  // namespace

// Trees are numbered as in the present set.
void Enforcer::count_merged() {
  for (const auto& [tree, changes] : settle_.take_merged())
    merged_[policy_of(tree).name()] += changes;
}

void Enforcer::use_policies(std::shared_ptr<const PolicySet> set) {
  count_merged();
  // Policies that are gone are forgotten.
  std::erase_if(merged_, [&](const auto& each) { return !set->find_policy(each.first); });
  set_ = std::move(set);
  (void)settle_.take_overflowed();  // by old numbers; all trees are scanned anyway
  pending_.use_policies(set_);
}

void Enforcer::noticed(const Notice& notice) noexcept {
  if (notice.pid == self_ || HelperProcess::is_one(notice.pid)) return;  // our own work
  has_activity_ = true;
  const auto& policy = policy_of(notice.directory->tree());
  if (policy.action() == Action::kOff) return;
  const auto who = process_of(notice, processes_);
  const auto owner = policy.wanted.owner.id;
  const auto by = notice.detail ? notice.detail->by : who->snapshot().fsuid;
  if (by != owner) report_instant(notice, policy, who);
  if (InstantViolations::is_instant(notice.kind)) return;
  if (by == owner) {
    handle_owner(notice);
    const bool is_in_doubt = !notice.detail && notice.kind == Notice::Kind::kCreated &&
                             was_another_just_before(*who, owner);
    if (!is_in_doubt) return;
  }
  handle_another(notice, policy, who);
}

// The owner's own work costs no more than this: no queue entry, no look at the file. A file that it
// replaces is another one.
void Enforcer::handle_owner(const Notice& notice) {
  switch (notice.kind) {
    case Notice::Kind::kMovedIn:
    case Notice::Kind::kFound:
    case Notice::Kind::kCreated:
      return settle_.replaced(*notice.directory, notice.name);
    case Notice::Kind::kClosed:
      return settle_.closed(*notice.directory, notice.name, std::chrono::steady_clock::now());
    default:
      return;
  }
}

// A command is still working on it.
bool Enforcer::is_new(const WatchedDirectory& directory, std::string_view name) const {
  const auto* pending = settle_.find(directory, name);
  return (pending && pending->operation != Operation::kChown) ||
         under_repair_.contains({directory.number, std::string(name)});
}

// What is still being made is changed as a part of that.
void Enforcer::report_instant(const Notice& notice, const Policy& policy,
                              const std::shared_ptr<const ActingProcess>& who) {
  if (!InstantViolations::is_guarded(notice, policy) || is_new(*notice.directory, notice.name))
    return;
  actors_.run(who, [this, who, kind = notice.kind, directory = notice.directory->number,
                    name = std::string(notice.name), is_directory = notice.is_directory] {
    auto* watched = source_.directories().find(directory);
    if (!watched) return;
    Notice again;
    again.kind = kind;
    again.directory = watched;
    again.name = name;
    again.is_directory = is_directory;
    auto violation = instant_.judge(*set_, again, *who, std::chrono::steady_clock::now());
    if (!violation) return;
    add_policy_fields(*violation, *set_, watched->tree());
    add_process_remarks(*violation, *who);
    callbacks_.report(*std::move(violation));
  });
}

void Enforcer::handle_another(const Notice& notice, const Policy& policy,
                              std::shared_ptr<const ActingProcess> who) {
  const auto now = std::chrono::steady_clock::now();
  if (notice.kind == Notice::Kind::kClosed)
    return settle_.stirred(*notice.directory, notice.name, now);
  expect(who, policy.wanted.owner.id);
  auto operation = operation_of(notice);
  if (notice.kind == Notice::Kind::kCreated && notice.object.known())
    just_created_.add(notice.object, operation, now);
  if (notice.kind == Notice::Kind::kMovedIn)
    operation = just_created_.find(notice.object, now).value_or(operation);
  NoticedChange seen{operation, std::move(who), notice.object, notice.is_directory};
  if (notice.detail) seen.is_ahead = notice.detail->is_ahead;
  if (notice.detail && notice.detail->old_directory)
    settle_.renamed(*notice.detail->old_directory, notice.detail->old_name, seen);
  pending_.add(notice.directory->number, notice.name, now);
  settle_.seen(*notice.directory, notice.name, std::move(seen), policy.said.settle.value, now);
}

// Most changes in a row are by one process.
void Enforcer::expect(const std::shared_ptr<const ActingProcess>& who, Uid owner) {
  if (expected_.first == who && expected_.second == owner) return;
  expected_ = {who, owner};
  actors_.run(who, [this, who, owner] { callbacks_.expect(*who, owner); });
}

// The violation has the facts about the object already.
void Enforcer::violated(std::uint32_t tree, Violation violation, std::uint64_t time) noexcept {
  if (violation.action == Outcome::kLogged) {
    const auto [directory, name] = watched_name(source_, tree, violation.path);
    if (directory && is_new(*directory, name)) return;
  }
  add_policy_fields(violation, *set_, tree);
  const auto who = processes_.find(violation.actor->pid.value_or(0), time);
  actors_.run(who, [this, who, violation = std::move(violation)]() mutable {
    const auto thread = violation.actor->tid;
    if (who->known()) violation.actor = who->shared_actor();
    violation.actor.set_thread(thread);
    add_process_remarks(violation, *who);
    callbacks_.report(std::move(violation));
  });
}

void Enforcer::lost_notices() noexcept {
  for (std::uint32_t tree = 0; tree < set_->trees().size(); ++tree)
    lost_sight(tree, "the kernel's queue of events overflowed");
}

void Enforcer::lost_sight(std::uint32_t tree, const std::string& why) noexcept {
  callbacks_.scan(tree, why);
}

void Enforcer::forget_tree(std::uint32_t tree) {
  settle_.forget_tree(tree);
}

std::optional<SteadyTime> Enforcer::work(SteadyTime now) {
  pending_.save(now, settle_.next().value_or(SteadyTime::max()) <= now);
  SettleQueue::Skipped full;
  alive_.clear();
  for (int done = 0; done < kRepairsATurn && std::chrono::steady_clock::now() < now + kTurn;
       ++done) {
    auto due = settle_.take(now, full);
    if (!due) {
      for (const auto tree : settle_.take_overflowed())
        lost_sight(tree, "more changes happened at once than guardd can queue");
      for (const auto& object : settle_.take_dropped()) pending_.forget(object);
      auto change = settle_.next(full);
      if (!full.empty())
        change = std::min(change.value_or(SteadyTime::max()), now + kShortestRetry);
      const auto save = pending_.next();
      return change && save ? std::min(*change, *save) : change ? change : save;
    }
    const auto tree = due->tree;
    if (due->seen.who && !due->seen.who->is_complete()) {
      settle_.put_back(*std::move(due), now + kUntilKnown);
      continue;
    }
    switch (repairs_.has_room(set_->trees()[tree].path)) {
      case RepairProcess::Offer::kAccepted:
        break;
      case RepairProcess::Offer::kHanging:
        settle_.put_back(*std::move(due), now + kWhileHanging);
        continue;
      case RepairProcess::Offer::kFull:
        // A finished repair makes room and wakes the loop.
        full.insert(due->home);
        settle_.put_back(*std::move(due), now);
        continue;
    }
    const auto& directory = *source_.directories().find(due->directory);
    if (!due->look && is_in_progress(*due, directory, now)) {
      const auto until = now + due->settle;
      settle_.put_back(*std::move(due), until);
      continue;
    }
    auto path = WatchedDirectories::path_of(directory, due->name);
    const bool war = war_.is_war(due->seen.object, now);
    if (!due->look) under_repair_.emplace(due->directory, due->name);
    repairs_.offer({set_, tree, std::move(path), *std::move(due), war}, directory.id);
  }
  return now;
}

// tar and cp -a make a directory and fill it, and may be silent while they write one large file.
bool Enforcer::is_in_progress(const SettledChange& due, const WatchedDirectory& directory,
                              SteadyTime now) {
  if (!due.seen.is_directory || !due.seen.who || !due.seen.who->known()) return false;
  const auto* itself = WatchedDirectories::find_child(directory, due.name);
  const auto quiet_since =
      itself ? std::max(itself->last_activity, due.first_seen) : due.first_seen;
  const bool may_be = now - quiet_since < kPatience || (itself && itself->waiting_below > 0);
  if (!may_be) return false;
  // One command can make thousands of directories.
  const auto [known, is_new] = alive_.try_emplace(due.seen.who);
  if (is_new) known->second = processes_.is_alive(*due.seen.who);
  return known->second;
}

void Enforcer::handle_repair(const RepairReport& done, SteadyTime now) {
  const auto& [set, tree, path, due, war] = *done.repair;
  const auto& outcome = done.outcome;
  if (const auto at = under_repair_.find({due.directory, due.name});
      !due.look && at != under_repair_.end())
    under_repair_.erase(at);
  if (!done.trouble.empty()) {
    if (set == set_) lost_sight(tree, done.trouble);
    return;
  }
  if (outcome.skip == Skip::kBusy) return wait_for_writer(done, now);
  if (is_missing(outcome) && due.seen.is_ahead && !due.look && due.tries < kLooksAhead)
    return retry(due, now + kShortestRetry * (1U << (2 * due.tries)));
  if (pending_.is_judged_later(done, now)) return;
  if (outcome.what == RepairResult::kCorrect) reported_.forget(due.seen.object);
  if (is_missing(outcome) || outcome.skip == Skip::kExempt || outcome.skip == Skip::kUndone) return;
  if (outcome.what == RepairResult::kFixed) {
    war_.fixed(due.seen.object, now);
    judge_contents(done, now);
  }
  report(*set, tree, done.path, due.seen, outcome);
}

// The owner can reach what a private directory contains only now. Some of that may have been left,
// because contents settle first.
void Enforcer::judge_contents(const RepairReport& done, SteadyTime now) {
  const auto& [set, tree, path, due, war] = *done.repair;
  const auto& before = done.outcome.before;
  if (set != set_ || before.type != FileType::kDirectory || !is_hidden_from_others(before) ||
      unproven_in(set->trees()[tree].path) == 0)
    return;
  const auto [directory, name] = watched_name(source_, tree, done.path);
  const auto* fixed = directory ? WatchedDirectories::find_child(*directory, name) : nullptr;
  std::deque<const WatchedDirectory*> below;
  if (fixed) below.push_back(fixed);
  for (std::size_t looks = 0; !below.empty() && looks < kMostLooksBelow; ++looks) {
    for (const auto& [child, each] : below.front()->children) below.push_back(each);
    SettledChange look;
    look.directory = below.front()->number;
    look.tree = tree;
    look.look = true;
    look.seen.operation = Operation::kScan;
    look.settle = policy_of(tree).said.settle.value;
    look.first_seen = now;
    settle_.put_back(std::move(look), now);
    below.pop_front();
  }
}

void Enforcer::wait_for_writer(const RepairReport& done, SteadyTime now) {
  const auto& [set, tree, path, due, war] = *done.repair;
  const auto inode = done.outcome.id.inode;
  const auto when = now + kShortestRetry * (1U << std::min(due.tries, kMostDoublings));
  if (due.look) {
    // If the set has changed, the scan of the new set finds the object.
    if (set == set_) judge_later(tree, done.path, {}, inode, when);
    return;
  }
  pending_.add(due.directory, due.name, now);
  if (const auto* directory = source_.directories().find(due.directory))
    source_.await_closing(*directory, due.name, inode);
  retry(due, when);
}

void Enforcer::retry(SettledChange due, SteadyTime when) {
  ++due.tries;
  settle_.put_back(std::move(due), when);
}

void Enforcer::judge_later(std::uint32_t tree, const std::string& path, FileId object,
                           std::uint64_t inode, SteadyTime when) {
  auto [directory, name] = watched_name(source_, tree, path);
  if (!directory) return;  // a new directory, or one that is gone: a notice follows
  if (inode != 0) source_.await_closing(*directory, name, inode);
  SettledChange due;
  due.directory = directory->number;
  due.tree = tree;
  due.name = std::move(name);
  due.seen.operation = Operation::kScan;
  due.seen.object = std::move(object);
  due.settle = policy_of(tree).said.settle.value;
  due.first_seen = std::chrono::steady_clock::now();
  settle_.put_back(std::move(due), when);
}

void Enforcer::handle_finding(const ScanFinding& finding) {
  const auto& set = finding.set;
  const auto tree = finding.tree;
  if (finding.is_end) {
    if (!finding.is_complete) return;
    reported_.discount_unseen(set->trees()[tree].path, finding.began);
    if (set == set_ && !policy_of(tree).is_paused()) pending_.forget_excused_in(tree);
    return;
  }
  if (!finding.files.empty()) return handle_list(finding);
  const bool is_fixed = finding.outcome.what == RepairResult::kFixed;
  if (finding.outcome.skip == Skip::kBusy) {
    if (set != set_) return;  // the scan of the new set finds it
    return judge_later(tree, finding.path, finding.object, finding.outcome.id.inode,
                       std::chrono::steady_clock::now() + policy_of(tree).said.settle.value);
  }
  if (set == set_ && !is_fixed) {
    // A scan also finds objects that a command still makes, or guardd still fixes. Their notices
    // know more than the scan.
    const auto [directory, name] = watched_name(source_, tree, finding.path);
    if (directory &&
        (settle_.find(*directory, name) || under_repair_.contains({directory->number, name})))
      return;
    // The scan may have looked at it just before its repair.
    const auto now = std::chrono::steady_clock::now();
    if (war_.was_just_fixed(finding.object, now))
      return judge_later(tree, finding.path, finding.object, 0,
                         now + policy_of(tree).said.settle.value);
  }
  if (pending_.was_excused(finding)) return;
  NoticedChange seen;
  seen.operation = Operation::kScan;
  seen.object = finding.object;
  if (set == set_ && is_fixed) {  // faster than the repair of a change that waits
    const auto [directory, name] = watched_name(source_, tree, finding.path);
    if (const auto* waiting = directory ? settle_.find(*directory, name) : nullptr) seen = *waiting;
  }
  report(*set, tree, finding.path, seen, finding.outcome);
}

// The scan does not know who left a file so, but the change may wait here: it was faster than the
// repair of that. Such a file is reported by itself.
void Enforcer::handle_list(const ScanFinding& finding) {
  const auto& [set, tree] = std::tie(finding.set, finding.tree);
  FixedFiles rest;
  auto first = finding;
  if (set == set_ && settle_.waiting() > 0) {
    const auto root = set->trees()[tree].path.size() + 1;
    for (auto files = finding.files.read(); files.next();) {
      const auto& file = files.file();
      const auto path = file.path.substr(root);
      const auto [directory, name] = watched_name(source_, tree, path);
      const auto* waiting = directory ? settle_.find(*directory, name) : nullptr;
      auto outcome = finding.outcome;
      outcome.id = file.object;
      outcome.before = state_of(file, file.before);
      outcome.after = state_of(file, file.after);
      if (waiting) {
        report(*set, tree, path, *waiting, outcome);
        continue;
      }
      if (rest.empty()) std::tie(first.path, first.outcome) = std::tie(path, outcome);
      rest.add(file.path, file);
    }
  } else {
    rest = finding.files;
  }
  if (rest.empty()) return;
  NoticedChange seen;
  seen.operation = Operation::kScan;
  callbacks_.report_list(make_violation(*set, tree, first.path, seen, first.outcome),
                         std::move(rest));
}

// A mount at a tree's root or above hides the whole tree, and one below it hides a part. An unmount
// shows it again.
void Enforcer::handle_mounts(const MountNews& news, const std::vector<std::uint32_t>& watched) {
  if (news.mounted.empty() && news.unmounted.empty()) return;
  const auto who = news.pid ? processes_.find(*news.pid) : nullptr;
  actors_.run(who, [this, who, set = set_, news, watched] {
    const auto report_all = [&](const std::vector<Mount>& mounts, MountChange change) {
      for (const auto& mount : mounts)
        for (const auto tree : watched)
          if (auto violation = make_violation(*set, tree, mount, change, who))
            callbacks_.report(*std::move(violation));
    };
    report_all(news.mounted, MountChange::kMounted);
    report_all(news.unmounted, MountChange::kUnmounted);
  });
}

// A process that moves an object here is always reported; one that only touches it is reported only
// if its state changes.
bool Enforcer::was_reported(const std::string& tree, const NoticedChange& seen,
                            const RepairOutcome& outcome) {
  if (outcome.what == RepairResult::kFixed) {
    reported_.forget(seen.object);
    return false;
  }
  const auto& wrong = outcome.verdict.deviation;
  const ReportedStates::State state{outcome.after.uid, outcome.after.gid, wrong.mode_excess,
                                    wrong.mode_missing, static_cast<std::uint8_t>(outcome.skip)};
  // An inode is created once: if its state is known, a scan was faster than the notice.
  const bool is_known =
      reported_.is_known(seen.object, state, tree, std::chrono::steady_clock::now());
  return is_known && seen.operation != Operation::kRename;
}

std::size_t Enforcer::unproven_in(const std::string& tree) const {
  return reported_.count(tree, static_cast<std::uint8_t>(Skip::kNoEvidence));
}

void Enforcer::report(const PolicySet& set, std::uint32_t tree, const std::string& relative_path,
                      const NoticedChange& seen, const RepairOutcome& outcome) {
  if (!was_reported(set.trees()[tree].path, seen, outcome))
    callbacks_.report(make_violation(set, tree, relative_path, seen, outcome));
}

}  // namespace guard
