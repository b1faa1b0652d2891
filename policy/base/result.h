// Result<T>: a value, or an Error that describes the failure with its full context.
//
// Library code returns errors and never logs; the final caller reports them once.
// Each caller adds context, so the text reads from the intention to the cause:
//   "load policies: /etc/guardd/policies.d: open: Permission denied".
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace guard {

class [[nodiscard]] Error {
 public:
  explicit Error(std::string what, int code = 0) : text_(std::move(what)), code_(code) {}

  // "what: strerror(code)"; callers can read the code to decide by it.
  static Error from_errno(int code, const std::string& what);

  // Prepends `what`: the caller's intention before the callee's error.
  Error context(const std::string& what) && {
    text_.insert(0, what + ": ");
    return std::move(*this);
  }

  const std::string& text() const { return text_; }
  int code() const { return code_; }  // an errno value, or 0 if there is none

 private:
  std::string text_;
  int code_;
};

// If a caller must distinguish errors, E is a type of its own.
template <typename T, typename E = Error>
class [[nodiscard]] Result {
 public:
  // Both are implicit: `return value;` and `return Error(…);` are how functions end.
  // NOLINTBEGIN(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}
  // NOLINTEND(google-explicit-constructor)

  explicit operator bool() const { return state_.index() == 0; }

  // Call these only if the result has a value: std::get throws otherwise, which ends the
  // process.
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

  const E& error() const& { return std::get<1>(state_); }
  E&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, E> state_;
};

// Success with nothing to carry.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return !error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

#define GUARD_JOIN_INNER(a, b) a##b
#define GUARD_JOIN(a, b) GUARD_JOIN_INNER(a, b)

// GUARD_TRY(auto fd, open_beneath(root, name)): takes the value, or returns the error to
// the caller.
#define GUARD_TRY(target, expression) \
  GUARD_TRY_INNER(target, expression, GUARD_JOIN(guard_result_, __LINE__))
// NOLINTBEGIN(bugprone-macro-parentheses): a target can be a declaration, which no parentheses hold
#define GUARD_TRY_INNER(target, expression, result) \
  auto result = (expression);                       \
  if (!result) return std::move(result).error();    \
  target = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)

// GUARD_CHECK(step()): continues, or returns the error to the caller.
#define GUARD_CHECK(expression)                                     \
  if (auto guard_status = (expression); !guard_status) /* NOLINT */ \
  return std::move(guard_status).error()

}  // namespace guard
