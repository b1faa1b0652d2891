#include "guardd/state/store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "guardd/state/database_file.h"
#include "guardd/state/rows.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// The directory, locked: it is ours as long as the descriptor is open.
Result<Fd> lock_directory(const std::string& directory) {
  GUARD_TRY(auto fd, open_private_directory(directory, O_NOFOLLOW));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
    return errno == EWOULDBLOCK ? Error(quote(directory) + " is used by another guardd")
                                : Error::from_errno(errno, quote(directory));
  }
  return fd;
}

}  // namespace

// The database, used by the writing thread.
class Store::Writer {
 public:
  static Result<std::unique_ptr<Writer>> open(const std::string& path) {
    GUARD_TRY(auto database, Database::open(path));
    GUARD_CHECK(prepare_schema(database));
    Statements statements;
    GUARD_CHECK(database.prepare_all({{&statements.pending, kKeepPending},
                                      {&statements.done, kForgetPending},
                                      {&statements.pause, kKeepPause},
                                      {&statements.resumed, kForgetPause},
                                      {&statements.undone, kKeepUndone},
                                      {&statements.rules, kKeepRules}}));
    return std::unique_ptr<Writer>(new Writer(std::move(database), std::move(statements)));
  }

  Result<PendingRow> read() {
    PendingRow remembered;
    GUARD_CHECK(database_.run(bounds().c_str()));
    GUARD_TRY(remembered.pending, read_pending(database_));
    GUARD_TRY(remembered.pauses, read_pauses(database_));
    GUARD_TRY(remembered.undone, read_undone(database_));
    GUARD_TRY(remembered.rules, read_rule_texts(database_));
    return remembered;
  }

  // Writes all of them or none.
  Status write(const Queue::Entries& entries) {
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
    Statement pause;
    Statement resumed;
    Statement undone;
    Statement rules;
  };

  Writer(Database database, Statements statements)
      : database_(std::move(database)), statements_(std::move(statements)) {}

  // Bounds each table by deleting its oldest rows.
  static std::string bounds() {
    const auto bound = [](const std::string& table, std::int64_t most) {
      return "DELETE FROM " + table + " WHERE number <= (SELECT max(number) FROM " + table +
             ") - " + std::to_string(most) + ";";
    };
    return bound("pending", kMostPending) + bound("pause", kMostPauses) +
           bound("undone", kMostUndone);
  }

  Status put(const Pending& pending) { return put_pending(statements_.pending, pending); }
  Status put(const Removal& removal) {
    statements_.done.bind(removal.object.bytes());
    return statements_.done.run();
  }
  Status put(const Pause& pause) { return put_pause(statements_.pause, pause); }
  Status put(const ResumedPolicy& resumed) {
    statements_.resumed.bind(resumed.policy);
    return statements_.resumed.run();
  }
  Status put(const FileVersion& file) { return put_undone(statements_.undone, file); }
  Status put(const RuleTexts& texts) {
    GUARD_CHECK(database_.run(kForgetRules));
    return put_rule_texts(statements_.rules, texts);
  }

  Database database_;  // first: it outlives its statements
  Statements statements_;
};

Result<std::unique_ptr<Store>> Store::open(const std::string& directory) {
  GUARD_TRY(auto lock, lock_directory(directory));
  const auto path = directory + "/guardd.db";
  std::string trouble;
  auto writer = Writer::open(path);
  auto remembered = writer ? (*writer)->read() : Result<PendingRow>(writer.error());
  if (!remembered && is_damaged(remembered.error())) {
    writer = Error("");  // closes it
    GUARD_TRY(trouble, put_aside(path, remembered.error(), "its contents are lost"));
    writer = Writer::open(path);
    remembered = writer ? (*writer)->read() : Result<PendingRow>(writer.error());
  }
  if (!remembered) return std::move(remembered).error().context(quote(path));
  std::unique_ptr<Store> store(
      new Store(std::move(lock), *std::move(writer), *std::move(remembered)));
  if (!trouble.empty()) store->queue_.put_news(std::move(trouble), {});
  return store;
}

Store::Store(Fd lock, std::unique_ptr<Writer> writer, PendingRow remembered)
    : lock_(std::move(lock)),
      writer_(std::move(writer)),
      remembered_(std::move(remembered)),
      queue_({kMostQueued, std::numeric_limits<std::size_t>::max(), kDelay, std::chrono::hours(1)},
             false, [this](const Queue::Entries& entries, const std::stop_token& stop) {
               write(entries, stop);
             }) {}

Store::~Store() = default;

void Store::push(Entry entry) {
  queue_.push(0, [&] { return std::move(entry); });
}

// Entries that could not be written are lost and counted, except for rules, which are tried again.
// Later entries are tried all the same, because a full disk may have room again.
void Store::write(const Queue::Entries& entries, const std::stop_token& stop) {
  if (entries.empty() && !rules_) return;
  queue_.release(entries.size(), 0);
  auto done = writer_->write(entries);
  if (!done) unwritten_.fetch_add(entries.size());
  for (const auto& entry : entries)
    if (const auto* rules = std::get_if<RuleTexts>(&entry))
      rules_ = done ? std::nullopt : std::optional(*rules);
  if (done && rules_) done = writer_->write({*rules_});
  if (done) rules_.reset();
  queue_.report(done, stop);
}

}  // namespace guard
