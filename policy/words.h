// The enums of policies and records, and the words for their values, as the contract defines
// them.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

namespace guard {

// Each action includes the ones before it.
enum class Action : std::uint8_t { kOff, kLog, kFix, kDeny };

enum class Guard : std::uint8_t { kOwnership, kContent, kDelete, kAttributes, kRead };

enum class Operation : std::uint8_t {
  kCreate,
  kMkdir,
  kMknod,
  kSymlink,
  kLink,
  kRename,
  kChown,
  kChmod,
  kWrite,
  kTruncate,
  kMap,
  kUnlink,
  kRmdir,
  kSetxattr,
  kRemovexattr,
  kSetacl,
  kSetflags,
  kMount,
  kRead,
  kScan,
};

enum class FixAt : std::uint8_t { kSettle, kOpen };
enum class Severity : std::uint8_t { kInfo, kLow, kMedium, kHigh, kCritical };
enum class Only : std::uint8_t { kAny, kInteractive };
enum class Effect : std::uint8_t { kIgnore, kNoDeny };
enum class Label : std::uint8_t { kPackageManager, kBackup, kConfigManagement };
enum class Backend : std::uint8_t { kLsm, kFanotify };
enum class FileType : std::uint8_t {
  kRegular,
  kDirectory,
  kSymlink,
  kFifo,
  kSocket,
  kCharDevice,
  kBlockDevice,
};

// The words for the values of an enum, in order.
template <typename E>
struct Words;

template <>
struct Words<Action> {
  static constexpr std::array<std::string_view, 4> kAll{"off", "log", "fix", "deny"};
};
template <>
struct Words<Guard> {
  static constexpr std::array<std::string_view, 5> kAll{"ownership", "content", "delete",
                                                        "attributes", "read"};
};
template <>
struct Words<Operation> {
  static constexpr std::array<std::string_view, 20> kAll{
      "create",      "mkdir",  "mknod",    "symlink", "link",   "rename", "chown",
      "chmod",       "write",  "truncate", "map",     "unlink", "rmdir",  "setxattr",
      "removexattr", "setacl", "setflags", "mount",   "read",   "scan"};
};
template <>
struct Words<FixAt> {
  static constexpr std::array<std::string_view, 2> kAll{"settle", "open"};
};
template <>
struct Words<Severity> {
  static constexpr std::array<std::string_view, 5> kAll{"info", "low", "medium", "high",
                                                        "critical"};
};
template <>
struct Words<Only> {
  static constexpr std::array<std::string_view, 2> kAll{"any", "interactive"};
};
template <>
struct Words<Effect> {
  static constexpr std::array<std::string_view, 2> kAll{"ignore", "no-deny"};
};
template <>
struct Words<Label> {
  static constexpr std::array<std::string_view, 3> kAll{"package-manager", "backup",
                                                        "config-management"};
};
template <>
struct Words<Backend> {
  static constexpr std::array<std::string_view, 2> kAll{"lsm", "fanotify"};
};
template <>
struct Words<FileType> {
  static constexpr std::array<std::string_view, 7> kAll{
      "file", "directory", "symlink", "fifo", "socket", "character device", "block device"};
};

template <typename E>
constexpr std::string_view word(E value) {
  return Words<E>::kAll[static_cast<std::size_t>(value)];
}

template <typename E>
constexpr std::optional<E> parse_word(std::string_view text) {
  for (std::size_t i = 0; i < Words<E>::kAll.size(); ++i)
    if (Words<E>::kAll[i] == text) return static_cast<E>(i);
  return std::nullopt;
}

// A set of values of a small enum, as one word of bits.
template <typename E>
class EnumSet {
 public:
  constexpr EnumSet() = default;
  constexpr EnumSet(std::initializer_list<E> values) {
    for (const auto value : values) add(value);
  }
  constexpr void add(E value) { bits_ |= bit(value); }
  constexpr bool has(E value) const { return (bits_ & bit(value)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr int size() const { return std::popcount(bits_); }
  friend constexpr bool operator==(EnumSet, EnumSet) = default;

  // Calls visit(value) for each value, in the order of the enum.
  template <typename Visit>
  constexpr void each(Visit visit) const {
    for (auto left = bits_; left != 0; left &= left - 1)
      visit(static_cast<E>(std::countr_zero(left)));
  }

 private:
  static constexpr std::uint32_t bit(E value) { return 1U << static_cast<unsigned>(value); }
  std::uint32_t bits_ = 0;
};

}  // namespace guard
