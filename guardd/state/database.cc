#include "guardd/state/database.h"

#include <utility>

namespace guard {
namespace {

Error error_of(sqlite3* database, int code) {
  return Error(database ? ::sqlite3_errmsg(database) : ::sqlite3_errstr(code), code);
}

}  // namespace

void Statement::check(int code) {
  if (code != SQLITE_OK && trouble_ == SQLITE_OK) trouble_ = code;
}

void Statement::bind(std::int64_t value) {
  check(::sqlite3_bind_int64(statement_.get(), ++bound_, value));
}

void Statement::bind(std::string_view bytes) {
  // A null pointer would bind NULL.
  const char* data = bytes.data() ? bytes.data() : "";
  check(::sqlite3_bind_blob64(statement_.get(), ++bound_, data, bytes.size(), nullptr));
}

void Statement::bind_null() {
  check(::sqlite3_bind_null(statement_.get(), ++bound_));
}

Status Statement::run() {
  const auto done = next();
  auto status = done ? Status() : Status(done.error());
  reset();
  return status;
}

void Statement::reset() {
  (void)::sqlite3_reset(statement_.get());  // repeats the result of next()
  bound_ = 0;
  trouble_ = SQLITE_OK;
}

Result<bool> Statement::next() {
  next_column_ = 0;
  if (trouble_ != SQLITE_OK) return error_of(nullptr, trouble_);
  const int code = ::sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_of(::sqlite3_db_handle(statement_.get()), code);
}

bool Statement::is_null() const {
  return ::sqlite3_column_type(statement_.get(), next_column_) == SQLITE_NULL;
}

std::int64_t Statement::number() {
  return ::sqlite3_column_int64(statement_.get(), next_column_++);
}

std::string Statement::bytes() {
  const auto* data =
      static_cast<const char*>(::sqlite3_column_blob(statement_.get(), next_column_));
  const auto size = ::sqlite3_column_bytes(statement_.get(), next_column_++);
  return data ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::optional<std::int64_t> Statement::number_if_any() {
  if (!is_null()) return number();
  ++next_column_;
  return std::nullopt;
}

std::optional<std::string> Statement::bytes_if_any() {
  if (!is_null()) return bytes();
  ++next_column_;
  return std::nullopt;
}

Result<Database> Database::open(const std::string& path) {
  return open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

Result<Database> Database::open_to_read(const std::string& path) {
  return open(path, SQLITE_OPEN_READONLY);
}

Result<Database> Database::open(const std::string& path, int how) {
  sqlite3* handle = nullptr;
  const int code = ::sqlite3_open_v2(path.c_str(), &handle,
                                     how | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, nullptr);
  Database database(handle);  // must be closed even if opening failed
  if (code != SQLITE_OK) return error_of(handle, code);
  return database;
}

Status Database::run(const char* sql) {
  const int code = ::sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : Status(error_of(database_.get(), code));
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = ::sqlite3_prepare_v2(database_.get(), sql, -1, &statement, nullptr);
  if (code != SQLITE_OK) return error_of(database_.get(), code);
  return Statement(statement);
}

Status Database::prepare_all(std::initializer_list<std::pair<Statement*, std::string>> statements) {
  for (const auto& [statement, sql] : statements) {
    GUARD_TRY(*statement, prepare(sql.c_str()));
  }
  return {};
}

Result<std::int64_t> Database::number(const char* sql) {
  GUARD_TRY(auto statement, prepare(sql));
  GUARD_TRY(const bool there, statement.next());
  return there ? statement.number() : 0;
}

std::int64_t Database::last_number() const {
  return ::sqlite3_last_insert_rowid(database_.get());
}

std::int64_t Database::changes() const {
  return ::sqlite3_changes64(database_.get());
}

}  // namespace guard
