#include "guardd/enforce/enforcer.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "guardd/enforce/violation.h"
#include "guardd/repair/repair.h"

namespace guard {
namespace {

// One turn of the loop: notices are read in between, so that the kernel's queue does not fill up
// meanwhile.
constexpr int kRepairsATurn = 256;

// How soon a tree is asked again whose file system does not answer.
constexpr auto kWhileHanging = std::chrono::seconds(1);

// How long a directory waits for the command that made it, as long as that still runs and does
// something: tar and cp -a give directories their owner last.
constexpr auto kPatience = std::chrono::seconds(5);

constexpr auto kShortestRetry = std::chrono::milliseconds(100);
constexpr unsigned kMostDoublings = 5;

// A process that was somebody else this short ago may have done as that what is only noticed now:
// opened its log as root, for one, before it became the service.
constexpr std::uint64_t kJustBefore = 30'000'000'000;  // nanoseconds

std::uint64_t just_before() {
  const auto now = boot_time_now();
  return now > kJustBefore ? now - kJustBefore : 0;
}

Operation operation_of(const Notice& notice) {
  if (notice.exactly && notice.kind != Notice::Kind::kFound) return notice.exactly->operation;
  switch (notice.kind) {
    case Notice::Kind::kCreated:
      return notice.is_directory ? Operation::kMkdir : Operation::kCreate;
    case Notice::Kind::kMovedIn:
      return Operation::kRename;
    case Notice::Kind::kFound:
      if (notice.was_moved) return Operation::kRename;
      return notice.is_directory ? Operation::kMkdir : Operation::kCreate;
    default:
      return Operation::kChown;
  }
}

// What was about to happen is looked for this often, in case it takes its time.
constexpr unsigned kLooksAhead = 2;

bool lacks_evidence(Skip skip) {
  return skip == Skip::kNoEvidence || skip == Skip::kAccessList;
}

}  // namespace

void Enforcer::enforce(std::shared_ptr<const PolicySet> set) {
  set_ = std::move(set);
  (void)settle_.take_overflowed();  // numbered as before; all trees are scanned anyway
  links_are_protected_ = false;
  std::ifstream("/proc/sys/fs/protected_hardlinks") >> links_are_protected_;
  pending_.keep_excused_of(*set_);
  for (std::uint32_t tree = 0; tree < set_->trees().size(); ++tree)
    if (source_.directory(tree, "")) take_up(tree);
}

void Enforcer::noticed(const Notice& notice) noexcept {
  if (notice.pid == self_) return;  // our own remedies
  const auto& policy = policy_of(notice.directory->tree);
  if (policy.action() == Action::kOff) return;
  const auto who = who_did(notice);
  const auto owner = policy.wanted.owner.id;
  const auto by = notice.exactly ? notice.exactly->by : who->snapshot().fsuid;
  if (by != owner) act(notice, *who);
  if (InstantViolations::is_act(notice.kind)) return;
  if (by == owner) {
    by_owner(notice);
    const bool is_in_doubt = !notice.exactly && notice.kind == Notice::Kind::kCreated &&
                             who->was_another_since(owner, just_before());
    if (!is_in_doubt) return;
  }
  by_another(notice, policy, who);
}

// Without a memory of those that have ended, /proc may show another process of that number.
std::shared_ptr<const ActingProcess> Enforcer::who_did(const Notice& notice) {
  if (notice.exactly && notice.exactly->time != 0)
    return processes_.find(notice.pid, notice.exactly->time);
  auto who = processes_.find(notice.pid);
  if (processes_.remembers() || notice.witness.is_still_there()) return who;
  return std::make_shared<const ActingProcess>(notice.pid);
}

// The owner's own work costs no more than this: no entry, no look at the file. But what it moves in
// may be a file that it must not get, and what it puts in the place of another is not that other.
void Enforcer::by_owner(const Notice& notice) {
  switch (notice.kind) {
    case Notice::Kind::kMovedIn:
    case Notice::Kind::kFound:
      if (is_foreign(notice)) pending_.suspect(notice.object);
      settle_.replaced(*notice.directory, notice.name);
      return;
    case Notice::Kind::kCreated:
      // Linked, perhaps. Only where links are protected it can be nothing but what it could write.
      if (!links_are_protected_ && !notice.is_directory && is_foreign(notice))
        pending_.suspect(notice.object);
      settle_.replaced(*notice.directory, notice.name);
      return;
    case Notice::Kind::kClosed:
      return settle_.closed(*notice.directory, notice.name, std::chrono::steady_clock::now());
    default:
      return;
  }
}

// What was just brought is somebody's work in progress.
bool Enforcer::is_new(const WatchedDirectory& directory, std::string_view name) const {
  const auto* pending = settle_.find(directory, name);
  return (pending && pending->operation != Operation::kChown) ||
         under_repair_.contains({directory.number, std::string(name)});
}

void Enforcer::act(const Notice& notice, const ActingProcess& who) {
  const auto& directory = *notice.directory;
  auto violation = instant_.judge(*set_, notice, who, is_new(directory, notice.name),
                                  std::chrono::steady_clock::now());
  if (!violation) return;
  add_policy_fields(*violation, *set_, directory.tree);
  excuse(*violation, who);
  ports_.report(*std::move(violation));
}

// What cannot be looked at is foreign.
bool Enforcer::is_foreign(const Notice& notice) const {
  if (notice.exactly) return notice.exactly->is_foreign;
  const auto& tree = set_->trees()[notice.directory->tree];
  const auto root = open_tree(tree.root());
  if (!root) return true;
  const auto object =
      open_object(*root, WatchedDirectories::path_of(*notice.directory, notice.name));
  return !object || object->state.uid != policy_of(notice.directory->tree).wanted.owner.id;
}

void Enforcer::by_another(const Notice& notice, const Policy& policy,
                          std::shared_ptr<const ActingProcess> who) {
  const auto now = std::chrono::steady_clock::now();
  if (notice.kind == Notice::Kind::kClosed)
    return settle_.stirred(*notice.directory, notice.name, now);
  const bool evidence = is_evidence(notice, policy, *who);
  auto operation = operation_of(notice);
  if (notice.kind == Notice::Kind::kCreated && notice.object.known())
    just_created_.add(notice.object, operation, now);
  if (notice.kind == Notice::Kind::kMovedIn)
    operation = just_created_.find(notice.object, now).value_or(operation);
  NoticedChange seen{operation, std::move(who),
                     evidence ? Evidence::kSomebodyElse : Evidence::kNone, notice.object,
                     notice.is_directory};
  if (notice.exactly) seen.is_ahead = notice.exactly->is_ahead;
  if (notice.exactly && notice.exactly->old_directory)
    settle_.renamed(*notice.exactly->old_directory, notice.exactly->old_name, seen);
  if (evidence) pending_.seen(notice.directory->number, notice.name, now);
  settle_.seen(*notice.directory, notice.name, std::move(seen), policy.said.settle.value, now);
}

// Whether it shows that the owner has not brought the object about.
bool Enforcer::is_evidence(const Notice& notice, const Policy& policy,
                           const ActingProcess& who) const {
  if (notice.exactly && notice.kind != Notice::Kind::kFound) {
    const bool may_be_planted =
        notice.kind == Notice::Kind::kMovedIn && pending_.is_suspect(notice.object);
    return notice.exactly->is_evidence && !may_be_planted;
  }
  if (!notice.exactly &&
      (!who.snapshot().fsuid.has_value() || who.may_have_been(policy.wanted.owner.id)))
    return false;
  switch (notice.kind) {
    case Notice::Kind::kFound:
      return notice.out_of_owners_reach;
    // Whoever touches what was there before has not brought it in, nor whoever gives it another
    // name: log rotation renames what the service has put there. And before all of the tree was
    // looked at, what was wrong there before is not known.
    case Notice::Kind::kAttributes:
    case Notice::Kind::kMovedIn:
      return !pending_.is_suspect(notice.object) &&
             looked_through_.contains(set_->trees()[notice.directory->tree].path);
    default:
      return true;
  }
}

// What is known of the object stands in it already.
void Enforcer::violated(std::uint32_t tree, Violation violation, std::uint64_t time) noexcept {
  if (violation.action == Outcome::kLogged) {
    const auto [directory, name] = find(tree, violation.path);
    if (directory && is_new(*directory, name)) return;
  }
  add_policy_fields(violation, *set_, tree);
  const auto who = processes_.find(violation.actor.pid.value_or(0), time);
  const auto thread = violation.actor.tid;
  if (who->known()) violation.actor = who->actor();
  violation.actor.tid = thread;
  excuse(violation, *who);
  ports_.report(std::move(violation));
}

void Enforcer::lost_notices() noexcept {
  settle_.distrust();
  for (std::uint32_t tree = 0; tree < set_->trees().size(); ++tree)
    lost_sight(tree, "the kernel had more to tell than it could keep");
}

void Enforcer::lost_sight(std::uint32_t tree, const std::string& why) noexcept {
  looked_through_.erase(set_->trees()[tree].path);
  ports_.scan(tree, why);
}

void Enforcer::forget_tree(std::uint32_t tree) {
  looked_through_.erase(set_->trees()[tree].path);
  settle_.forget_tree(tree);
}

bool Enforcer::owner_can_write(std::uint32_t tree, const ObjectState& directory) noexcept {
  constexpr std::uint32_t kGroupOrOthersWrite = 0022;
  return directory.uid == policy_of(tree).wanted.owner.id ||
         (directory.mode.value & kGroupOrOthersWrite) != 0;
}

void Enforcer::now_watched(std::uint32_t tree) {
  settle_again(tree, pending_.take_pending(set_->trees()[tree].path));
  take_up(tree);
}

void Enforcer::take_up(std::uint32_t tree) {
  if (!policy_of(tree).is_paused())
    settle_again(tree, pending_.excused_in(set_->trees()[tree].path));
}

void Enforcer::settle_again(std::uint32_t tree, std::vector<Pending> all) {
  const auto now = std::chrono::steady_clock::now();
  const auto settle = policy_of(tree).said.settle.value;
  for (auto& pending : all) {
    const auto [directory, name] = find(tree, pending.path);
    if (!directory) {  // it went with its directory
      if (!pending.is_excused) pending_.judged(pending.object);
      continue;
    }
    settle_.seen(*directory, name,
                 {pending.operation, std::move(pending.who), Evidence::kSomebodyElse,
                  std::move(pending.object), pending.is_directory},
                 settle, now);
  }
}

std::optional<SteadyTime> Enforcer::work(SteadyTime now) {
  pending_.keep(settle_, source_.directories(), *set_, now);
  for (int done = 0; done < kRepairsATurn; ++done) {
    auto due = settle_.take(now);
    if (!due) {
      for (const auto tree : settle_.take_overflowed())
        lost_sight(tree, "more happened at once than could be kept");
      for (const auto& object : settle_.take_dropped()) pending_.judged(object);
      const auto due_next = settle_.next();
      const auto to_keep = pending_.next();
      return due_next && to_keep ? std::min(*due_next, *to_keep) : due_next ? due_next : to_keep;
    }
    const auto tree = due->tree;
    switch (repairs_.has_room(set_->trees()[tree].path)) {
      case RepairWorker::Offer::kTaken:
        break;
      case RepairWorker::Offer::kHanging:
        settle_.put_back(*std::move(due), now + kWhileHanging);
        continue;
      case RepairWorker::Offer::kFull:
        settle_.put_back(*std::move(due), now);
        // Whoever makes room wakes the loop; the others' turn comes soon enough by then.
        return now + kShortestRetry;
    }
    const auto& directory = *source_.directories().find(due->directory);
    if (!due->look && is_still_at_it(*due, directory, now)) {
      const auto until = now + due->settle;
      settle_.put_back(*std::move(due), until);
      continue;
    }
    auto path = WatchedDirectories::path_of(directory, due->name);
    const bool war = war_.is_war(due->seen.object, now);
    if (!due->look) under_repair_.emplace(due->directory, due->name);
    repairs_.offer({set_, tree, std::move(path), *std::move(due), war});
  }
  return now;
}

// tar and cp -a still at work: their directories are not done. They may be silent for long while
// they write one large file.
bool Enforcer::is_still_at_it(const SettledChange& due, const WatchedDirectory& directory,
                              SteadyTime now) const {
  if (!due.seen.is_directory || !due.seen.who || !due.seen.who->known()) return false;
  const auto* itself = WatchedDirectories::find_child(directory, due.name);
  const auto quiet_since =
      itself ? std::max(itself->last_activity, due.first_seen) : due.first_seen;
  const bool may_be = now - quiet_since < kPatience || (itself && itself->waiting_below > 0);
  return may_be && processes_.is_alive(*due.seen.who);
}

void Enforcer::repaired(const RepairReport& done, SteadyTime now) {
  const auto& repair = *done.repair;
  const auto& [set, tree, path, due, war] = repair;
  const auto& outcome = done.outcome;
  if (const auto at = under_repair_.find({due.directory, due.name});
      !due.look && at != under_repair_.end())
    under_repair_.erase(at);
  if (!done.trouble.empty()) {
    if (set == set_) lost_sight(tree, done.trouble);
    return;
  }
  if (outcome.skip == Skip::kBusy) {
    const auto wait = kShortestRetry * (1U << std::min(due.tries, kMostDoublings));
    if (due.look && set != set_) return;  // the scan of the new set finds it too
    if (due.look) return unfinished(tree, done.path, {}, outcome.id.inode, now + wait);
    pending_.seen(due.directory, due.name, now);
    if (const auto* directory = source_.directories().find(due.directory))
      source_.await_closing(*directory, due.name, outcome.id.inode);
    auto again = due;
    ++again.tries;
    return settle_.put_back(std::move(again), now + wait);
  }
  const bool is_missing = outcome.what == RepairResult::kRight || outcome.skip == Skip::kGone ||
                          outcome.skip == Skip::kReplaced;
  if (is_missing && due.seen.is_ahead && !due.look && due.tries < kLooksAhead) {
    const auto wait = kShortestRetry * (1U << (2 * due.tries));
    auto again = due;
    ++again.tries;
    return settle_.put_back(std::move(again), now + wait);
  }
  if (is_left_to_later(done, now)) return;
  if (outcome.what == RepairResult::kRight) reported_.forget(due.seen.object);
  if (outcome.what == RepairResult::kRight || outcome.skip == Skip::kGone ||
      outcome.skip == Skip::kReplaced || outcome.skip == Skip::kExempt ||
      outcome.skip == Skip::kUndone) {
    return;
  }
  if (outcome.what == RepairResult::kFixed) war_.fixed(due.seen.object, now);
  if (lacks_evidence(outcome.skip)) pending_.suspect(due.seen.object);
  tell(*set, tree, done.path, due.seen, outcome);
}

// What is only wrong because its policy is paused. The evidence is kept for the end of the pause;
// if that has come meanwhile, it is judged once more.
bool Enforcer::is_left_to_later(const RepairReport& done, SteadyTime now) {
  const auto& [set, tree, path, due, war] = *done.repair;
  const auto& seen = due.seen;
  const auto skip = done.outcome.skip;
  const bool is_left = set->policy_of(set->trees()[tree]).is_paused() && skip == Skip::kNotWanted &&
                       !due.look && seen.evidence != Evidence::kNone && seen.object.known();
  const auto* directory = is_left ? source_.directories().find(due.directory) : nullptr;
  if (directory && !policy_of(directory->tree).is_paused()) {
    settle_.put_back(due, now);
    return true;
  }
  // The scan at the end of the pause may meet it by another name.
  const bool was_moved = skip == Skip::kGone || skip == Skip::kReplaced;
  if (directory && seen.who)
    pending_.excuse(
        {set->trees()[tree].path, path, seen.object, seen.is_directory, seen.operation, seen.who});
  else if (!was_moved || !pending_.find_excused(seen.object))
    pending_.judged(seen.object);
  return false;
}

// What a pause has left and a scan meets: it was told of when it was noticed, and whoever noticed
// it knows more than the scan.
bool Enforcer::was_excused(const ScanWorker::Wrong& wrong) {
  const auto* excused = pending_.find_excused(wrong.object);
  if (!excused || wrong.outcome.what == RepairResult::kFixed) return false;
  if (wrong.set != set_ || policy_of(wrong.tree).is_paused()) return true;
  if (!lacks_evidence(wrong.outcome.skip)) return false;
  auto by_this_name = *excused;
  by_this_name.path = wrong.path;
  settle_again(wrong.tree, {std::move(by_this_name)});
  return true;
}

Enforcer::Name Enforcer::find(std::uint32_t tree, const std::string& path) const {
  const auto slash = path.rfind('/');
  const bool has_parent = slash != std::string::npos;
  const auto above = std::string_view(path).substr(0, has_parent ? slash : 0);
  return {source_.directory(tree, above), path.substr(has_parent ? slash + 1 : 0)};
}

// What was met while it was being made: it is judged like everything else once it has come to
// rest, only that nobody knows who makes it.
void Enforcer::unfinished(std::uint32_t tree, const std::string& path, FileId object,
                          std::uint64_t inode, SteadyTime until) {
  auto [directory, name] = find(tree, path);
  if (!directory) return;  // it is new and not watched yet, or gone: either is told
  if (inode != 0) source_.await_closing(*directory, name, inode);
  SettledChange due;
  due.directory = directory->number;
  due.tree = tree;
  due.name = std::move(name);
  due.seen.operation = Operation::kScan;
  due.seen.object = std::move(object);
  due.settle = policy_of(tree).said.settle.value;
  due.first_seen = std::chrono::steady_clock::now();
  settle_.put_back(std::move(due), until);
}

void Enforcer::found(const ScanWorker::Wrong& wrong) {
  if (wrong.is_end) {
    if (!wrong.is_complete) return;
    looked_through_.insert(wrong.set->trees()[wrong.tree].path);
    if (wrong.set == set_ && !policy_of(wrong.tree).is_paused())
      pending_.forget_excused_in(set_->trees()[wrong.tree].path);
    return;
  }
  if (wrong.outcome.skip == Skip::kBusy) {
    if (wrong.set != set_) return;  // the scan of the new set finds it too
    return unfinished(wrong.tree, wrong.path, wrong.object, wrong.outcome.id.inode,
                      std::chrono::steady_clock::now() + policy_of(wrong.tree).said.settle.value);
  }
  if (wrong.set == set_ && wrong.outcome.what != RepairResult::kFixed) {
    // A scan meets what is being made, or mended, as well; whoever noticed it knows more.
    const auto [directory, name] = find(wrong.tree, wrong.path);
    if (directory &&
        (settle_.find(*directory, name) || under_repair_.contains({directory->number, name})))
      return;
    // Or it saw it as it was before.
    const auto now = std::chrono::steady_clock::now();
    if (war_.was_just_fixed(wrong.object, now))
      return unfinished(wrong.tree, wrong.path, wrong.object, 0,
                        now + policy_of(wrong.tree).said.settle.value);
  }
  if (was_excused(wrong)) return;
  NoticedChange seen;
  seen.operation = Operation::kScan;
  seen.object = wrong.object;
  const auto& policy = wrong.set->policy_of(wrong.set->trees()[wrong.tree]);
  const bool is_owners = wrong.outcome.before.uid == policy.wanted.owner.id;
  if (wrong.outcome.what != RepairResult::kFixed && !is_owners) pending_.suspect(wrong.object);
  tell(*wrong.set, wrong.tree, wrong.path, seen, wrong.outcome);
}

// A mount at a tree's root or above hides all of it, one below a part; what goes shows what was
// hidden.
void Enforcer::mounted(const MountNews& news, const std::vector<std::uint32_t>& watched) {
  if (news.mounted.empty() && news.unmounted.empty()) return;
  const auto who = news.pid ? processes_.find(*news.pid) : nullptr;
  const auto tell_all = [&](const std::vector<Mount>& mounts, MountChange change) {
    for (const auto& mount : mounts)
      for (const auto tree : watched)
        if (auto account = make_violation(*set_, tree, mount, change, who))
          ports_.report(*std::move(account));
  };
  tell_all(news.mounted, MountChange::kMounted);
  tell_all(news.unmounted, MountChange::kUnmounted);
}

// Whoever brings it somewhere is always told of; whoever only touches it is not, unless something
// comes of that.
bool Enforcer::was_told(const NoticedChange& seen, const RepairOutcome& outcome) {
  if (outcome.what == RepairResult::kFixed) {
    reported_.forget(seen.object);
    return false;
  }
  const auto& wrong = outcome.verdict.wrong;
  const ReportedStates::State state{outcome.after.uid, outcome.after.gid, wrong.mode_excess,
                                    wrong.mode_missing, static_cast<std::uint8_t>(outcome.skip)};
  // The same inode is made once: if it is known by then, a scan was faster than the notice.
  if (seen.operation != Operation::kRename && reported_.is_known(seen.object, state)) return true;
  reported_.add(seen.object, state);
  return false;
}

void Enforcer::tell(const PolicySet& set, std::uint32_t tree, const std::string& relative_path,
                    const NoticedChange& seen, const RepairOutcome& outcome) {
  if (!was_told(seen, outcome))
    ports_.report(make_violation(set, tree, relative_path, seen, outcome));
}

}  // namespace guard
