// What would happen at a path, and why, step by step with the line of the policy that decides each.
// The steps come from the judge itself, so that an explanation cannot differ from what is done.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "policy/change.h"
#include "policy/judge.h"
#include "policy/policy_set.h"
#include "policy/reach.h"

namespace guard {

struct ExplainQuestion {
  std::string path;  // absolute and normal
  std::string user;  // as a person calls the subject
  Subject subject;
  std::vector<Operation> operations;
  std::optional<ObjectState> present;  // what lies at the path now
  std::optional<Gid> parents_group;    // of a set-gid directory above: new objects get it
  std::string unseen;                  // why nobody can say what lies there
  bool cannot_chown = false;           // the file system knows no owners
};

struct ExplainedStep {
  std::string text;
  std::string file;  // empty: it follows from no line
  std::uint32_t line = 0;
};

enum class ExpectedOutcome : std::uint8_t { kLeftAlone, kNotSeen, kLogged, kFixed, kDenied };

struct ExplainedOperation {
  Operation operation = Operation::kCreate;
  Reason reason = Reason::kRight;
  std::optional<Guard> guard;                 // which was violated
  std::string because;                        // one sentence
  std::array<ExpectedOutcome, 2> outcomes{};  // by Backend
  std::vector<ExplainedStep> steps;
};

struct Explanation {
  std::string path;
  const Policy* policy = nullptr;  // null: no tree holds the path
  const Tree* tree = nullptr;
  const Rule* rule = nullptr;
  const Wanted* wanted = nullptr;
  std::optional<Action> action;
  bool excluded = false;
  std::vector<ExplainedStep> steps;  // which policy and which rule
  std::vector<ExplainedOperation> operations;
  std::optional<Wrong> now;  // how what lies there differs from what is wanted
};

Explanation explain(const PolicySet& set, const ExplainQuestion& question);

// "shop:shop 0640"
std::string describe(const Wanted& wanted, FileType type);

}  // namespace guard

namespace guard {
template <>
struct Words<ExpectedOutcome> {
  static constexpr std::array<std::string_view, 5> kAll{"left alone", "not seen", "logged",
                                                        "put right", "refused"};
};
template <>
struct Words<Reason> {
  static constexpr std::array<std::string_view, 7> kAll{"off",   "excluded", "not covered", "owner",
                                                        "right", "allowed",  "violation"};
};
}  // namespace guard
