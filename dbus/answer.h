// What a client gets when it asks guardd: what it asked for, or why not, in a sentence for whoever
// asked.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include <systemd/sd-bus.h>

namespace guard::bus {

enum class Kind : std::uint8_t {
  kNotRunning,
  kNotPermitted,
  kInvalidPolicy,  // one line a mistake
  kNoSuchPolicy,
  kNoSuchIncident,
  kInvalid,  // what was asked makes no sense
  kBusy,
  kFailed,
};

// What the contract promises to scripts: 1 failed, 2 wrong usage, 3 not running, 4 not permitted.
int exit_status(Kind kind);

// The text can have been written by whoever is at the other end.
struct [[nodiscard]] Failure {
  Kind kind = Kind::kFailed;
  std::string text;
};

// Of a call that ended with this.
Failure failure_of(int code, const sd_bus_error& error);

// guardd has said something else than its interface says.
Failure misunderstood(const std::string& what);

struct Nothing {};

template <typename T>
class [[nodiscard]] Answer {
 public:
  // NOLINTBEGIN(google-explicit-constructor): functions end with the one or the other
  Answer(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Answer(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}
  // NOLINTEND(google-explicit-constructor)

  explicit operator bool() const { return state_.index() == 0; }

  // Only when true, as with Result.
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

  const Failure& error() const& { return std::get<1>(state_); }
  Failure&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Failure> state_;
};

}  // namespace guard::bus
