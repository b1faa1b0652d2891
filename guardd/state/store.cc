#include "guardd/state/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "guardd/state/rows.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr mode_t kOthersWrite = 022;

// The directory, locked: it is ours as long as the descriptor is open.
Result<Fd> claim(const std::string& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);  // the daemon's umask makes them its own
  if (failed) return Error::from_errno(failed.value(), quote(directory) + " cannot be made");
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, quote(directory));
  struct stat facts {};
  if (::fstat(fd.get(), &facts) < 0) return Error::from_errno(errno, quote(directory));
  if (facts.st_uid != ::geteuid() || (facts.st_mode & kOthersWrite) != 0) {
    return Error(quote(directory) +
                 " can be written by others than root; mend it with: chown root " +
                 escaped(directory) + " && chmod go-w " + escaped(directory));
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
    return errno == EWOULDBLOCK ? Error(quote(directory) + " is used by another guardd")
                                : Error::from_errno(errno, quote(directory));
  }
  return fd;
}

}  // namespace

// What the writing thread works with.
class Store::Writer {
 public:
  static Result<std::unique_ptr<Writer>> open(const std::string& path) {
    GUARD_TRY(auto database, Database::open(path));
    GUARD_CHECK(prepare_schema(database));
    GUARD_TRY(auto pending, database.prepare(kKeepPending));
    GUARD_TRY(auto done, database.prepare(kForgetPending));
    GUARD_TRY(auto suspect, database.prepare(kKeepSuspect));
    GUARD_TRY(auto pause, database.prepare(kKeepPause));
    GUARD_TRY(auto resumed, database.prepare(kForgetPause));
    GUARD_TRY(auto undone, database.prepare(kKeepUndone));
    return std::unique_ptr<Writer>(
        new Writer(std::move(database), {std::move(pending), std::move(done), std::move(suspect),
                                         std::move(pause), std::move(resumed), std::move(undone)}));
  }

  Result<PendingRow> read() {
    PendingRow remembered;
    GUARD_CHECK(database_.run(bounds().c_str()));
    GUARD_TRY(remembered.pending, read_pending(database_));
    GUARD_TRY(remembered.suspects, read_suspects(database_));
    GUARD_TRY(remembered.pauses, read_pauses(database_));
    GUARD_TRY(remembered.undone, read_undone(database_));
    return remembered;
  }

  // All of them or none.
  Status write(const std::deque<Entry>& entries) {
    GUARD_CHECK(database_.run("BEGIN IMMEDIATE"));
    for (const auto& entry : entries) {
      auto done = std::visit([this](const auto& each) { return put(each); }, entry);
      if (!done) {
        (void)database_.run("ROLLBACK");  // SQLite may have done so by itself
        return done;
      }
    }
    auto done = database_.run(bounds().c_str());
    if (done) done = database_.run("COMMIT");
    if (!done) (void)database_.run("ROLLBACK");
    return done;
  }

 private:
  struct Statements {
    Statement pending;
    Statement done;
    Statement suspect;
    Statement pause;
    Statement resumed;
    Statement undone;
  };

  Writer(Database database, Statements statements)
      : database_(std::move(database)), statements_(std::move(statements)) {}

  // What is too much goes, the oldest first: nothing here grows for ever.
  static std::string bounds() {
    const auto bound = [](const std::string& table, std::int64_t most) {
      return "DELETE FROM " + table + " WHERE number <= (SELECT max(number) FROM " + table +
             ") - " + std::to_string(most) + ";";
    };
    return bound("pending", kMostPending) + bound("suspect", kMostSuspects) +
           bound("pause", kMostPauses) + bound("undone", kMostUndone);
  }

  Status put(const Pending& pending) { return put_pending(statements_.pending, pending); }
  Status put(const Removal& removal) {
    statements_.done.bind(removal.object.bytes());
    return statements_.done.run();
  }
  Status put(const Suspect& suspect) {
    statements_.suspect.bind(suspect.object.bytes());
    return statements_.suspect.run();
  }
  Status put(const Pause& pause) { return put_pause(statements_.pause, pause); }
  Status put(const ResumedPolicy& resumed) {
    statements_.resumed.bind(resumed.policy);
    return statements_.resumed.run();
  }
  Status put(const UndoneFile& file) { return put_undone(statements_.undone, file); }

  Database database_;  // first: it outlives its statements
  Statements statements_;
};

Result<std::unique_ptr<Store>> Store::open(const std::string& directory) {
  GUARD_TRY(auto lock, claim(directory));
  const auto path = directory + "/guardd.db";
  std::string trouble;
  auto writer = Writer::open(path);
  auto remembered = writer ? (*writer)->read() : Result<PendingRow>(writer.error());
  if (!remembered && is_broken(remembered.error())) {
    writer = Error("");  // closes it
    const auto aside = path + ".broken";
    trouble = quote(path) + " was broken (" + remembered.error().text() + ") and is put aside as " +
              quote(aside) + "; what it remembered is forgotten";
    if (::rename(path.c_str(), aside.c_str()) < 0)
      return Error::from_errno(errno, quote(path) + " is broken and cannot be put aside");
    for (const char* more : {"-wal", "-shm"}) (void)::unlink((path + more).c_str());
    writer = Writer::open(path);
    remembered = writer ? (*writer)->read() : Result<PendingRow>(writer.error());
  }
  if (!remembered) return std::move(remembered).error().context(quote(path));
  std::unique_ptr<Store> store(
      new Store(std::move(lock), *std::move(writer), *std::move(remembered)));
  if (!trouble.empty()) (void)store->news_.put(std::move(trouble), {});
  return store;
}

Store::Store(Fd lock, std::unique_ptr<Writer> writer, PendingRow remembered)
    : lock_(std::move(lock)),
      writer_(std::move(writer)),
      remembered_(std::move(remembered)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Store::~Store() {
  thread_.request_stop();
  changed_.notify_all();
}

void Store::push(Entry entry) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= kMostQueued) {
    dropped_.fetch_add(1);
    return;
  }
  queue_.push_back(std::move(entry));
  if (queue_.size() == 1 || queue_.size() == kMostQueued / 2) changed_.notify_one();
}

void Store::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return !queue_.empty(); })) break;
    // What comes soon goes along: one transaction for many.
    (void)changed_.wait_for(lock, stop, kDelay, [&] { return queue_.size() >= kMostQueued / 2; });
    const auto entries = std::exchange(queue_, {});
    lock.unlock();
    write(entries, stop);
  }
  if (!queue_.empty()) write(queue_, stop);  // nobody pushes any more
}

// What could not be written is lost, and counted. The next is tried all the same: disks that were
// full have room again.
void Store::write(const std::deque<Entry>& entries, const std::stop_token& stop) {
  const auto done = writer_->write(entries);
  if (!done) dropped_.fetch_add(entries.size());
  if (static_cast<bool>(done) != in_trouble_) return;
  in_trouble_ = !done;
  (void)news_.put(done ? std::string() : done.error().text(), stop);
}

}  // namespace guard
