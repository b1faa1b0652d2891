// The MESSAGE_ID of each kind of journal entry; units/guardd.catalog explains them. An id never
// changes its meaning and is never reused.
#pragma once

#include <string_view>

namespace guard::message_id {

// Syslog priorities.
enum Priority : int { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6 };

inline constexpr std::string_view kViolation = "a94054c8a6af4473a7c52f272a53e77a";
inline constexpr std::string_view kDenied = "14702cae5c3b4ec98fe040cfab6d9e63";
inline constexpr std::string_view kNotFixed = "4e350855b9dd4e978f88d73ef405b3d4";
inline constexpr std::string_view kIncidentOpened = "24df8f850deb4c00a82ac4cbcf24db5d";
inline constexpr std::string_view kIncidentClosed = "6f0205a604724395a9d8a146a225ecdb";
inline constexpr std::string_view kReady = "0d4b9e05e0414026863a0f101d9f557b";
inline constexpr std::string_view kReloaded = "8784fb16c9a14929812f895d796535d6";
inline constexpr std::string_view kReloadDenied = "9740dc349537475fa65add08dd7f27a8";
inline constexpr std::string_view kDegraded = "d69171a220054e03a2ef7e3435cfdc04";
inline constexpr std::string_view kDisabled = "b8042270b64342d6a3b6c47a15144dac";
inline constexpr std::string_view kPaused = "e2f29fde38f54fda8be810153b3571a3";
inline constexpr std::string_view kExcused = "faac1f070ec04ce0afbc49cd97b22152";
inline constexpr std::string_view kExcuseOver = "56bd2732691d4b88bbc4a220309656a9";
inline constexpr std::string_view kManualFix = "cb44b5537d95456d90c3a192566e00f8";
inline constexpr std::string_view kUndone = "289da66b910e49fbbf5e97b1421a838a";
inline constexpr std::string_view kHealthy = "4ac0ca54f1774d04b01e7722e2823884";
inline constexpr std::string_view kEventsLost = "464b20bd3b87454e9116ff6212d84421";
inline constexpr std::string_view kMessagesLost = "5f497b92fb0a40f6bfea38fa3dc7531c";
inline constexpr std::string_view kSuppressed = "fd4b0775a4b143efa05f9d7d27c8b1d2";
inline constexpr std::string_view kStopped = "25baee9f800e43d0834dabf949c4a703";

}  // namespace guard::message_id
