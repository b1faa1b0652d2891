// The result of a call to guardd: the answer, or a failure with a sentence for the
// user.
#pragma once

#include <cstdint>
#include <string>

#include <systemd/sd-bus.h>

#include "policy/base/result.h"

namespace guard::bus {

enum class Kind : std::uint8_t {
  kNotRunning,
  kNotPermitted,
  kInvalidPolicy,  // one line per error
  kNoSuchPolicy,
  kNoSuchIncident,
  kInvalid,  // the request is invalid
  kBusy,
  kStopped,  // by the user
  kFailed,
};

// Exit codes of the contract: 1 failed, 2 wrong usage, 3 not running, 4 not permitted.
int exit_status(Kind kind);

// The text comes from the other process and is untrusted.
struct [[nodiscard]] Failure {
  Kind kind = Kind::kFailed;
  std::string text;
};

// The failure for an error of a call.
Failure failure_of(int code, const sd_bus_error& error);

// guardd's answer does not match its interface.
Failure misunderstood(const std::string& what);

struct Nothing {};

template <typename T>
using Answer = Result<T, Failure>;

}  // namespace guard::bus
