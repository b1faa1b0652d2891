// A process at one moment. Only values; shared parts are immutable. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guardd/who/known_container.h"
#include "policy/base/ids.h"
#include "policy/words.h"

namespace guard {

// The program of a process. Forked processes share it.
struct Image {
  std::optional<std::string> exe;  // as seen from the root of its mount namespace
  std::optional<InodeId> id;
  bool is_kernel_id = false;  // `id` is that of the kernel, where stat() may show another
  std::optional<std::string> cmdline;
  EnumSet<Label> labels;
};

// A control group, with its names in systemd.
struct ControlGroup {
  std::string path;
  std::string unit;   // empty: none
  std::string slice;  // empty: none
};

// An earlier user of this process, or of the previous process with its number. A late event can be
// about that user.
struct EarlierUser {
  Uid uid;
  std::uint64_t until = 0;  // nanoseconds since boot
};

struct Excuse;  // see excuses.h

struct Snapshot {
  std::int32_t pid = 0;
  std::uint64_t start = 0;  // nanoseconds since boot; from /proc with the precision of a tick
  std::int32_t parent = 0;  // the process that started it; 0: unknown
  std::uint64_t parent_start = 0;
  std::optional<std::string> comm;
  std::optional<Uid> uid;
  std::optional<Uid> euid;
  std::optional<Uid> fsuid;
  std::optional<Gid> gid;  // fsgid: the group of new files
  std::optional<Gid> egid;
  std::vector<EarlierUser> earlier;
  std::vector<Gid> groups;
  std::optional<Uid> login;
  std::optional<std::uint32_t> session;
  std::uint32_t tty = 0;  // major << 20 | minor; 0: none
  std::optional<std::string> cwd;
  std::shared_ptr<const Image> image;                 // null: unknown
  std::shared_ptr<const ControlGroup> control_group;  // null: unknown
  KnownContainerPtr container;                        // null: none, or unknown
  std::shared_ptr<const Excuse> excuse;               // null: none
};

// The parent first, each as it was when it started the next. At most kKnownAncestors.
using Lineage = std::vector<std::shared_ptr<const Snapshot>>;
inline constexpr std::size_t kKnownAncestors = 8;

// /proc shows start times in hundredths of a second, regardless of the kernel's clock.
inline constexpr std::uint64_t kTick = 10'000'000;
constexpr bool same_start(std::uint64_t a, std::uint64_t b) {
  return a / kTick == b / kTick;
}

}  // namespace guard
