#include "guardd/sources/fanotify_witness.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "guardd/files/listing.h"
#include "guardd/files/object.h"
#include "guardd/host/clock.h"
#include "policy/judge.h"

namespace guard {
namespace {

// Fails safe: what the loop has not handled by then is no evidence. A full queue takes the loop a
// fraction of this.
constexpr auto kLongestWait = std::chrono::seconds(5);

// How long a question waits for a directory that is not known yet, or not with what it held when it
// came, and how often in a second. Fails safe, and then the notices of the directory ask again.
constexpr auto kArrival = std::chrono::milliseconds(100);
constexpr unsigned kMostArrivals = 3;

// How soon the loop reads the first event after a time without any, in nanoseconds. Fails safe:
// what was born before is not taken for new.
constexpr std::int64_t kPrompt = 900'000'000;

InodeKey::Seed random_seed() {
  InodeKey::Seed seed;
  while (::getrandom(&seed, sizeof seed, 0) != sizeof seed) continue;
  return seed;
}

}  // namespace

FanotifyWitness::Queue::Queue(int group) : group(group), history(random_seed()) {
  births.not_before = file_time_now();
}

FanotifyWitness::FanotifyWitness(WatchedDirectories& directories)
    : directories_(directories), place_key_(random_seed()) {}

bool links_are_protected() {
  const Fd setting(::open("/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC));
  char value = '0';
  return ::read(setting.get(), &value, 1) == 1 && value != '0';
}

void FanotifyWitness::before_read(std::uint32_t number, std::int64_t now) {
  auto& queue = queues_[number];
  if (queue.was_empty) queue.births.not_before = std::max(queue.births.not_before, now - kPrompt);
  queue.was_empty = false;
  were_protected_ = links_are_protected();
  are_protected_.reset();
}

void FanotifyWitness::after_read(std::uint32_t queue, std::size_t events) {
  queues_[queue].events += events;
  handled_.notify_all();
}

// Whatever is read from here on has happened since then.
void FanotifyWitness::found_none(std::uint32_t number, std::int64_t before) {
  auto& queue = queues_[number];
  queue.births.not_before = before;
  queue.was_empty = true;
}

std::uint64_t FanotifyWitness::place_number(const WatchedDirectory& directory) const {
  return place_key_({}, directory.number, WatchedDirectories::renewal_of(directory));
}

std::optional<InodePlace> FanotifyWitness::place(const WatchedDirectory& directory,
                                                 std::string_view name,
                                                 const FileId& object) const {
  if (!object.known() || !set_) return std::nullopt;
  // The root of a subvolume: its own events are in another queue than those of its name.
  if (object.volume() != directory.id.volume()) return std::nullopt;
  const auto& policy = set_->policy_of(set_->trees()[directory.tree()]);
  const auto* wanted = wanted_at(
      policy, has_patterns(policy) ? WatchedDirectories::path_of(directory, name) : std::string());
  if (!wanted) return std::nullopt;
  return InodePlace{object, place_number(directory), wanted->ids()};
}

std::optional<InodeState> FanotifyWitness::look(const WatchedDirectory& directory,
                                                const FileId& object) {
  auto root = roots_.find(directory.tree());
  if (root == roots_.end()) {
    Fd opened;
    if (const auto tree = open_tree(set_->trees()[directory.tree()].root()))
      if (auto fd = open_directory(*tree)) opened = *std::move(fd);
    root = roots_.emplace(directory.tree(), std::move(opened)).first;
  }
  const auto inode = open_by_id(root->second.get(), object, O_PATH);
  struct statx facts {};
  if (!inode ||
      ::statx(inode->get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &facts) != 0)
    return std::nullopt;
  InodeState state;
  state.state = state_of(facts);
  if ((facts.stx_mask & STATX_BTIME) != 0) state.born = nanoseconds(facts.stx_btime);
  state.changed = nanoseconds(facts.stx_ctime);
  return state;
}

void FanotifyWitness::created(WatchedDirectory& directory, std::string_view name,
                              const FileId& object) {
  const auto at = place(directory, name, object);
  if (!at) return;
  auto& queue = queue_of(directory);
  const auto inode = look(directory, object);
  if (!inode) return queue.history.left(*at);
  // All that was read happened between these two looks.
  if (!are_protected_) are_protected_ = links_are_protected();
  queue.births.links_are_protected = were_protected_ && *are_protected_;
  queue.history.created(*at, *inode, queue.births);
}

void FanotifyWitness::found(const WatchedDirectory& directory, std::string_view name,
                            const FileId& object) {
  if (const auto at = place(directory, name, object)) queue_of(directory).history.found(*at);
}

void FanotifyWitness::changed(WatchedDirectory& directory, std::string_view name,
                              const FileId& object) {
  const auto at = place(directory, name, object);
  if (!at) return;
  const auto inode = look(directory, object);
  if (!inode) return;
  if (is_right(inode->state, at->wanted)) ++directory.losses;
  queue_of(directory).history.changed(*at, inode->state);
}

void FanotifyWitness::moved(WatchedDirectory* from, std::string_view old_name,
                            const WatchedDirectory* to, std::string_view name,
                            const FileId& object) {
  const auto before = from ? place(*from, old_name, object) : std::nullopt;
  const auto now = to ? place(*to, name, object) : std::nullopt;
  const bool stays = from == to && before && now && before->wanted == now->wanted;
  if (from && !stays) ++from->losses;
  if (before && now) return queue_of(*to).history.moved(*before, *now);
  if (before) return queue_of(*from).history.left(*before);
  if (!now) return;
  const auto inode = look(*to, object);
  auto& history = queue_of(*to).history;
  inode ? history.arrived(*now, inode->state) : history.left(*now);
}

bool FanotifyWitness::is_born(const WatchedDirectory& directory, std::string_view name,
                              const FileId& object) {
  const auto at = place(directory, name, object);
  return at && queue_of(directory).history.evidence_for(*at);
}

std::optional<std::int64_t> FanotifyWitness::proven_at(const WatchedDirectory& directory,
                                                       std::string_view name,
                                                       const FileId& object) {
  const auto at = place(directory, name, object);
  if (!at || !queue_of(directory).history.evidence_for(*at)) return std::nullopt;
  const auto inode = look(directory, object);
  roots_.clear();
  if (!inode || !is_past(inode->changed)) return std::nullopt;
  return inode->changed;
}

void FanotifyWitness::prove_again(const WatchedDirectory& directory, std::string_view name,
                                  const FileId& object, std::int64_t changed) {
  const auto at = place(directory, name, object);
  const auto inode = at ? look(directory, object) : std::nullopt;
  roots_.clear();
  if (inode && inode->changed == changed) queue_of(directory).history.found(*at);
}

// A queue is in the order of what happened, so everything that happened before the question has
// been handled once as many events have been as were queued then. The directory can turn out to be
// in the tree of another queue: then that one counts.
const WatchedDirectory* FanotifyWitness::up_to_date(const FileId& id,
                                                    std::set<std::uint32_t>& handled,
                                                    std::unique_lock<std::mutex>& lock) {
  constexpr int kMostQueues = 3;
  const auto latest = std::chrono::steady_clock::now() + kLongestWait;
  for (int tries = 0; tries < kMostQueues; ++tries) {
    const auto* directory = directories_.find(id);
    if (!directory) return nullptr;
    const auto number = directory->queue;
    if (handled.contains(number)) return directory;
    auto& queue = queues_[number];
    int bytes = 0;
    if (::ioctl(queue.group, FIONREAD, &bytes) != 0) return nullptr;
    // The kernel counts the fixed part of each event only.
    const auto until =
        queue.events + static_cast<unsigned>(bytes) / sizeof(fanotify_event_metadata);
    const auto is_up_to_date = [&] { return is_stopped_ || queue.events >= until; };
    if (!handled_.wait_until(lock, latest, is_up_to_date) || is_stopped_) return nullptr;
    handled.insert(number);
    directory = directories_.find(id);
    if (!directory || directory->queue == number) return directory;
  }
  return nullptr;
}

void FanotifyWitness::await_arrival(const FileId& id, std::unique_lock<std::mutex>& lock) {
  const auto is_there = [&] {
    const auto* directory = directories_.find(id);
    return is_stopped_ || (directory && !directory->is_arriving);
  };
  if (is_there()) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - arrivals_since_ > std::chrono::seconds(1)) {
    arrivals_since_ = now;
    arrivals_ = 0;
  }
  if (++arrivals_ <= kMostArrivals) (void)handled_.wait_for(lock, kArrival, is_there);
}

std::vector<std::optional<Evidence>> FanotifyWitness::evidence_for_all(
    std::span<const WitnessQuestion> questions) {
  std::unique_lock lock(mutex_);
  std::set<std::uint32_t> handled;
  std::vector<std::optional<Evidence>> all;
  for (const auto& [object, id, in, wanted] : questions) {
    auto& evidence = all.emplace_back();
    if (!id.known()) continue;
    await_arrival(in, lock);
    if (const auto* directory = up_to_date(in, handled, lock))
      evidence = queue_of(*directory).history.evidence_for({id, place_number(*directory), wanted});
  }
  return all;
}

void FanotifyWitness::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  handled_.notify_all();
}

void FanotifyWitness::remember(const FileId& directory, std::span<const FileId> objects,
                               OwnerIds owner) {
  const std::lock_guard lock(mutex_);
  const auto* known = directories_.find(directory);
  if (!known) return;
  for (const auto& object : objects)
    if (object.known()) queue_of(*known).history.remember({object, place_number(*known), owner});
}

}  // namespace guard
