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

// How soon the loop reads the first event after a time without any, in nanoseconds. Fails safe:
// what was born before is not taken for new.
constexpr std::int64_t kPrompt = 900'000'000;

InodeKey::Seed random_seed() {
  InodeKey::Seed seed;
  while (::getrandom(&seed, sizeof seed, 0) != sizeof seed) continue;
  return seed;
}

}  // namespace

FanotifyWitness::FanotifyWitness(int group, const WatchedDirectories& directories)
    : group_(group), directories_(directories), history_(random_seed()) {
  births_.not_before = file_time_now();
}

bool links_are_protected() {
  const Fd setting(::open("/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC));
  char value = '0';
  return ::read(setting.get(), &value, 1) == 1 && value != '0';
}

void FanotifyWitness::before_read() {
  read_at_ = file_time_now();
  if (was_empty_) births_.not_before = std::max(births_.not_before, read_at_ - kPrompt);
  was_empty_ = false;
  were_protected_ = links_are_protected();
  are_protected_.reset();
}

void FanotifyWitness::after_read(std::size_t events) {
  events_ += events;
  handled_.notify_all();
}

// Whatever is read from here on has happened since this read began.
void FanotifyWitness::found_none() {
  births_.not_before = read_at_;
  was_empty_ = true;
}

std::optional<InodePlace> FanotifyWitness::place(const WatchedDirectory& directory,
                                                 std::string_view name,
                                                 const FileId& object) const {
  if (!object.known() || !set_) return std::nullopt;
  const auto& policy = set_->policy_of(set_->trees()[directory.tree]);
  const auto* wanted = wanted_at(
      policy, has_patterns(policy) ? WatchedDirectories::path_of(directory, name) : std::string());
  if (!wanted) return std::nullopt;
  return InodePlace{object, directory.place_number, wanted->ids()};
}

std::optional<InodeState> FanotifyWitness::look(const WatchedDirectory& directory,
                                                const FileId& object) {
  auto root = roots_.find(directory.tree);
  if (root == roots_.end()) {
    Fd opened;
    if (const auto tree = open_tree(set_->trees()[directory.tree].root()))
      if (auto fd = open_directory(*tree)) opened = *std::move(fd);
    root = roots_.emplace(directory.tree, std::move(opened)).first;
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

void FanotifyWitness::created(const WatchedDirectory& directory, std::string_view name,
                              const FileId& object) {
  const auto at = place(directory, name, object);
  if (!at) return;
  const auto inode = look(directory, object);
  if (!inode) return history_.left(*at);
  // All that was read happened between these two looks.
  if (!are_protected_) are_protected_ = links_are_protected();
  births_.links_are_protected = were_protected_ && *are_protected_;
  history_.created(*at, *inode, births_);
}

void FanotifyWitness::found(const WatchedDirectory& directory, std::string_view name,
                            const FileId& object) {
  if (const auto at = place(directory, name, object)) history_.found(*at);
}

void FanotifyWitness::changed(const WatchedDirectory& directory, std::string_view name,
                              const FileId& object) {
  const auto at = place(directory, name, object);
  if (!at) return;
  if (const auto inode = look(directory, object)) history_.changed(*at, inode->state);
}

void FanotifyWitness::moved(const WatchedDirectory* from, std::string_view old_name,
                            const WatchedDirectory* to, std::string_view name,
                            const FileId& object) {
  const auto before = from ? place(*from, old_name, object) : std::nullopt;
  const auto now = to ? place(*to, name, object) : std::nullopt;
  if (before && now) return history_.moved(*before, *now);
  if (before) return history_.left(*before);
  if (!now) return;
  const auto inode = look(*to, object);
  inode ? history_.arrived(*now, inode->state) : history_.left(*now);
}

bool FanotifyWitness::is_born(const WatchedDirectory& directory, std::string_view name,
                              const FileId& object) {
  const auto at = place(directory, name, object);
  return at && history_.evidence_for(*at);
}

std::optional<std::int64_t> FanotifyWitness::proven_at(const WatchedDirectory& directory,
                                                       std::string_view name,
                                                       const FileId& object) {
  const auto at = place(directory, name, object);
  if (!at || !history_.evidence_for(*at)) return std::nullopt;
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
  if (inode && inode->changed == changed) history_.found(*at);
}

// The queue is in the order of what happened, so everything that happened before the
// question has been handled once as many events have been as were queued then.
std::optional<Evidence> FanotifyWitness::evidence_for(const WitnessQuestion& question) {
  std::unique_lock lock(mutex_);
  int bytes = 0;
  if (::ioctl(group_, FIONREAD, &bytes) != 0) return std::nullopt;
  // The kernel counts the fixed part of each event only.
  const auto until = events_ + static_cast<unsigned>(bytes) / sizeof(fanotify_event_metadata);
  const auto is_up_to_date = [&] { return is_stopped_ || events_ >= until; };
  if (!handled_.wait_for(lock, kLongestWait, is_up_to_date) || is_stopped_) return std::nullopt;
  const auto* directory = directories_.find(question.directory);
  if (!directory || !question.id.known()) return std::nullopt;
  return history_.evidence_for({question.id, directory->place_number, question.wanted});
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
    if (object.known()) history_.remember({object, known->place_number, owner});
}

}  // namespace guard
