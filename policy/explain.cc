#include "policy/explain.h"

#include <fmt/format.h>

#include <array>

#include "policy/base/text.h"

namespace guard {
namespace {

std::string ordinal_rule(std::size_t index) {
  return fmt::format("rule {}", index + 1);
}

std::string owner_text(const WantedState& wanted) {
  return escaped(wanted.owner.name) + ":" + escaped(wanted.group.name);
}

// Turns the steps of the judge into sentences.
class StepSentences : public Listener {
 public:
  StepSentences(const PolicySet& set, const Policy& policy, const ExplainQuestion& question)
      : set_(set), policy_(policy), question_(question) {}

  void step(StepKind kind, std::size_t index, bool yes) override {
    switch (kind) {
      case StepKind::kExclude:
        return exclude(policy_.exclude[index], yes);
      case StepKind::kRule:
        return rule(index, yes);
      case StepKind::kOwner:
        return say(during_, owner(yes), {});
      case StepKind::kGuard:
        return guard(static_cast<Guard>(index), yes);
      case StepKind::kState:
        return say(during_, yes ? "the result is as wanted" : "the result is not as wanted", {});
      case StepKind::kAllow:
        return allow(index, yes);
      case StepKind::kStrict:
        return say(during_,
                   yes ? "package managers are never denied" : "it is not a package manager",
                   policy_.said.strict.place);
      case StepKind::kOnly:
        return say(during_,
                   yes ? "only interactive users are denied, and this process is not interactive"
                       : "it is an interactive user",
                   policy_.said.only.place);
    }
  }

  std::vector<ExplainedStep>& where() { return where_; }  // how the policy and the rule were found
  std::vector<ExplainedStep>& during() { return during_; }  // how the operation was judged

 private:
  void say(std::vector<ExplainedStep>& steps, std::string text, Place place) {
    steps.push_back({std::move(text), place ? set_.files()[place.file] : "", place.line});
  }

  void exclude(const Pattern& pattern, bool yes) {
    say(where_,
        fmt::format("exclude {} {}", quote(pattern.glob.pattern()),
                    yes ? "matches" : "does not match"),
        pattern.place);
  }

  void rule(std::size_t index, bool yes) {
    const auto& rule = policy_.rules[index];
    say(where_,
        yes ? fmt::format("{} matches: wants {}, action {}", ordinal_rule(index),
                          owner_text(rule.wanted), word(rule.action))
            : ordinal_rule(index) + " does not match",
        rule.said.place);
  }

  std::string owner(bool yes) const {
    return fmt::format(
        "{} is {}", escaped(question_.user),
        yes ? "the owner, and an owner never violates its own policy" : "not the owner");
  }

  void guard(Guard guard, bool yes) {
    say(during_,
        fmt::format("the guard {} covers it, and the policy {}", word(guard),
                    yes ? "has this guard" : "does not have this guard"),
        policy_.said.guards.place);
  }

  void allow(std::size_t index, bool yes) {
    const auto& said = policy_.allows[index].said;
    const auto effect =
        said.effect.value == Effect::kIgnore ? "the change is ignored" : "the change is not denied";
    say(during_,
        yes ? fmt::format("allow {} matches: {}", index + 1, effect)
            : fmt::format("allow {} does not match", index + 1),
        said.place);
  }

  const PolicySet& set_;
  const Policy& policy_;
  const ExplainQuestion& question_;
  std::vector<ExplainedStep> where_;
  std::vector<ExplainedStep> during_;
};

FileType type_of_new(Operation operation) {
  switch (operation) {
    case Operation::kMkdir:
    case Operation::kRmdir:
      return FileType::kDirectory;
    case Operation::kSymlink:
      return FileType::kSymlink;
    case Operation::kMknod:
      return FileType::kFifo;
    default:
      return FileType::kRegular;
  }
}

// The assumed result of the operation. New objects belong to the subject, and so do objects renamed
// or linked into the tree. A change of owner or mode is assumed to set another value.
Change supposed(Operation operation, const ExplainQuestion& question, std::string_view relative,
                const WantedState& wanted) {
  Change change;
  change.operation = operation;
  change.path = relative;
  change.type = type_of_new(operation);
  change.direction = Direction::kInto;
  switch (operation) {
    case Operation::kCreate:
    case Operation::kMkdir:
    case Operation::kMknod:
    case Operation::kSymlink:
      change.uid = question.subject.self.uid;
      change.gid = question.parents_group ? question.parents_group : question.subject.self.gid;
      break;
    case Operation::kRename:
    case Operation::kLink:
    case Operation::kChown:
      if (question.present) change.type = question.present->type;
      change.uid = question.subject.self.uid;
      change.gid = question.subject.self.gid;
      break;
    case Operation::kChmod:
      if (question.present) change.type = question.present->type;
      if (const auto mode = wanted.mode_of(change.type)) change.mode = Mode{mode->value ^ 0007U};
      break;
    default:
      if (question.present) change.type = question.present->type;
      break;
  }
  return change;
}

// A rename is judged as one into the tree, unless only a rename out of it can be a violation.
bool only_guards_removal(const Policy& policy) {
  const auto guards = policy.said.guards.value;
  return guards.has(Guard::kDelete) && !guards.has(Guard::kOwnership);
}

ExpectedOutcome outcome(const Verdict& verdict, Backend backend, Operation operation,
                        bool cannot_chown) {
  if (!verdict.violation()) return ExpectedOutcome::kLeftAlone;
  const auto [sees, denies] = reach(backend, operation);
  if (verdict.deny && denies) return ExpectedOutcome::kDenied;
  if (!sees) return ExpectedOutcome::kNotSeen;
  return verdict.fix && !cannot_chown ? ExpectedOutcome::kFixed : ExpectedOutcome::kLogged;
}

// In the order of Guard and of DenyExemption.
constexpr std::array kOwnersRights{"", "change content", "delete", "change attributes", "read"};
constexpr std::array kExemptions{
    "", "; an owner is never denied", "; an allow exempts it from denial",
    "; package managers are not denied", "; only interactive users are denied"};

std::string because(const Verdict& verdict, const Change& change, const ExplainQuestion& question) {
  const auto user = escaped(question.user);
  switch (verdict.reason) {
    case Reason::kOff:
      return "the action is off";
    case Reason::kExcluded:
      return "the policy excludes this path";
    case Reason::kNotCovered:
      return "no guard of the policy covers this operation";
    case Reason::kOwner:
      return user + " is the owner";
    case Reason::kRight:
      return "the result is as wanted";
    case Reason::kAllowed:
      return "an allow permits it";
    case Reason::kViolation:
      break;
  }
  std::string text;
  if (verdict.guard != Guard::kOwnership) {
    text = user + " is not the owner; only the owner may " +
           kOwnersRights[static_cast<std::size_t>(verdict.guard)];
  } else if (change.operation == Operation::kMount) {
    text = "a mount hides the files of the service; guardd never unmounts";
  } else {
    text = verdict.deviation.owner || verdict.deviation.group
               ? "the owner would not be " + owner_text(*verdict.wanted)
               : "the mode would not be as wanted";
    if (!can_fix(change.operation, change.type))
      text += change.operation == Operation::kLink
                  ? "; guardd never changes the owner of a hard link"
                  : "; guardd never changes the owner of such a file";
  }
  return text + kExemptions[static_cast<std::size_t>(verdict.exemption)];
}

// Finds the innermost of the trees that hold the path.
void explain_tree(const PolicySet& set, const ExplainQuestion& question, Explanation& explanation) {
  const auto trees = set.trees_holding(question.path);
  for (const auto* tree : trees) {
    const bool last = tree == trees.back();
    explanation.steps.push_back(
        {fmt::format("{} is a tree of policy {}{}", quote(tree->root()),
                     set.policy_of(*tree).name(), last ? "" : ", but a nested tree is closer"),
         set.files()[tree->place.file], tree->place.line});
  }
  if (trees.empty()) {
    explanation.steps.push_back({"no policy guards this path", "", 0});
    return;
  }
  explanation.tree = trees.back();
  explanation.policy = &set.policy_of(*explanation.tree);
}

}  // namespace

std::string describe(const WantedState& wanted, FileType type) {
  const auto mode = wanted.mode_of(type);
  return mode ? fmt::format("{} {:04o}", owner_text(wanted), mode->value) : owner_text(wanted);
}

Explanation explain(const PolicySet& set, const ExplainQuestion& question) {
  Explanation explanation;
  explanation.path = question.path;
  explain_tree(set, question, explanation);
  if (!explanation.policy) return explanation;
  const auto& policy = *explanation.policy;
  const auto relative = PolicySet::relative(*explanation.tree, question.path);

  // The end state is judged first. It shows which rule applies and how the present object differs.
  StepSentences place(set, policy, question);
  const auto state = question.present.value_or(ObjectState{});
  const auto at_rest = judge(policy, relative, state, &place);
  for (auto& step : place.where()) explanation.steps.push_back(std::move(step));
  explanation.rule = at_rest.rule;
  explanation.wanted = at_rest.wanted;
  explanation.action = at_rest.action;
  explanation.excluded = at_rest.reason == Reason::kExcluded;
  if (at_rest.reason == Reason::kOff) {
    const auto where = at_rest.rule && at_rest.rule->said.action ? at_rest.rule->said.action->place
                                                                 : policy.said.action.place;
    explanation.steps.push_back({"the action is off: nothing is watched at this path",
                                 set.files()[where.file], where.line});
  }
  if (question.present && (at_rest.reason == Reason::kRight || at_rest.violation()))
    explanation.now = at_rest.deviation;

  for (const auto operation : question.operations) {
    StepSentences narrator(set, policy, question);
    auto change = supposed(operation, question, relative, *at_rest.wanted);
    if (operation == Operation::kRename && only_guards_removal(policy))
      change.direction = Direction::kOutOf;
    const auto verdict = judge(policy, question.subject, change, &narrator);
    ExplainedOperation explained;
    explained.operation = operation;
    explained.reason = verdict.reason;
    if (verdict.violation()) explained.guard = verdict.guard;
    explained.because = because(verdict, change, question);
    for (const auto backend : {Backend::kLsm, Backend::kFanotify})
      explained.outcomes[static_cast<std::size_t>(backend)] =
          outcome(verdict, backend, operation, question.cannot_chown);
    explained.steps = std::move(narrator.during());
    explanation.operations.push_back(std::move(explained));
  }
  return explanation;
}

}  // namespace guard
