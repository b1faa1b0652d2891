// What a client gets when it asks guardd: what it asked for, or why not, in a sentence for whoever
// asked.
#pragma once

#include <cstdint>
#include <string>

#include <systemd/sd-bus.h>

#include "policy/base/result.h"

namespace guard::bus {

enum class Kind : std::uint8_t {
  kNotRunning,
  kNotPermitted,
  kInvalidPolicy,  // one line a mistake
  kNoSuchPolicy,
  kNoSuchIncident,
  kInvalid,  // what was asked makes no sense
  kBusy,
  kStopped,  // by whoever asked
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
using Answer = Result<T, Failure>;

}  // namespace guard::bus
