// A thin layer over SQLite: databases and statements, with errors as results. Owns the handles. One
// thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

// A statement and its bound values. Columns and parameters are used in order, so that callers need
// not number them.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  void bind(std::int64_t value);
  void bind(
      std::string_view bytes);  // as a blob, because file names need not be text; kept until run()
  template <typename T>
  void bind(const std::optional<T>& value) {
    value ? bind(*value) : bind_null();
  }
  void bind_null();
  // Runs it to completion and clears the bound values.
  Status run();
  // Clears the bound values and the remaining rows.
  void reset();

  // True: there is a row, whose columns can be read. False: there are no more rows.
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
  int next_column_ = 0;
  int trouble_ = SQLITE_OK;  // the first error of a bind()
};

class Database {
 public:
  static Result<Database> open(const std::string& path);
  // An existing database, which another process may be writing.
  static Result<Database> open_to_read(const std::string& path);

  Status run(const char* sql);
  Result<Statement> prepare(const char* sql);
  Status prepare_all(std::initializer_list<std::pair<Statement*, std::string>> statements);
  Result<std::int64_t> number(const char* sql);  // the result of a query for one number; 0: no row
  std::int64_t last_number() const;              // of the last inserted row
  std::int64_t changes() const;                  // rows changed by the last statement

 private:
  static Result<Database> open(const std::string& path, int how);
  explicit Database(sqlite3* database) : database_(database) {}

  Handle<sqlite3, sqlite3_close> database_;
};

}  // namespace guard
