#include "guardd/ctl/text/explain_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "guardd/ctl/ask/policies.h"
#include "guardd/host/users.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

std::string wrong_text(const Deviation& wrong) {
  if (!wrong.any()) return "as wanted";
  std::string text;
  const auto add = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  if (wrong.owner) add("wrong owner");
  if (wrong.group) add("wrong group");
  if (wrong.mode_excess != 0) add(fmt::format("mode has {:04o} too much", wrong.mode_excess));
  if (wrong.mode_missing != 0)
    add(fmt::format("mode lacks {:04o}, which guardd never adds", wrong.mode_missing));
  return text;
}

std::string state_text(const ObjectState& state) {
  return fmt::format("{} {} {:04o}", word(state.type), escaped(owner_name(state.uid, state.gid)),
                     state.mode.value);
}

Tone tone_of(ExpectedOutcome outcome) {
  constexpr std::array kTones{Tone::kFaint, Tone::kBad, Tone::kOdd, Tone::kGood, Tone::kGood};
  return kTones[static_cast<std::size_t>(outcome)];
}

// Lists the steps. The heading names the file; a step names its own file only if it is another.
std::string steps_text(const Terminal& terminal, const std::vector<ExplainedStep>& steps,
                       std::string_view file, std::size_t indent) {
  std::string out;
  for (const auto& step : steps) {
    const auto text = std::string(indent, ' ') + "- " + wrapped(printable(step.text), indent + 2);
    out += text;
    if (!step.file.empty()) {
      const auto line = std::to_string(step.line);
      const auto from =
          step.file == file ? "(line " + line + ")" : "(" + escaped(step.file) + ":" + line + ")";
      const bool fits = columns_of(text.substr(text.rfind('\n') + 1)) + 2 + from.size() <= kWidth;
      out +=
          (fits ? "  " : "\n" + std::string(indent + 2, ' ')) + terminal.paint(Tone::kFaint, from);
    }
    out += '\n';
  }
  return out;
}

// From this number of operations on, the steps are left out to keep the overview readable.
constexpr std::size_t kOverview = 4;

// Operations with the same outcome and reason share a line.
bool is_same(const ExplainedOperation& a, const ExplainedOperation& b) {
  return a.outcomes == b.outcomes && a.because == b.because;
}

// "with lsm refused, with fanotify logged"
struct Outcomes {
  std::string plain;
  std::string painted;
};

Outcomes outcomes_text(const Terminal& terminal, const std::array<ExpectedOutcome, 2>& outcomes) {
  const auto [lsm, fanotify] = outcomes;
  const auto painted = [&](ExpectedOutcome outcome) {
    return terminal.paint(tone_of(outcome), word(outcome));
  };
  if (lsm == fanotify) return {std::string(word(lsm)), painted(lsm)};
  constexpr auto kBoth = "with lsm {}, with fanotify {}";
  return {fmt::format(kBoth, word(lsm), word(fanotify)),
          fmt::format(kBoth, painted(lsm), painted(fanotify))};
}

std::string operations_text(const Terminal& terminal, const Explanation& explanation,
                            const std::string& user, std::string_view file) {
  constexpr std::size_t kIndent = 6;
  std::string out = terminal.paint(Tone::kStrong, "If " + escaped(user) + " changes it") + '\n';
  std::vector<bool> shown(explanation.operations.size());
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (shown[i]) continue;
    const auto& first = explanation.operations[i];
    std::string names;
    for (std::size_t j = i; j < shown.size(); ++j) {
      if (shown[j] || !is_same(first, explanation.operations[j])) continue;
      shown[j] = true;
      names += (names.empty() ? "" : ", ") + std::string(word(explanation.operations[j].operation));
    }
    const auto outcomes = outcomes_text(terminal, first.outcomes);
    out += "  " + terminal.paint(Tone::kStrong, wrapped(names, 2)) + '\n';
    out += std::string(kIndent, ' ') + outcomes.painted + ": " +
           wrapped(printable(first.because), kIndent, kIndent + outcomes.plain.size() + 2) + '\n';
    if (shown.size() < kOverview) out += steps_text(terminal, first.steps, file, kIndent);
  }
  if (shown.size() >= kOverview)
    out += "  " + terminal.paint(Tone::kFaint, "step by step: add --op create") + '\n';
  return out;
}

std::string instead(const Explanation& explanation) {
  // sudo needs a # before a number.
  const auto& owner = explanation.wanted->owner;
  const bool nameless = owner.name == std::to_string(owner.id.value);
  return "sudo -u " + (nameless ? "'#" + owner.name + "'" : escaped(owner.name)) + " COMMAND";
}

bool any_violation(const Explanation& explanation) {
  return std::any_of(explanation.operations.begin(), explanation.operations.end(),
                     [](const auto& operation) { return operation.reason == Reason::kViolation; });
}

Json steps_json(const std::vector<ExplainedStep>& steps) {
  auto list = Json::array();
  for (const auto& step : steps) {
    Json entry;
    entry["text"] = json_text(step.text);
    if (!step.file.empty()) {
      entry["file"] = json_text(step.file);
      entry["line"] = step.line;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json now_json(const ExplainQuestion& question, const Explanation& explanation) {
  const auto& state = *question.present;
  Json json;
  json["file_type"] = word(state.type);
  json["uid"] = state.uid.value;
  json["gid"] = state.gid.value;
  json["mode"] = octal(state.mode);
  json["links"] = state.links;
  if (!explanation.now) return json;
  auto& wrong = json["wrong"] = Json::array();
  if (explanation.now->owner) wrong.push_back("owner");
  if (explanation.now->group) wrong.push_back("group");
  if ((explanation.now->mode_excess | explanation.now->mode_missing) != 0) wrong.push_back("mode");
  return json;
}

Json operations_json(const Explanation& explanation) {
  auto list = Json::array();
  for (const auto& explained : explanation.operations) {
    Json entry;
    entry["operation"] = word(explained.operation);
    entry["violation"] = explained.reason == Reason::kViolation;
    entry["reason"] = word(explained.reason);
    if (explained.guard) entry["guard"] = word(*explained.guard);
    entry["because"] = json_text(explained.because);
    for (const auto backend : {Backend::kLsm, Backend::kFanotify})
      entry[std::string(word(backend))] =
          word(explained.outcomes[static_cast<std::size_t>(backend)]);
    entry["steps"] = steps_json(explained.steps);
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

std::string explanation_text(const Terminal& terminal, const PolicySet& set,
                             const Explanation& explanation, const ExplainQuestion& question) {
  std::string out = terminal.paint(Tone::kStrong, escaped(explanation.path)) + '\n';
  const auto line = [&](std::string_view label, const std::string& text) {
    out += fmt::format("  {:<8}{}\n", label, wrapped(text, 10));
  };
  if (question.present) {
    line("is", state_text(*question.present) +
                   (explanation.now ? ": " + wrong_text(*explanation.now) : ""));
  } else {
    line("is", question.unseen.empty() ? "not there" : "cannot be seen: " + question.unseen);
  }
  if (!explanation.policy) {
    line("policy", "none: guardd leaves it alone");
    return out;
  }
  const auto& file = set.files()[explanation.policy->said.place.file];
  line("policy",
       explanation.policy->name() + ", " + place_text(set, explanation.policy->said.place));
  if (explanation.excluded) {
    line("wants", "nothing: excluded");
  } else {
    const auto type = question.present ? question.present->type : FileType::kRegular;
    line("wants", describe(*explanation.wanted, type));
    line("action", std::string(word(*explanation.action)));
  }
  out += '\n' + terminal.paint(Tone::kStrong, "Which policy applies") + '\n' +
         steps_text(terminal, explanation.steps, file, 2);
  if (!explanation.operations.empty())
    out += '\n' + operations_text(terminal, explanation, question.user, file);
  if (any_violation(explanation))
    out += "\nTo do it right: " + terminal.paint(Tone::kStrong, instead(explanation)) + '\n';
  return out;
}

Json explanation_json(const PolicySet& set, const Explanation& explanation,
                      const ExplainQuestion& question) {
  Json json;
  put_path(json, "path", explanation.path);
  json["user"] = json_text(question.user);
  if (question.present) json["now"] = now_json(question, explanation);
  if (!question.unseen.empty()) json["unseen"] = question.unseen;
  json["policy"] = explanation.policy ? Json(explanation.policy->name()) : Json();
  if (explanation.policy) {
    const auto& policy = *explanation.policy;
    json["policy_file"] = json_text(set.files()[policy.said.place.file]);
    json["policy_line"] = policy.said.place.line;
    json["tree"] = explanation.tree->root();
    json["excluded"] = explanation.excluded;
    json["action"] = word(*explanation.action);
    if (explanation.rule) {
      auto& rule = json["rule"];
      rule["index"] = explanation.rule - policy.rules.data() + 1;
      rule["line"] = explanation.rule->said.place.line;
    }
    const auto& wanted = *explanation.wanted;
    json["owner_wanted"] = wanted.owner.name;
    json["group_wanted"] = wanted.group.name;
    json["uid_wanted"] = wanted.owner.id.value;
    json["gid_wanted"] = wanted.group.id.value;
    const auto type = question.present ? question.present->type : FileType::kRegular;
    if (const auto mode = wanted.mode_of(type)) json["mode_wanted"] = octal(*mode);
    if (any_violation(explanation)) json["instead"] = instead(explanation);
  }
  json["steps"] = steps_json(explanation.steps);
  json["operations"] = operations_json(explanation);
  return json;
}

}  // namespace guard::ctl
