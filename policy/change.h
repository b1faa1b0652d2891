// What happened, or is about to: one operation by one subject on one object of one tree.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "policy/base/ids.h"
#include "policy/words.h"

namespace guard {

// One process, as far as it is known. What is not known matches no key of an allow.
struct Process {
  std::optional<Uid> uid;  // fsuid: the one that new files get
  std::optional<Gid> gid;
  std::span<const Gid> groups;  // supplementary
  std::optional<Uid> login;     // loginuid; absent when unset
  std::optional<InodeId> exe;
  std::string_view unit;  // empty: none
  EnumSet<Label> labels;
};

struct Subject {
  Process self;
  std::span<const Process> ancestors;  // the parent first
  bool has_terminal = false;

  bool interactive() const { return self.login.has_value() && has_terminal; }
};

// Where a rename or a link leads, seen from the tree that is asked.
enum class Direction : std::uint8_t { kWithin, kInto, kOutOf };

struct Change {
  Operation operation = Operation::kCreate;
  Direction direction = Direction::kWithin;
  std::string_view path;  // relative to the tree; the new one for a rename or link into it
  FileType type = FileType::kRegular;

  // As the object is, or would be, once the operation is done. A fact that is not known is taken as
  // right.
  std::optional<Uid> uid;
  std::optional<Gid> gid;
  std::optional<Mode> mode;
};

// An object as it lies there.
struct ObjectState {
  FileType type = FileType::kRegular;
  Uid uid;
  Gid gid;
  Mode mode;
  std::uint64_t links = 1;
};

}  // namespace guard
