// A change that happened or is about to: one operation by one subject on one object in one tree.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "policy/base/ids.h"
#include "policy/object_times.h"
#include "policy/words.h"

namespace guard {

// One process, as far as it is known. An unknown value matches no key of an allow.
struct Process {
  std::optional<Uid> uid;  // the fsuid, which becomes the owner of new files
  std::optional<Gid> gid;
  std::span<const Gid> groups;  // supplementary
  std::optional<Uid> login;     // loginuid; absent when unset
  std::optional<InodeId> exe;
  std::string_view unit;       // empty: none
  std::string_view container;  // the name of one that root started; empty: none, or unknown
  std::string_view image;      // of that container
  EnumSet<Label> labels;
};

struct Subject {
  Process self;
  std::span<const Process> ancestors;  // parent first
  bool has_terminal = false;

  bool interactive() const { return self.login.has_value() && has_terminal; }
};

// The direction of a rename or link, as seen from the tree in question.
enum class Direction : std::uint8_t { kWithin, kInto, kOutOf };

struct Change {
  Operation operation = Operation::kCreate;
  Direction direction = Direction::kWithin;
  std::string_view path;  // relative to the tree; the new path of a rename or link into it
  FileType type = FileType::kRegular;

  // The state of the object once the operation is done. An unknown value counts as
  // correct.
  std::optional<Uid> uid;
  std::optional<Gid> gid;
  std::optional<Mode> mode;
};

// The current state of an object.
struct ObjectState {
  FileType type = FileType::kRegular;
  Uid uid;
  Gid gid;
  Mode mode;
  std::uint64_t links = 1;
  ObjectTimes times{};
};

}  // namespace guard
