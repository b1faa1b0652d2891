#include "guardd/audit/trail.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "guardd/state/rows.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using namespace std::chrono_literals;

constexpr mode_t kOthersWrite = 022;
constexpr auto kIdle = 60s;             // how often it looks for what is too old
constexpr std::size_t kAtOnce = 2'000;  // entries in a transaction, which bounds the log
constexpr std::uint64_t kLog = std::uint64_t{8} << 20U;

// Where nobody else can put a link or another file in our way.
Status check_place(const std::string& path) {
  auto directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = ".";
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed)
    return Error::from_errno(failed.value(), quote(directory.native()) + " cannot be made");
  struct stat facts {};
  if (::stat(directory.c_str(), &facts) < 0)
    return Error::from_errno(errno, quote(directory.native()));
  if (facts.st_uid != ::geteuid() || (facts.st_mode & kOthersWrite) != 0)
    return Error(quote(directory.native()) + " can be written by others than root");
  return {};
}

// Command lines are nobody else's business, whatever the umask.
Status make_private(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  return fd ? Status() : Status(Error::from_errno(errno, "it cannot be opened"));
}

Result<std::unique_ptr<TrailWriter>> open_ledger(const std::string& path) {
  GUARD_CHECK(make_private(path));
  return TrailWriter::open(path);
}

// Nothing is wrong but the disk, which somebody will clear, or another's lock.
bool may_pass(const Error& error) {
  const int code = error.code() & 0xff;  // without SQLite's details
  return code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_BUSY || code == ENOSPC ||
         code == EDQUOT;
}

// What to say of it.
Result<std::string> put_aside(const std::string& path, const Error& why) {
  const auto aside = path + ".broken";
  if (::rename(path.c_str(), aside.c_str()) < 0 && errno != ENOENT)
    return Error::from_errno(errno, quote(path) + " is broken and cannot be put aside");
  for (const char* more : {"-wal", "-shm"}) (void)::unlink((path + more).c_str());
  return quote(path) + " was broken (" + why.text() + ") and is put aside as " + quote(aside) +
         "; a new audit trail begins";
}

std::size_t weight_of(const Violation& violation) {
  const auto& actor = violation.actor;
  auto bytes = sizeof(TrailEntry) + violation.path.size() + violation.reason.size();
  for (const auto* each : {&violation.old_path, &actor.exe, &actor.cmdline, &actor.cwd})
    bytes += *each ? (*each)->size() : 0;
  for (const auto& each : actor.lineage)
    bytes += sizeof each + each.exe.size() + each.cmdline.size();
  return bytes;
}

std::size_t weight_of(const OpenedIncident& opened) {
  return weight_of(opened.incident.first);
}
std::size_t weight_of(const KeptViolation& kept) {
  return weight_of(kept.violation);
}
std::size_t weight_of(const ClosedIncident& closed) {
  return weight_of(closed.incident.first);
}

TrimTo trim_to(const Trail::Limits& limits) {
  const auto now = std::chrono::system_clock::now();
  const auto retention = std::chrono::duration_cast<std::chrono::microseconds>(limits.retention);
  // Its log may need room beside it.
  return {micros_of(now) - retention.count(),
          limits.max_size - std::min(limits.max_size / 4, kLog)};
}

}  // namespace

std::string trail_path(const std::string& setting, const std::string& state_directory) {
  if (setting.empty()) return state_directory + "/audit.db";
  std::error_code failed;
  if (setting.ends_with('/')) return setting + "audit.db";
  if (std::filesystem::is_directory(setting, failed)) return setting + "/audit.db";
  return setting;
}

Result<std::unique_ptr<Trail>> Trail::open(const std::string& path, Limits limits) {
  GUARD_CHECK(check_place(path));
  std::string trouble;
  auto writer = open_ledger(path);
  if (!writer && is_broken(writer.error())) {
    GUARD_TRY(trouble, put_aside(path, writer.error()));
    writer = open_ledger(path);
  }
  LastNames names;  // without them it works all the same
  if (writer) {
    if (auto name = (*writer)->last_incident()) names.incident = *std::move(name);
    if (auto name = (*writer)->last_violation()) names.violation = *std::move(name);
    (void)(*writer)->close_left_open();  // told wrongly, no more
  } else if (may_pass(writer.error())) {
    trouble = writer.error().text();
    writer = std::unique_ptr<TrailWriter>();
  } else {
    return std::move(writer).error().context(quote(path));
  }
  std::unique_ptr<Trail> trail(new Trail(path, limits, *std::move(writer), std::move(names)));
  if (!trouble.empty()) (void)trail->news_.put(std::move(trouble), {});
  return trail;
}

Trail::Trail(std::string path, Limits limits, std::unique_ptr<TrailWriter> writer,
             LastNames last_names)
    : path_(std::move(path)),
      last_names_(std::move(last_names)),
      limits_(limits),
      writer_(std::move(writer)),
      in_trouble_(!writer_),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Trail::~Trail() {
  thread_.request_stop();
  changed_.notify_all();
}

void Trail::set_limits(Limits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

void Trail::incident_opened(const Incident& incident) noexcept {
  push(weight_of(incident.first), [&] { return OpenedIncident{incident}; });
}

void Trail::violation(const Violation& violation, const Incident& incident) noexcept {
  push(weight_of(violation), [&] {
    IncidentStanding standing{incident.count, incident.first_seen, incident.last_seen,
                              incident.told,  incident.shared,     {}};
    // It can only have changed if this path was added.
    if (!incident.sample.empty() && incident.sample.back() == violation.path)
      standing.sample = incident.sample;
    return KeptViolation{violation, std::move(standing)};
  });
}

void Trail::incident_closed(const Incident& incident) noexcept {
  push(weight_of(incident.first), [&] { return ClosedIncident{incident}; });
}

// Copies only what there is room for, and not under the lock: only one thread puts something in, so
// that the room stays.
template <typename Make>
void Trail::push(std::size_t weight, Make make) noexcept {
  try {
    {
      const std::lock_guard lock(mutex_);
      if (queue_.size() + in_hand_ >= kMostQueued || queued_bytes_ + weight > kMostQueuedBytes) {
        dropped_queue_.fetch_add(1);
        return;
      }
    }
    TrailEntry entry(make());
    const std::lock_guard lock(mutex_);
    const bool was_half_full = is_half_full();
    queue_.push_back(std::move(entry));
    queued_bytes_ += weight;
    if (queue_.size() == 1 || (!was_half_full && is_half_full())) changed_.notify_one();
  } catch (const std::exception&) {  // out of memory
    dropped_queue_.fetch_add(1);
  }
}

void Trail::run(const std::stop_token& stop) {
  trim(0, stop);
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex_);
    const bool any = changed_.wait_for(lock, stop, kIdle, [&] { return !queue_.empty(); });
    // What comes soon goes along: one transaction for many.
    if (any) (void)changed_.wait_for(lock, stop, kDelay, [&] { return is_half_full(); });
    auto entries = std::exchange(queue_, {});
    const auto many = in_hand_ = entries.size();
    lock.unlock();
    write(std::move(entries), stop);
    trim(many, stop);
  }
  in_hand_ = queue_.size();  // nobody pushes any more
  write(std::move(queue_), stop);
}

// What could not be written is lost, and counted. The next is tried all the same: disks that were
// full have room again. Until it is written it takes its room in the queue, for it takes memory.
void Trail::write(TrailEntries entries, const std::stop_token& stop) {
  while (!entries.empty()) {
    const auto some = std::min(kAtOnce, entries.size());
    const auto done = write_some(entries, 0, some, stop);
    if (!done) dropped_disk_.fetch_add(some);
    say(done, stop);
    const auto end = entries.begin() + static_cast<std::ptrdiff_t>(some);
    std::size_t weight = 0;
    for (auto each = entries.begin(); each != end; ++each)
      weight += std::visit([](const auto& entry) { return weight_of(entry); }, *each);
    entries.erase(entries.begin(), end);
    const std::lock_guard lock(mutex_);
    in_hand_ -= some;
    queued_bytes_ -= weight;
  }
}

Status Trail::write_some(const TrailEntries& entries, std::size_t from, std::size_t to,
                         const std::stop_token& stop) {
  if (!writer_) GUARD_CHECK(reopen(stop));
  auto done = writer_->write(entries, from, to);
  if (done || !is_broken(done.error())) return done;
  GUARD_CHECK(begin_anew(done.error(), stop));
  return writer_->write(entries, from, to);
}

Status Trail::reopen(const std::stop_token& stop) {
  auto writer = open_ledger(path_);
  if (!writer && is_broken(writer.error())) return begin_anew(writer.error(), stop);
  GUARD_TRY(writer_, std::move(writer));
  return {};
}

Status Trail::begin_anew(const Error& why, const std::stop_token& stop) {
  writer_.reset();  // before its file goes
  GUARD_TRY(auto news, put_aside(path_, why));
  (void)news_.put(std::move(news), stop);
  GUARD_TRY(writer_, open_ledger(path_));
  return {};
}

void Trail::say(const Status& done, const std::stop_token& stop) {
  if (static_cast<bool>(done) != in_trouble_) return;
  in_trouble_ = !done;
  (void)news_.put(done ? std::string() : done.error().text(), stop);
}

// Until nothing is left to do, or something has come to be written; but more than has just been
// added in any case, so that what comes without end cannot grow without end.
void Trail::trim(std::size_t written, const std::stop_token& stop) {
  const auto least = written / 100 + 1;  // steps, each of hundreds
  for (std::size_t steps = 0; writer_ && !stop.stop_requested(); ++steps) {
    Limits limits{};
    {
      const std::lock_guard lock(mutex_);
      if (steps >= least && !queue_.empty()) return;
      limits = limits_;
    }
    const auto more = writer_->trim(trim_to(limits));
    if (!more && is_broken(more.error())) say(begin_anew(more.error(), stop), stop);
    if (more && *more) continue;
    // If the disk fails, so will the next write, which says so. Only now the file gets smaller.
    if (steps > 0 && writer_) (void)writer_->fold();
    return;
  }
}

}  // namespace guard
