// Explains what would happen at a path and why, step by step, with the policy line for each step.
// The steps come from the judge itself, so an explanation cannot differ from what guardd does.
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
  std::string user;  // the display name of the subject
  Subject subject;
  std::vector<Operation> operations;
  std::optional<ObjectState> present;  // the object at the path now
  std::optional<Gid> parents_group;    // of a set-gid directory above: new objects inherit it
  std::string unseen;                  // why the object at the path is unknown
  bool cannot_chown = false;           // the file system does not store owners
};

struct ExplainedStep {
  std::string text;
  std::string file;  // empty: no line decides this step
  std::uint32_t line = 0;
};

enum class ExpectedOutcome : std::uint8_t { kLeftAlone, kNotSeen, kLogged, kFixed, kDenied };

struct ExplainedOperation {
  Operation operation = Operation::kCreate;
  Reason reason = Reason::kRight;
  std::optional<Guard> guard;                 // the guard that was violated
  std::string because;                        // one sentence
  std::array<ExpectedOutcome, 2> outcomes{};  // by Backend
  std::vector<ExplainedStep> steps;
};

struct Explanation {
  std::string path;
  const Policy* policy = nullptr;  // null: no tree holds the path
  const Tree* tree = nullptr;
  const Rule* rule = nullptr;
  const WantedState* wanted = nullptr;
  std::optional<Action> action;
  bool excluded = false;
  std::vector<ExplainedStep> steps;  // how the policy and the rule were found
  std::vector<ExplainedOperation> operations;
  std::optional<Deviation> now;  // how the present object differs from what is wanted
};

Explanation explain(const PolicySet& set, const ExplainQuestion& question);

// "shop:shop 0640"
std::string describe(const WantedState& wanted, FileType type);

}  // namespace guard

namespace guard {
template <>
struct Words<ExpectedOutcome> {
  static constexpr std::array<std::string_view, 5> kAll{"left alone", "not seen", "logged", "fixed",
                                                        "denied"};
};
template <>
struct Words<Reason> {
  static constexpr std::array<std::string_view, 7> kAll{"off",   "excluded", "not covered", "owner",
                                                        "right", "allowed",  "violation"};
};
}  // namespace guard
