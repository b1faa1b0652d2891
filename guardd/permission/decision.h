// Decides what to answer to an open, from the file, the open's flags and the opener. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "guardd/base/config.h"
#include "guardd/permission/open_flags.h"
#include "guardd/permission/opened_file.h"
#include "policy/change.h"
#include "policy/judge.h"
#include "policy/policy_set.h"

namespace guard {

using AnswerSettings = decltype(Config::answer);

// Whether this very open made the file.
enum class Novelty : std::uint8_t {
  kOld,
  kUnclear,  // it is empty and young, but the file system does not record when it was made
  kNew,
};

// Whether one operation can have set both of these times of files, in nanoseconds.
bool is_same_moment(std::int64_t a, std::int64_t b);

Novelty novelty_of(const OpenedFile& opened, const std::optional<Intent>& intent, Uid opener);

enum class OpenAnswer : std::uint8_t {
  kAllow,
  kDeny,
  kFix,  // then allow
};

struct Decision {
  OpenAnswer answer = OpenAnswer::kAllow;
  std::optional<Operation> operation;  // the violation, if the open is one
  Verdict verdict;
};

// Whether opens under this policy have to wait for an answer. `denies_opens`: the LSM denies them.
bool needs_answers(const Policy& policy, bool denies_opens);

// Whether any process gets the same answer for a file that is not new.
bool is_same_for_all(const Policy& policy);

// `path` is relative to the policy's tree. An unknown intent is judged as `unknown` says.
Decision decide(const Policy& policy, std::string_view path, const OpenedFile& opened,
                Novelty novelty, const std::optional<Intent>& intent, UnknownIntent unknown,
                const Subject& subject);

}  // namespace guard
