#include "dbus/client/answer.h"

#include <array>
#include <cerrno>
#include <string_view>

#include "dbus/names.h"
#include "policy/base/result.h"

namespace guard::bus {
namespace {

struct ErrorText {
  const char* name;
  Kind kind;
  std::string_view sentence;  // replaces the message of the other side; empty: that message is used
};

constexpr std::string_view kNotThere = "guardd is not running: systemctl start guardd";
constexpr std::string_view kGone =
    "guardd exited before it answered; for the reason, run: journalctl -u guardd";
constexpr std::string_view kSilent = "guardd did not answer in time";
constexpr std::string_view kNobodyToAsk =
    "you may not do this without a password: run it at a terminal or as root";

constexpr std::array kAll{
    ErrorText{error::kNoSuchPolicy, Kind::kNoSuchPolicy, ""},
    ErrorText{error::kNoSuchIncident, Kind::kNoSuchIncident, ""},
    ErrorText{error::kInvalidPolicy, Kind::kInvalidPolicy, ""},
    ErrorText{error::kInvalidArgument, Kind::kInvalid, ""},
    ErrorText{error::kInvalidArgs, Kind::kInvalid, ""},
    ErrorText{error::kBusy, Kind::kBusy, ""},
    ErrorText{error::kLimitsExceeded, Kind::kBusy, ""},
    ErrorText{error::kServiceUnknown, Kind::kNotRunning, kNotThere},
    ErrorText{error::kNameHasNoOwner, Kind::kNotRunning, kNotThere},
    ErrorText{error::kNoReply, Kind::kNotRunning, kGone},
    ErrorText{error::kDisconnected, Kind::kNotRunning, kGone},
    ErrorText{error::kTimeout, Kind::kFailed, kSilent},
    ErrorText{error::kTimedOut, Kind::kFailed, kSilent},
    ErrorText{error::kInteractiveAuthorizationRequired, Kind::kNotPermitted, kNobodyToAsk},
};

bool is_disconnection(int code) {
  return code == ECONNRESET || code == EPIPE || code == ENOTCONN || code == ESHUTDOWN;
}

Failure denied(std::string_view message) {
  // The message of the bus daemon is too long for users.
  const bool by_the_bus = message.empty() || message.starts_with("Rejected send message");
  std::string text = "you may not do this: ";
  text += by_the_bus ? "the bus denies it" : message;
  return {Kind::kNotPermitted, std::move(text)};
}

}  // namespace

int exit_status(Kind kind) {
  switch (kind) {
    case Kind::kInvalid:
      return 2;
    case Kind::kNotRunning:
      return 3;
    case Kind::kNotPermitted:
      return 4;
    case Kind::kInvalidPolicy:
    case Kind::kNoSuchPolicy:
    case Kind::kNoSuchIncident:
    case Kind::kBusy:
    case Kind::kStopped:
    case Kind::kFailed:
      break;
  }
  return 1;
}

Failure failure_of(int code, const sd_bus_error& error) {
  const std::string_view name = error.name ? error.name : "";
  const std::string_view message = error.message ? error.message : "";
  if (name == error::kAccessDenied) return denied(message);
  for (const auto& known : kAll) {
    if (name != known.name) continue;
    const auto& text = known.sentence.empty() ? message : known.sentence;
    return {known.kind, std::string(text.empty() ? name : text)};
  }
  if (is_disconnection(-code)) return {Kind::kNotRunning, std::string(kGone)};
  if (!message.empty()) return {Kind::kFailed, std::string(message)};
  return {Kind::kFailed,
          Error::from_errno(-code, "the request could not be sent to guardd").text()};
}

Failure misunderstood(const std::string& what) {
  return {Kind::kFailed, "this version does not understand guardd's answer: " + what};
}

}  // namespace guard::bus
