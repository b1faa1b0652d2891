// What to answer to an open: from what is opened, how, and by whom, as the judge says. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "guardd/base/config.h"
#include "guardd/permission/open_flags.h"
#include "policy/change.h"
#include "policy/judge.h"
#include "policy/policy_set.h"

namespace guard {

// How sure it is that this very open has made the file.
enum class Novelty : std::uint8_t {
  kNo,     // it was there before
  kMaybe,  // it is empty and young, but the file system does not say when it was made
  kYes,
};

// What is opened, at this moment.
struct OpenedFile {
  ObjectState state;
  std::uint64_t size = 0;
  // In nanoseconds. No birth: the file system does not know it.
  std::optional<std::int64_t> born;
  std::int64_t changed = 0;
  std::int64_t modified = 0;
  std::int64_t now = 0;
};

// Whether one act can have left both of these times of files, in nanoseconds.
bool is_same_moment(std::int64_t a, std::int64_t b);

Novelty made_by(const OpenedFile& opened, const std::optional<Intent>& intent, Uid opener);

enum class AnswerKind : std::uint8_t {
  kAllowed,
  kDenied,
  kToBeFixed,  // to be let through once it is put right
};

struct Decision {
  AnswerKind answer = AnswerKind::kAllowed;
  // What it was, if it breaks a guard: to be told of, where nobody else does.
  std::optional<Operation> operation;
  Verdict verdict;
};

// Whether opens of this policy have to be asked for at all. `refuses_opens`: somebody else, who
// knows more, refuses them already.
bool needs_answers(const Policy& policy, bool denies_opens);

// Whether, of a file that was there before, the answer is the same for everybody.
bool is_same_for_all(const Policy& policy);

// `path` is relative to the policy's tree. An intent that is not known is judged as `unknown` says.
Decision decide(const Policy& policy, std::string_view path, const OpenedFile& opened, Novelty made,
                const std::optional<Intent>& intent, UnknownIntent unknown, const Subject& subject);

}  // namespace guard
