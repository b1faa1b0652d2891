// SQLite, as little of it as guardd uses: a database, statements, and errors as results. Owns the
// handles. One thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

// A statement and what is bound to it. Columns and parameters are used in their order, so that
// nobody counts them.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  void bind(std::int64_t value);
  void bind(std::string_view bytes);  // as a blob: names on disk are no text; good until run()
  template <typename T>
  void bind(const std::optional<T>& value) {
    value ? bind(*value) : bind_nothing();
  }
  void bind_nothing();
  // Runs it to its end and forgets what was bound.
  Status run();
  // Forgets what was bound and the rows that were not taken.
  void reset();

  // True: there is a row, whose columns can be taken. False: that was the last one.
  Result<bool> next();
  std::int64_t number();
  std::string bytes();
  std::optional<std::int64_t> number_if_any();
  std::optional<std::string> bytes_if_any();

 private:
  void check(int code);
  bool is_null() const;

  Handle<sqlite3_stmt, sqlite3_finalize> statement_;
  int bound_ = 0;
  int taken_ = 0;
  int trouble_ = SQLITE_OK;  // the first that binding met
};

class Database {
 public:
  static Result<Database> open(const std::string& path);
  // One that is there, which somebody else may be writing.
  static Result<Database> open_to_read(const std::string& path);

  Status run(const char* sql);
  Result<Statement> prepare(const char* sql);
  Result<std::int64_t> number(const char* sql);  // what a query for one number says; 0: nothing
  std::int64_t last_number() const;              // of the row inserted last
  std::int64_t changes() const;                  // how many rows the last statement changed

 private:
  static Result<Database> open(const std::string& path, int how);
  explicit Database(sqlite3* database) : database_(database) {}

  Handle<sqlite3, sqlite3_close> database_;
};

}  // namespace guard
