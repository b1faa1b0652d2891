#include "dbus/client/answer.h"

#include <array>
#include <cerrno>
#include <string_view>

#include "dbus/names.h"
#include "policy/base/result.h"

namespace guard::bus {
namespace {

struct Known {
  const char* name;
  Kind kind;
  std::string_view sentence;  // instead of what the other end says; empty: that will do
};

constexpr std::string_view kNotThere = "guardd is not running: systemctl start guardd";
constexpr std::string_view kGone = "guardd ended before it answered: journalctl -u guardd says why";
constexpr std::string_view kSilent = "guardd did not answer in time";
constexpr std::string_view kNobodyToAsk =
    "you may not do this without a password: type it on a terminal, or be root";

constexpr std::array kAll{
    Known{error::kNoSuchPolicy, Kind::kNoSuchPolicy, ""},
    Known{error::kNoSuchIncident, Kind::kNoSuchIncident, ""},
    Known{error::kInvalidPolicy, Kind::kInvalidPolicy, ""},
    Known{error::kInvalidArgument, Kind::kInvalid, ""},
    Known{error::kInvalidArgs, Kind::kInvalid, ""},
    Known{error::kBusy, Kind::kBusy, ""},
    Known{error::kLimitsExceeded, Kind::kBusy, ""},
    Known{error::kServiceUnknown, Kind::kNotRunning, kNotThere},
    Known{error::kNameHasNoOwner, Kind::kNotRunning, kNotThere},
    Known{error::kNoReply, Kind::kNotRunning, kGone},
    Known{error::kDisconnected, Kind::kNotRunning, kGone},
    Known{error::kTimeout, Kind::kFailed, kSilent},
    Known{error::kTimedOut, Kind::kFailed, kSilent},
    Known{error::kInteractiveAuthorizationRequired, Kind::kNotPermitted, kNobodyToAsk},
};

bool is_disconnection(int code) {
  return code == ECONNRESET || code == EPIPE || code == ENOTCONN || code == ESHUTDOWN;
}

Failure denied(std::string_view message) {
  // The bus itself explains its rules at length.
  const bool by_the_bus = message.empty() || message.starts_with("Rejected send message");
  std::string text = "you may not do this: ";
  text += by_the_bus ? "the bus does not let you" : message;
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
  return {Kind::kFailed, Error::from_errno(-code, "guardd was not asked").text()};
}

Failure misunderstood(const std::string& what) {
  return {Kind::kFailed, "guardd answers what this version does not understand: " + what};
}

}  // namespace guard::bus
