#include "guardd/permission/responder.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "guardd/host/clock.h"
#include "guardd/host/files.h"
#include "guardd/host/own_descriptors.h"
#include "guardd/permission/crash_release.h"
#include "guardd/permission/opener.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using Clock = std::chrono::steady_clock;

// How often the monitor looks, while anybody waits.
constexpr auto kLook = std::chrono::milliseconds(50);
// How long the reader may be at one open before the process ends itself. What it does takes
// microseconds; whatever holds it up that long may do so for ever.
constexpr auto kStuck = std::chrono::seconds(3);
// Whoever opens one file after another is waited for this long without going to sleep, for so many
// opens in a row: to be woken takes longer than to answer.
constexpr auto kEager = std::chrono::microseconds(50);
constexpr unsigned kInARow = 32;
// What all that wait, are put right and taken away at once may hold, and some for the rest.
constexpr rlim_t kDescriptors = 4096;
// How long policies that hold no more are still asked.
constexpr auto kGrace = std::chrono::milliseconds(100);

std::optional<std::pair<OpenedFile, InodeId>> look_at(int file) {
  struct statx facts {};
  constexpr unsigned kWanted = STATX_BASIC_STATS | STATX_BTIME;
  if (::statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kWanted, &facts) != 0)
    return std::nullopt;
  OpenedFile opened;
  opened.state = {file_type(facts.stx_mode), Uid{facts.stx_uid}, Gid{facts.stx_gid},
                  Mode{facts.stx_mode & 07777U}, facts.stx_nlink};
  opened.size = facts.stx_size;
  if ((facts.stx_mask & STATX_BTIME) != 0) opened.born = nanoseconds(facts.stx_btime);
  opened.changed = nanoseconds(facts.stx_ctime);
  opened.modified = nanoseconds(facts.stx_mtime);
  opened.now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count();
  return std::pair(
      opened, InodeId{::gnu_dev_makedev(facts.stx_dev_major, facts.stx_dev_minor), facts.stx_ino});
}

// By the kernel's names in memory: no file system is asked. It marks what has no name any more.
std::string path_of(int file, bool has_name) {
  std::array<char, PATH_MAX> target{};
  const auto link = "/proc/self/fd/" + std::to_string(file);
  const auto size = ::readlink(link.c_str(), target.data(), target.size());
  std::string path(target.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  constexpr std::string_view kDeleted = " (deleted)";
  if (!has_name && path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

OpenedPlace place_of(const PermissionEvent& event, const OpenedFile& opened) {
  const auto& group = event.group();
  auto path = path_of(event.file(), opened.state.links > 0);
  const auto& set = *group.set();
  const auto* tree = path.starts_with('/') ? set.tree_of(path) : nullptr;
  if (tree && tree->policy == group.policy_number()) {
    return {static_cast<std::uint32_t>(tree - set.trees().data()), true,
            std::string(PolicySet::relative(*tree, path))};
  }
  const auto of_policy = [&](const Tree& each) { return each.policy == group.policy_number(); };
  const auto first = std::find_if(set.trees().begin(), set.trees().end(), of_policy);
  return {static_cast<std::uint32_t>(first - set.trees().begin()), false, std::move(path)};
}

bool goes_by_paths(const Policy& policy) {
  return !policy.rules.empty() || !policy.exclude.empty();
}

Ownership ownership(const ObjectState& state) {
  return {state.uid, state.gid, state.mode};
}

bool has_same_trees(const PolicySet& one, const PolicySet& other) {
  const auto same = [&](const Tree& a, const Tree& b) {
    return a.path == b.path && one.policy_of(a).name() == other.policy_of(b).name();
  };
  return std::equal(one.trees().begin(), one.trees().end(), other.trees().begin(),
                    other.trees().end(), same);
}

// And means it: a program that was replaced is another one.
bool says_the_same(const Policy& one, const Policy& other) {
  const auto same_program = [](const Allow& a, const Allow& b) { return a.exe == b.exe; };
  return one.name() == other.name() && canonical_text({one}) == canonical_text({other}) &&
         std::equal(one.allows.begin(), one.allows.end(), other.allows.begin(), other.allows.end(),
                    same_program);
}

// If systemd has started this very process: then all in its control group are its own.
bool is_service() {
  const char* pid = std::getenv("SYSTEMD_EXEC_PID");  // NOLINT(concurrency-mt-unsafe)
  return pid && std::to_string(::getpid()) == pid;
}

}  // namespace

PermissionResponder::PermissionResponder(bool denies_opens)
    : denies_opens_(denies_opens), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

PermissionResponder::~PermissionResponder() {
  stop();
  for (auto* thread : {&reader_, &monitor_}) thread->request_stop();
  for (auto& fixer : fixers_) fixer.request_stop();
  wake();
  fix_changed_.notify_all();
  watch_changed_.notify_all();
}

void PermissionResponder::wake() const {
  const std::uint64_t one = 1;
  (void)::write(wake_.get(), &one, sizeof one);  // EAGAIN: it is awake already
}

// The threads are there once somebody has to be asked.
void PermissionResponder::start() {
  if (reader_.joinable()) return;
  release_opens_on_fatal_signals();
  ProcessesOptions options;
  options.tracer = false;
  processes_ = std::make_unique<Processes>(options);
  if (is_service()) {
    const auto self = processes_->find(::getpid());
    if (const auto& group = self->snapshot().control_group) own_group_ = group->path;
  }
  for (unsigned i = 0; i < kFixers; ++i)
    fixers_.emplace_back([this](const std::stop_token& stop) { fix(stop); });
  monitor_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  reader_ = std::jthread([this](const std::stop_token& stop) { read(stop); });
}

// ---- which policies are asked for

void PermissionResponder::prepare(std::shared_ptr<const PolicySet> set, const Settings& settings) {
  const auto before = std::exchange(set_, std::move(set));
  auto groups = std::exchange(groups_, {});
  shortcomings_.clear();
  unmarked_.clear();
  is_changing_ = true;
  const bool same_trees = before && has_same_trees(*before, *set_);
  for (std::uint32_t policy = 0; policy < set_->policies().size(); ++policy) {
    const auto& each = set_->policies()[policy];
    if (!needs_answers(each, denies_opens_)) continue;
    // What has not changed goes on as it is: groups are few, and each policy needs only one then.
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& old) {
      return same_trees && says_the_same(old.second->policy(), each);
    });
    if (same != groups.end()) {
      groups_.emplace(policy, std::move(same->second));
      groups.erase(same);
      continue;
    }
    auto group = PermissionGroup::create(set_, policy, counters_);
    if (group) {
      groups_.emplace(policy, *std::move(group));
    } else {
      shortcomings_.push_back(
          "the policy " + quote(each.name()) +
          " refuses no opens and puts nothing right before they return: " + group.error().text());
    }
  }
  rlimit limit{};
  if (!groups_.empty() && ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < kDescriptors)
    shortcomings_.push_back("guardd may have only " + std::to_string(limit.rlim_cur) +
                            " files open (RLIMIT_NOFILE): the kernel refuses opens by itself when "
                            "more of them wait than that");
  for (auto& [policy, group] : groups) leaving_.push_back(std::move(group));
  {
    const std::lock_guard lock(mutex_);
    settings_ = settings;
  }
  publish();
  if (!groups_.empty()) start();
}

// To the reader: these are asked, and those that leave.
void PermissionResponder::publish() {
  Groups asked = leaving_;
  for (const auto& [policy, group] : groups_) asked.push_back(group);
  {
    const std::lock_guard lock(mutex_);
    asked_ = std::make_shared<const Groups>(std::move(asked));
  }
  wake();
}

void PermissionResponder::enforced() {
  is_changing_ = false;
  leaving_.clear();
  publish();
}

PermissionGroup* PermissionResponder::group_of(std::uint32_t tree) const {
  if (!set_) return nullptr;
  const auto group = groups_.find(set_->trees()[tree].policy);
  return group == groups_.end() ? nullptr : group->second.get();
}

// Fails towards letting pass: what is opened there is put right once it has settled.
void PermissionResponder::mark(std::uint32_t tree, int directory) {
  const auto* group = group_of(tree);
  if (!group) return;
  if (const auto marked = group->mark(directory); !marked)
    unmarked_[tree] =
        "opens in " + quote(set_->trees()[tree].root()) +
        " are not all refused, nor put right before they return: " + marked.error().text();
}

// While the policies change, a tree's number may be that of before; its marks go with their group.
void PermissionResponder::unmark(std::uint32_t tree, int directory) const {
  const auto* group = is_changing_ ? nullptr : group_of(tree);
  if (group) group->unmark(directory);
}

std::vector<std::string> PermissionResponder::shortcomings() const {
  auto all = shortcomings_;
  for (const auto& [tree, why] : unmarked_) all.push_back(why);
  return all;
}

void PermissionResponder::stop() {
  for (const auto& [policy, group] : groups_) group->let_go();
  groups_.clear();
  enforced();
}

PermissionResponder::Settings PermissionResponder::settings() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

// ---- the reader

// What waits in it now. False: nothing did.
bool PermissionResponder::answer_some(const std::shared_ptr<PermissionGroup>& group) {
  std::array<PermissionGroup::Waiting, PermissionGroup::kMostAtOnce> waiting;
  const auto count = group->read(waiting);
  std::array<std::shared_ptr<PermissionEvent>, PermissionGroup::kMostAtOnce> events;
  const auto now = Clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    events.at(i) = std::make_shared<PermissionEvent>(group, std::move(waiting.at(i).file),
                                                     waiting.at(i).thread);
    pending_opens_.add(events.at(i), now);
  }
  for (std::size_t i = 0; i < count; ++i) answer(std::exchange(events.at(i), nullptr));
  return count > 0;
}

// Those who come one right after the other; for a moment only, since others wait as well.
void PermissionResponder::answer_more(const std::shared_ptr<PermissionGroup>& group) {
  auto last = Clock::now();
  for (unsigned answered = 0; answered < kInARow;) {
    if (any_fixed_) answer_fixed();
    const bool any = answer_some(group);
    const auto now = Clock::now();
    if (any) {
      ++answered;
      last = now;
    } else if (now - last >= kEager) {
      return;
    } else {
      (void)::sched_yield();  // to whoever is to open next, if that waits for this processor
    }
  }
}

// A group that is not asked any more goes on for a moment: whoever began to open before the new one
// was there, and was held up in between, knows only the old.
void PermissionResponder::read(const std::stop_token& stop) {
  struct Read {
    std::shared_ptr<PermissionGroup> group;
    std::optional<Clock::time_point> goes;
  };
  std::vector<Read> all;
  std::shared_ptr<const Groups> known;
  std::vector<pollfd> polled;
  Clock::time_point answered;
  while (!stop.stop_requested()) {
    std::shared_ptr<const Groups> asked;
    {
      const std::lock_guard lock(mutex_);
      asked = asked_;
    }
    const auto now = Clock::now();
    if (asked != known) {
      known = std::move(asked);
      const auto in = [](const auto& groups, const auto& group) {
        return std::any_of(groups.begin(), groups.end(),
                           [&](const auto& each) { return each == group; });
      };
      for (auto& each : all)
        if (!each.goes && !in(*known, each.group)) each.goes = now + kGrace;
      for (const auto& group : *known)
        if (std::none_of(all.begin(), all.end(),
                         [&](const Read& each) { return each.group == group; }))
          all.push_back({group, std::nullopt});
    }
    bool any_goes = false;
    for (auto& each : all) {
      if (!each.goes) continue;
      any_goes = true;
      if (*each.goes > now) continue;
      each.group->let_go();
      while (answer_some(each.group)) {
      }
      each.group.reset();
    }
    std::erase_if(all, [](const Read& each) { return !each.group; });
    polled.assign(1, {wake_.get(), POLLIN, 0});
    for (const auto& each : all) polled.push_back({each.group->fd(), POLLIN, 0});
    const int patience = !asked_again_.empty() ? 1
                         : any_goes ? static_cast<int>(kGrace / std::chrono::milliseconds(1))
                                    : -1;
    const int ready = ::poll(polled.data(), polled.size(), patience);
    for (const auto& event : std::exchange(asked_again_, {}))
      if (!event->is_answered()) answer(event);
    if (ready <= 0) continue;
    if (polled[0].revents != 0) {
      std::uint64_t count = 0;
      (void)::read(wake_.get(), &count, sizeof count);
      answer_fixed();
    }
    const bool is_eager = Clock::now() - answered < 2 * kEager;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (polled[i + 1].revents == 0) continue;
      (void)answer_some(all[i].group);
      if (is_eager) answer_more(all[i].group);
    }
    answered = Clock::now();
  }
}

bool PermissionResponder::is_never_asked(const ActingProcess& who) const {
  const auto& group = who.snapshot().control_group;
  if (!group) return false;
  // What they wait for could wait for us: they tell the world what we say.
  constexpr std::array<std::string_view, 4> kTellers{"systemd-journald.service", "dbus.service",
                                                     "dbus-broker.service",
                                                     "systemd-journald@.service"};
  return group->path == own_group_ ||
         std::find(kTellers.begin(), kTellers.end(), group->unit) != kTellers.end();
}

void PermissionResponder::answer(const std::shared_ptr<PermissionEvent>& event) {
  reads_since_ = monotonic_ns();
  if (!is_watched_.exchange(true)) {
    const std::lock_guard lock(mutex_);  // or it could be about to sleep
    watch_changed_.notify_all();
  }
  const auto opener = openers_.find(event->thread());
  if (!opener) ++counters_->unknown_who;
  // Fails towards letting pass: whoever cannot be seen, as out of another pid namespace, is not
  // known to be a stranger. What comes of it is put right.
  const bool is_stranger = opener && opener->process != self_ && opener->process != 1 &&
                           opener->uid != event->group().policy().wanted.owner.id;
  const auto looked = is_stranger ? look_at(event->file()) : std::nullopt;
  if (looked && looked->first.state.type == FileType::kRegular) {
    answer_stranger(event, *opener, looked->first, looked->second);
  } else {
    (void)deny_or_let(event, true);
  }
  reads_since_ = 0;
}

void PermissionResponder::answer_stranger(const std::shared_ptr<PermissionEvent>& event,
                                          const Opener& opener, const OpenedFile& opened,
                                          const InodeId& id) {
  const auto& policy = event->group().policy();
  // The most common of all: it was there before, and is anybody's to open.
  const bool is_old =
      made_by(opened, std::nullopt, opener.uid) == Novelty::kNo && opened.state.links > 0;
  if (is_old && (denies_opens_ || is_same_for_all(policy))) {
    (void)deny_or_let(event, true);
    AfterAnswer after;
    after.event = event;
    after.ignore = true;
    return offer(std::move(after));
  }
  const auto learned = openers_.intent(event->thread());
  // Fails towards on_deadline: a machine that is too busy must not refuse by that.
  if (learned.not_yet) return asked_again_.push_back(event);
  const auto& intent = learned.intent;
  if (!intent) ++counters_->unknown_intent;
  const auto made = made_by(opened, intent, opener.uid);
  // The LSM answers, and tells of what it does not refuse.
  if (made == Novelty::kNo && denies_opens_) return (void)deny_or_let(event, true);

  AfterAnswer after;
  after.event = event;
  const bool by_paths = goes_by_paths(policy);
  if (by_paths) after.at = place_of(*event, opened);
  if (by_paths && !after.at.is_known) {
    ++counters_->not_placed;
    return (void)deny_or_let(event, true);
  }
  const auto decided_for = [&](const Subject& subject) {
    return decide(policy, after.at.is_known ? after.at.path : std::string_view(), opened, made,
                  intent, settings().unknown_intent, subject);
  };
  // What breaks no guard is everybody's: only of an offender more has to be known than his ids.
  Subject stranger;
  stranger.self.uid = opener.uid;
  stranger.self.gid = opener.gid;
  const bool is_leaving = follow_up_.is_leaving(id);
  if (!is_leaving && !decided_for(stranger).operation) return (void)deny_or_let(event, true);

  if (!by_paths) after.at = place_of(*event, opened);
  after.who = processes_->find(opener.process);
  if (is_never_asked(*after.who)) return (void)deny_or_let(event, true);
  // Ids are only good for this open; the rest is the same for as long as the process runs this.
  auto subject = after.who->subject();
  subject.self.uid = opener.uid;
  subject.self.gid = opener.gid;
  auto decision = decided_for(subject);
  const auto* excuses = excuses_.load();
  const auto excuse =
      excuses && decision.answer != AnswerKind::kAllowed ? excuses->of(*after.who) : nullptr;
  if (excuse) {
    decision.answer = AnswerKind::kAllowed;
    after.violation.reason = excuse->sentence();
  }
  // What a refused open has made, and nobody could take away yet, is no way around the refusal.
  if (decision.answer == AnswerKind::kAllowed && is_leaving) decision.answer = AnswerKind::kDenied;

  auto& violation = after.violation;
  violation.object = id;
  violation.guard = decision.verdict.guard;
  violation.operation = decision.operation.value_or(Operation::kCreate);
  violation.file_type = opened.state.type;
  violation.links = std::max<std::uint64_t>(opened.state.links, 1);
  violation.before = ownership(opened.state);
  violation.after = violation.before;
  violation.actor.pid = opener.process;
  violation.actor.tid = event->thread();
  conclude(event, opened, decision, made, std::move(after));
}

void PermissionResponder::conclude(const std::shared_ptr<PermissionEvent>& event,
                                   const OpenedFile& opened, const Decision& decision, Novelty made,
                                   AfterAnswer after) {
  switch (decision.answer) {
    case AnswerKind::kDenied: {
      const bool is_denied = deny_or_let(event, false);  // or it was too late
      after.violation.action = is_denied ? Outcome::kDenied : Outcome::kLogged;
      after.tell = decision.operation.has_value();
      after.remove = is_denied && made == Novelty::kYes && opened.state.links == 1 && after.tell;
      return offer(std::move(after));
    }
    case AnswerKind::kToBeFixed:
      if (offer(Fix{std::move(after), *decision.verdict.wanted,
                    decision.verdict.deviation.mode_excess}))
        return;  // answered by a fixer, or by the monitor
      break;
    case AnswerKind::kAllowed:
      (void)deny_or_let(event, true);
      // What was made is told of when it has settled.
      after.tell = decision.operation.has_value() && made == Novelty::kNo;
      if (after.tell) offer(std::move(after));
      return;
  }
  ++counters_->overloaded;
  (void)deny_or_let(event, settings().on_overload == Answer::kAllow);
}

// False: the monitor has answered already.
bool PermissionResponder::deny_or_let(const std::shared_ptr<PermissionEvent>& event, bool allow) {
  const bool is_first = event->answer(allow);
  pending_opens_.remove(*event);
  return is_first;
}

void PermissionResponder::offer(AfterAnswer after) {
  const bool matters = after.tell || after.remove;
  if (!follow_up_.offer(std::move(after)) && matters) ++counters_->not_told;
}

// ---- the fixers

bool PermissionResponder::offer(Fix fix) {
  const std::lock_guard lock(mutex_);
  if (to_fix_.size() >= kMostToFix) return false;
  to_fix_.push_back(std::move(fix));
  fix_changed_.notify_one();
  return true;
}

// The file was just made by who waits: it is empty, has one name or none, and shows nobody
// anything. A freeze of its file system can hold this up; the monitor lets the opener go then. A
// thread with descriptors of its own: it borrows the file's, and hands everything back to whoever
// can close it.
void PermissionResponder::fix(const std::stop_token& stop) {
  const bool is_alone = unshare_descriptors(wake_.get());
  const Fd self(static_cast<int>(::syscall(SYS_pidfd_open, self_, 0)));
  std::unique_lock lock(mutex_);
  while (fix_changed_.wait(lock, stop, [this] { return !to_fix_.empty(); })) {
    auto fix = std::move(to_fix_.front());
    to_fix_.pop_front();
    lock.unlock();
    const auto& after = fix.after;
    if (!after.event->is_answered()) {
      const int known = after.event->file();
      const Fd borrowed(
          is_alone ? static_cast<int>(::syscall(SYS_pidfd_getfd, self.get(), known, 0)) : -1);
      const int file = is_alone ? borrowed.get() : known;
      const auto mode = after.violation.before->mode.value & ~fix.excess;
      fix.is_fixed = (fix.excess == 0 || ::fchmod(file, mode) == 0) &&
                     ::fchown(file, fix.wanted.owner.id.value, fix.wanted.group.id.value) == 0;
    }
    lock.lock();
    fixed_.push_back(std::move(fix));
    any_fixed_ = true;
    wake();
  }
}

void PermissionResponder::answer_fixed() {
  std::vector<Fix> fixed;
  {
    const std::lock_guard lock(mutex_);
    fixed.swap(fixed_);
    any_fixed_ = false;
  }
  for (auto& [after, wanted, excess, is_fixed] : fixed) {
    const auto event = after.event;
    (void)deny_or_let(event, true);
    // What failed is looked at again once it has settled, and told of then with its reason.
    const auto now = is_fixed ? look_at(event->file()) : std::nullopt;
    if (!now) continue;
    ++counters_->fixed;
    after.violation.after = ownership(now->first.state);
    after.violation.action = Outcome::kFixed;
    after.tell = true;
    offer(std::move(after));
  }
}

// ---- the monitor

void PermissionResponder::watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    // Asleep while nobody waits.
    if (!watch_changed_.wait(lock, stop, [this] { return is_watched_.load(); })) return;
    (void)watch_changed_.wait_for(lock, stop, kLook, [] { return false; });
    const auto deadline = std::chrono::duration_cast<Clock::duration>(settings_.deadline);
    const bool allow = settings_.on_deadline == Answer::kAllow;
    lock.unlock();
    for (const auto& late : pending_opens_.take_since(Clock::now() - deadline))
      if (late->answer(allow)) ++counters_->late;
    const auto since = reads_since_.load();
    if (since != 0 && monotonic_ns() - since > std::chrono::nanoseconds(kStuck).count())
      release_opens_and_die("nobody answers opens any more: ending, so that all can go on");
    if (pending_opens_.empty() && since == 0) is_watched_ = false;
    lock.lock();
  }
}

}  // namespace guard
