// Helpers for tests of the judge: subjects, changes and end states in one line, and verdicts in
// words.
#pragma once

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "policy/explain.h"  // the words for reasons
#include "policy/judge.h"
#include "tests/unit/fakes.h"

namespace guard::testing {

inline constexpr Gid kRootGroup{0};
inline Process process(Uid uid, Gid gid) {
  Process process;
  process.uid = uid;
  process.gid = gid;
  return process;
}

inline Subject subject(Uid uid, Gid gid) {
  Subject subject;
  subject.self = process(uid, gid);
  return subject;
}

inline Subject root() {
  return subject(kRoot, kRootGroup);
}

inline Change change(Operation operation, std::string_view path = "conf") {
  Change change;
  change.operation = operation;
  change.path = path;
  return change;
}

// The assumed result of the operation.
inline Change leaving(Operation operation, Uid uid, Gid gid, FileType type = FileType::kRegular) {
  auto made = change(operation);
  made.type = type;
  made.uid = uid;
  made.gid = gid;
  return made;
}

inline Change towards(Direction direction, Change change) {
  change.direction = direction;
  return change;
}

inline Change with_mode(std::uint32_t mode, Change change) {
  change.mode = Mode{mode};
  return change;
}

inline ObjectState lying(Uid uid, Gid gid, std::uint32_t mode = 0644,
                         FileType type = FileType::kRegular, std::uint64_t links = 1) {
  return {type, uid, gid, Mode{mode}, links};
}

// A verdict in words: "right", or "ownership: denied, fixed".
inline std::string told(const Verdict& verdict) {
  if (!verdict.violation()) {
    EXPECT_FALSE(verdict.deny || verdict.fix);
    return std::string(word(verdict.reason));
  }
  std::string text = std::string(word(verdict.guard)) + ": ";
  if (verdict.deny) text += "denied, ";
  text += verdict.fix ? "fixed" : "logged";
  return text;
}

class Judge : public ::testing::Test {
 protected:
  // The policy of /srv/shop, owner shop, with more lines.
  const Policy& policy(std::string_view more) {
    loaded_ = world_.load_good(policy_text(more));
    if (!loaded_.set) throw std::runtime_error("bad policy");
    return loaded_.policy();
  }
  std::string judged(std::string_view more, const Subject& who, const Change& what) {
    return told(judge(policy(more), who, what));
  }
  std::string judged_at_rest(std::string_view more, const ObjectState& state,
                             std::string_view path = "conf") {
    return told(judge(policy(more), path, state));
  }

  World world_;
  Attempt loaded_;
};

}  // namespace guard::testing
