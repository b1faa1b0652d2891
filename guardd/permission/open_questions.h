// What guardd asks the helpers for opens: the changes of files that follow from an open, which can
// wait for a file system. The questions, the answers, and their form on the channel. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/helpers/pool.h"
#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/policy_set.h"

namespace guard {

enum class OpenRequest : std::uint32_t { kFix = 1, kRemove };

// The opened file comes along. It is new: empty, with at most one name, and its maker's.
struct NewFileFix {
  Uid maker;
  OwnerIds wanted;
  std::optional<Mode> mode;  // if some bits are too many
};

// An empty file that a denied open made.
struct MadeFileRemoval {
  std::string tree;
  std::string path;  // relative
  InodeId file;
  OwnerIds owner;  // whose rights must be enough
  std::vector<Gid> groups;
};

std::string write_question(const NewFileFix& fix);
std::optional<NewFileFix> read_fix(std::string_view contents);
std::string write_question(const MadeFileRemoval& removal);
std::optional<MadeFileRemoval> read_removal(std::string_view contents);
// Why it was not done; empty: it was.
std::string write_failure(const Status& done);

// `file` must stay open until the reply.
using OpenRequestReply = std::function<void(const Status& done)>;
void ask_to_fix(HelperPort& port, const NewFileFix& fix, int file, std::uint64_t device,
                std::chrono::milliseconds limit, OpenRequestReply reply);
void ask_to_remove(HelperPort& port, const MadeFileRemoval& removal, OpenRequestReply reply);

}  // namespace guard
