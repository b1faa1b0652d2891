#include "guardd/audit/trail.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "guardd/state/database_file.h"
#include "guardd/state/rows.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using namespace std::chrono_literals;

constexpr auto kIdle = 60s;             // interval of the search for old records
constexpr std::size_t kAtOnce = 2'000;  // entries per transaction, which bounds the log
constexpr std::uint64_t kLog = std::uint64_t{8} << 20U;

// The directory must be private, so that no other user can replace the file.
Status check_directory(const std::string& path) {
  const auto directory = std::filesystem::path(path).parent_path();
  auto opened = open_private_directory(directory.empty() ? "." : directory.native());
  return opened ? Status() : Status(std::move(opened).error());
}

// Private regardless of the umask, because command lines can contain secrets.
Status make_private(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  return fd ? Status() : Status(Error::from_errno(errno, "it cannot be opened"));
}

Result<std::unique_ptr<TrailWriter>> open_writer(const std::string& path) {
  GUARD_CHECK(make_private(path));
  return TrailWriter::open(path);
}

// The disk is full or failing, or another process holds a lock: all of that can pass.
bool is_temporary(const Error& error) {
  const int code = error.code() & 0xff;  // without SQLite's details
  return code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_BUSY || code == ENOSPC ||
         code == EDQUOT;
}

Result<std::string> put_trail_aside(const std::string& path, const Error& why) {
  return put_aside(path, why, "a new audit trail has begun");
}

std::size_t weight_of(const Actor& actor) {
  std::size_t bytes = sizeof actor;
  for (const auto* each : {&actor.exe, &actor.cmdline, &actor.cwd})
    bytes += *each ? (*each)->size() : 0;
  bytes += actor.command.exe.size() + actor.command.cmdline.size();
  for (const auto& each : actor.via) bytes += sizeof(std::string) + each.size();
  for (const auto& each : actor.lineage)
    bytes += sizeof each + each.exe.size() + each.cmdline.size();
  return bytes;
}

std::size_t weight_without_actor(const Violation& violation) {
  return sizeof(TrailEntry) + violation.path.size() + violation.reason.size() +
         (violation.old_path ? violation.old_path->size() : 0);
}

std::size_t weight_of(const Incident& incident) {
  return weight_without_actor(incident.first) + weight_of(*incident.first.actor);
}

std::size_t weight_of(const OpeningEntry& opened) {
  return weight_of(opened.incident);
}
std::size_t weight_of(const ViolationEntry& kept) {
  return kept.weight;
}
std::size_t weight_of(const ClosingEntry& closed) {
  return weight_of(closed.incident);
}

std::uint64_t records_in(const TrailEntries& entries, std::size_t some) {
  std::uint64_t records = some;
  for (std::size_t i = 0; i < some; ++i)
    if (const auto* kept = std::get_if<ViolationEntry>(&entries[i])) records += kept->count - 1;
  return records;
}

TrimTo trim_to(const Trail::Limits& limits) {
  const auto now = std::chrono::system_clock::now();
  const auto retention = std::chrono::duration_cast<std::chrono::microseconds>(limits.retention);
  // The log may need room as well.
  return {micros_of(now) - retention.count(),
          limits.max_size - std::min(limits.max_size / 4, kLog),
          limits.policy_size,
          {}};
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
  GUARD_CHECK(check_directory(path));
  std::string trouble;
  auto writer = open_writer(path);
  if (!writer && is_damaged(writer.error())) {
    GUARD_TRY(trouble, put_trail_aside(path, writer.error()));
    writer = open_writer(path);
  }
  LastNames names;  // the trail works without them
  if (writer) {
    if (auto name = (*writer)->last_incident()) names.incident = *std::move(name);
    if (auto name = (*writer)->last_violation()) names.violation = *std::move(name);
    (void)(*writer)->close_left_open();  // a failure only shows them as open
  } else if (is_temporary(writer.error())) {
    trouble = writer.error().text();
    writer = std::unique_ptr<TrailWriter>();
  } else {
    return std::move(writer).error().context(quote(path));
  }
  std::unique_ptr<Trail> trail(new Trail(path, limits, *std::move(writer), std::move(names)));
  trail->budget_.set_limit(limits.rows_a_minute);
  if (!trouble.empty()) trail->queue_.put_news(std::move(trouble), {});
  return trail;
}

Trail::Trail(std::string path, Limits limits, std::unique_ptr<TrailWriter> writer,
             LastNames last_names)
    : path_(std::move(path)),
      last_names_(std::move(last_names)),
      limits_(limits),
      writer_(std::move(writer)),
      queue_({kMostQueued, kMostQueuedBytes, kDelay, kIdle}, !writer_,
             [this](TrailEntries entries, const std::stop_token& stop) {
               const auto many = entries.size();
               write(std::move(entries), stop);
               trim(many, stop);
             }) {}

Trail::~Trail() = default;

void Trail::set_limits(Limits limits) {
  budget_.set_limit(limits.rows_a_minute);
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

BeyondLimit Trail::removed() const {
  const std::lock_guard lock(mutex_);
  return removed_;
}

void Trail::incident_opened(const Incident& incident) noexcept {
  queue_.push(weight_of(incident), [&] { return OpeningEntry{incident}; });
}

void Trail::violation(const Violation& violation, const Incident& incident) noexcept {
  put(violation, {}, incident);
}

void Trail::fixed_files(const Violation& first, const FixedFiles& files,
                        const Incident& incident) noexcept {
  put(first, files, incident);
}

void Trail::put(const Violation& violation, const FixedFiles& files,
                const Incident& incident) noexcept {
  const auto count = std::max<std::size_t>(files.count(), 1);
  // The incident counts it all the same. A list takes about as much room as its eighth in rows.
  if (!budget_.take(violation, 1 + files.count() / 8, std::chrono::steady_clock::now())) return;
  const auto weight = take_weight_of(violation) + files.bytes().size();
  const auto make = [&] {
    IncidentStanding standing{incident.count,
                              incident.first_seen,
                              incident.last_seen,
                              incident.by_outcome,
                              incident.shared,
                              {},
                              {},
                              incident.unlisted,
                              incident.directory};
    // The counts are final only at the end; until then, it is enough to know all commands.
    if (!incident.commands.empty() && incident.commands.back().count == 1 + violation.repeats)
      standing.commands = incident.commands;
    // The sample has changed only if this path was added.
    if (!incident.sample.empty() && incident.sample.back() == violation.path)
      standing.sample = incident.sample;
    return ViolationEntry{violation, std::move(standing), files.bytes(), count, weight};
  };
  queue_.push(weight, make, count);
}

// The records of one process share its actor.
std::size_t Trail::take_weight_of(const Violation& violation) {
  auto weight = weight_without_actor(violation);
  if (violation.actor != last_actor_) {
    last_actor_ = violation.actor;
    weight += weight_of(*last_actor_);
  }
  return weight;
}

void Trail::incident_closed(const Incident& incident) noexcept {
  queue_.push(weight_of(incident), [&] { return ClosingEntry{incident}; });
}

// Entries that could not be written are lost and counted. Later entries are tried all the same,
// because a full disk may have room again.
void Trail::write(TrailEntries entries, const std::stop_token& stop) {
  while (!entries.empty()) {
    const auto some = std::min(kAtOnce, entries.size());
    const auto done = write_some(entries, some, stop);
    if (!done) dropped_disk_.fetch_add(records_in(entries, some));
    queue_.report(done, stop);
    const auto end = entries.begin() + static_cast<std::ptrdiff_t>(some);
    std::size_t weight = 0;
    for (auto each = entries.begin(); each != end; ++each)
      weight += std::visit([](const auto& entry) { return weight_of(entry); }, *each);
    entries.erase(entries.begin(), end);
    queue_.release(some, weight);
  }
}

Status Trail::write_some(const TrailEntries& entries, std::size_t to, const std::stop_token& stop) {
  if (!writer_) GUARD_CHECK(reopen(stop));
  auto done = writer_->write(entries, 0, to);
  if (done || !is_damaged(done.error())) return done;
  GUARD_CHECK(start_anew(done.error(), stop));
  return writer_->write(entries, 0, to);
}

Status Trail::reopen(const std::stop_token& stop) {
  auto writer = open_writer(path_);
  if (!writer && is_damaged(writer.error())) return start_anew(writer.error(), stop);
  GUARD_TRY(writer_, std::move(writer));
  return {};
}

Status Trail::start_anew(const Error& why, const std::stop_token& stop) {
  writer_.reset();  // before its file is renamed
  GUARD_TRY(auto news, put_trail_aside(path_, why));
  queue_.put_news(std::move(news), stop);
  GUARD_TRY(writer_, open_writer(path_));
  return {};
}

// Runs until nothing is left to remove or new entries arrive, but always removes more than was just
// added, so that a constant stream cannot grow the trail without bound.
void Trail::trim(std::size_t written, const std::stop_token& stop) {
  const auto least = written / 100 + 1;  // steps of hundreds of rows each
  for (std::size_t steps = 0; writer_ && !stop.stop_requested(); ++steps) {
    if (steps >= least && !queue_.empty()) return;
    Limits limits{};
    {
      const std::lock_guard lock(mutex_);
      limits = limits_;
    }
    auto to = trim_to(limits);
    to.excess = [this](const std::string& policy, std::uint64_t records) {
      const std::lock_guard lock(mutex_);
      if (removed_.size() >= kMostPolicies && !removed_.contains(policy)) removed_.clear();
      removed_[policy] += records;
    };
    const auto more = writer_->trim(to);
    if (!more && is_damaged(more.error())) queue_.report(start_anew(more.error(), stop), stop);
    if (more && *more) continue;
    // The file shrinks only now. If that fails, so will the next write, which reports it.
    if (steps > 0 && writer_) (void)writer_->checkpoint();
    return;
  }
}

}  // namespace guard
