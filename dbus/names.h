// The names on the bus. The XML files in this folder describe what they mean.
#pragma once

namespace guard::bus {

inline constexpr const char* kName = "org.guardd.Guard1";
inline constexpr const char* kObject = "/org/guardd/Guard1";
inline constexpr const char* kPolicies =
    "/org/guardd/Guard1/policy";  // one object per policy below it

inline constexpr const char* kManager = "org.guardd.Guard1.Manager";
inline constexpr const char* kPolicy = "org.guardd.Guard1.Policy";
inline constexpr const char* kProperties = "org.freedesktop.DBus.Properties";
inline constexpr const char* kObjectManager = "org.freedesktop.DBus.ObjectManager";

namespace error {

// Errors of guardd.
inline constexpr const char* kNoSuchPolicy = "org.guardd.Guard1.Error.NoSuchPolicy";
inline constexpr const char* kNoSuchIncident = "org.guardd.Guard1.Error.NoSuchIncident";
inline constexpr const char* kInvalidPolicy = "org.guardd.Guard1.Error.InvalidPolicy";
inline constexpr const char* kInvalidArgument = "org.guardd.Guard1.Error.InvalidArgument";
inline constexpr const char* kBusy = "org.guardd.Guard1.Error.Busy";  // too many requests at once
inline constexpr const char* kDisabled = "org.guardd.Guard1.Error.Disabled";
inline constexpr const char* kFailed = "org.guardd.Guard1.Error.Failed";

// Standard errors.
inline constexpr const char* kAccessDenied = "org.freedesktop.DBus.Error.AccessDenied";
inline constexpr const char* kInteractiveAuthorizationRequired =
    "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired";
inline constexpr const char* kInvalidArgs = "org.freedesktop.DBus.Error.InvalidArgs";
inline constexpr const char* kLimitsExceeded = "org.freedesktop.DBus.Error.LimitsExceeded";
inline constexpr const char* kServiceUnknown = "org.freedesktop.DBus.Error.ServiceUnknown";
inline constexpr const char* kNameHasNoOwner = "org.freedesktop.DBus.Error.NameHasNoOwner";
inline constexpr const char* kNoReply = "org.freedesktop.DBus.Error.NoReply";
inline constexpr const char* kTimeout = "org.freedesktop.DBus.Error.Timeout";
inline constexpr const char* kTimedOut = "org.freedesktop.DBus.Error.TimedOut";
inline constexpr const char* kDisconnected = "org.freedesktop.DBus.Error.Disconnected";

}  // namespace error
}  // namespace guard::bus
