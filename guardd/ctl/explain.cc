// explain: what would happen at a path, and why.

#include "policy/explain.h"

#include <fmt/format.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>

#include "guardd/ctl/backends.h"
#include "guardd/ctl/json.h"
#include "guardd/ctl/loaded.h"
#include "guardd/ctl/verbs.h"
#include "guardd/host/files.h"
#include "guardd/host/users.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

constexpr std::uint32_t kSetGid = 02000;

// Everything the question refers to, kept while it is asked.
struct Asked {
  Question question;
  std::vector<Gid> groups;
  std::string unit;
};

Error unknown_user(const std::string& name) {
  const auto names = SystemUsers().user_names();
  const auto near = nearest(name, names);
  return Error("unknown user " + quoted(name) +
               (near.empty() ? "" : "; did you mean " + quoted(near) + "?"));
}

std::optional<std::uint32_t> as_number(const std::string& text) {
  if (text.empty() || text.size() > 10 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  const auto number = std::stoull(text);
  if (number >= UINT_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

// A number needs no account; a name does.
Result<Account> account_of(const std::string& text) {
  const SystemUsers users;
  const auto number = as_number(text);
  GUARD_TRY(auto account, number ? users.user(Uid{*number}) : users.user(text));
  if (account) return *std::move(account);
  if (number) return Account{text, Uid{*number}, Gid{*number}};
  return unknown_user(text);
}

// The path as guardd would meet it: absolute, with the links on the way to it resolved, but not the
// last.
std::string met_as(const std::string& path) {
  std::error_code ignored;  // what cannot be resolved stays as written
  auto absolute = std::filesystem::absolute(path, ignored).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  if (!absolute.has_relative_path()) return "/";
  const auto parent = std::filesystem::weakly_canonical(absolute.parent_path(), ignored);
  return ((parent.empty() ? absolute.parent_path() : parent) / absolute.filename()).string();
}

Result<std::vector<Operation>> operations_of(const std::vector<std::string>& words) {
  std::vector<Operation> operations;
  for (const auto& said : words) {
    const auto operation = parse_word<Operation>(said);
    if (!operation || *operation == Operation::kScan) {
      const auto near = nearest(said, Words<Operation>::kAll);
      return Error("unknown operation " + quoted(said) +
                   (near.empty() ? "" : "; did you mean " + quoted(near) + "?"));
    }
    operations.push_back(*operation);
  }
  if (!operations.empty()) return operations;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Operation::kScan); ++i)
    operations.push_back(static_cast<Operation>(i));
  operations.push_back(Operation::kRead);
  operations.erase(std::unique(operations.begin(), operations.end()), operations.end());
  return operations;
}

Status add_subject(Asked& asked, const ExplainOptions& options) {
  GUARD_TRY(const auto account, account_of(options.user));
  asked.groups = groups_of(account);
  asked.unit = options.unit;
  asked.question.user = account.name;
  auto& subject = asked.question.subject;
  subject.self.uid = account.uid;
  subject.self.gid = account.gid;
  subject.self.groups = asked.groups;
  subject.self.unit = asked.unit;
  subject.has_terminal = options.terminal;
  if (!options.login.empty()) {
    GUARD_TRY(const auto login, account_of(options.login));
    subject.self.login = login.uid;
  }
  if (!options.exe.empty()) {
    GUARD_TRY(const auto exe, SystemFiles().look_through(options.exe));
    if (!exe) return Error::from_errno(ENOENT, quoted(options.exe));
    subject.self.exe = exe->id;
  }
  return {};
}

void add_object(Asked& asked, const std::string& path) {
  const SystemFiles files;
  auto& question = asked.question;
  question.path = path;
  if (const auto facts = files.look(path); facts && *facts) {
    question.present =
        ObjectState{(*facts)->type, (*facts)->uid, (*facts)->gid, (*facts)->mode, (*facts)->links};
    question.cannot_chown = !(*facts)->can_chown || (*facts)->read_only;
  }
  const auto parent = std::filesystem::path(path).parent_path().string();
  if (const auto facts = files.look(parent); facts && *facts) {
    if (((*facts)->mode.value & kSetGid) != 0) question.parents_group = (*facts)->gid;
    if (!question.present) question.cannot_chown = !(*facts)->can_chown || (*facts)->read_only;
  }
}

std::string wrong_text(const Wrong& wrong) {
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
  const SystemUsers users;
  const auto user = users.user(state.uid);
  const auto group = users.group_name(state.gid);
  const bool user_known = user && *user;
  const bool group_known = group && *group;
  return fmt::format("{} {}:{} {:04o}", word(state.type),
                     user_known ? escaped((*user)->name) : std::to_string(state.uid.value),
                     group_known ? escaped(**group) : std::to_string(state.gid.value),
                     state.mode.value);
}

Tone tone_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kLeftAlone:
      return Tone::kFaint;
    case Outcome::kNotSeen:
      return Tone::kBad;
    case Outcome::kLogged:
      return Tone::kOdd;
    case Outcome::kPutRight:
    case Outcome::kRefused:
      return Tone::kGood;
  }
  return Tone::kPlain;
}

std::string from_text(const ExplainedStep& step) {
  return step.file.empty() ? ""
                           : "  (" + escaped(step.file) + ":" + std::to_string(step.line) + ")";
}

std::string steps_text(const Terminal& terminal, const std::vector<ExplainedStep>& steps,
                       std::string_view indent) {
  std::string out;
  for (const auto& step : steps)
    out += std::string(indent) + "- " + printable(step.text) +
           terminal.paint(Tone::kFaint, from_text(step)) + '\n';
  return out;
}

// Operations that end alike for the same reason share a line.
bool alike(const ExplainedOperation& a, const ExplainedOperation& b) {
  return a.outcomes == b.outcomes && a.because == b.because;
}

std::string operations_text(const Terminal& terminal, const Explanation& explanation,
                            const std::string& user) {
  std::string out = terminal.paint(Tone::kStrong, "If " + escaped(user) + " works on it") + '\n';
  std::vector<bool> told(explanation.operations.size());
  for (std::size_t i = 0; i < told.size(); ++i) {
    if (told[i]) continue;
    const auto& first = explanation.operations[i];
    std::string names;
    for (std::size_t j = i; j < told.size(); ++j) {
      if (told[j] || !alike(first, explanation.operations[j])) continue;
      told[j] = true;
      names += (names.empty() ? "" : ", ") + std::string(word(explanation.operations[j].operation));
    }
    const auto [lsm, fanotify] = first.outcomes;
    out += "  " + terminal.paint(Tone::kStrong, wrapped(names, 2, 80)) + '\n';
    out += lsm == fanotify
               ? "      " + terminal.paint(tone_of(lsm), word(lsm))
               : "      with lsm " + terminal.paint(tone_of(lsm), word(lsm)) + ", with fanotify " +
                     terminal.paint(tone_of(fanotify), word(fanotify));
    out += ": " + printable(first.because) + '\n';
    out += steps_text(terminal, first.steps, "      ");
  }
  return out;
}

std::string instead(const Explanation& explanation) {
  return "sudo -u " + escaped(explanation.wanted->owner.name) + " COMMAND";
}

bool any_violation(const Explanation& explanation) {
  return std::any_of(explanation.operations.begin(), explanation.operations.end(),
                     [](const auto& operation) { return operation.reason == Reason::kViolation; });
}

std::string explanation_text(const Terminal& terminal, const PolicySet& set,
                             const Explanation& explanation, const Question& question) {
  std::string out = terminal.paint(Tone::kStrong, escaped(explanation.path)) + '\n';
  const auto line = [&](std::string_view label, const std::string& text) {
    out += fmt::format("  {:<8}{}\n", label, text);
  };
  if (question.present) {
    line("is", state_text(*question.present) +
                   (explanation.now ? ": " + wrong_text(*explanation.now) : ""));
  } else {
    line("is", "not there");
  }
  if (!explanation.policy) {
    line("policy", "none: guardd leaves it alone");
    return out;
  }
  line("policy",
       explanation.policy->name() + ", " + place_text(set, explanation.policy->said.place));
  if (explanation.excluded) {
    line("wants", "nothing: excluded");
  } else {
    const auto type = question.present ? question.present->type : FileType::kRegular;
    line("wants", describe(*explanation.wanted, type));
    line("action", std::string(word(*explanation.action)));
  }
  out += '\n' + terminal.paint(Tone::kStrong, "Where it stands") + '\n' +
         steps_text(terminal, explanation.steps, "  ");
  if (!explanation.operations.empty())
    out += '\n' + operations_text(terminal, explanation, question.user);
  if (any_violation(explanation))
    out += "\nTo do it right: " + terminal.paint(Tone::kStrong, instead(explanation)) + '\n';
  return out;
}

Json steps_json(const std::vector<ExplainedStep>& steps) {
  auto list = Json::array();
  for (const auto& step : steps) {
    Json entry{{"text", json_text(step.text)}};
    if (!step.file.empty()) {
      entry["file"] = json_text(step.file);
      entry["line"] = step.line;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json now_json(const Question& question, const Explanation& explanation) {
  const auto& state = *question.present;
  Json json{{"file_type", word(state.type)},
            {"uid", state.uid.value},
            {"gid", state.gid.value},
            {"mode", octal(state.mode)},
            {"links", state.links}};
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
    Json entry{{"operation", word(explained.operation)},
               {"violation", explained.reason == Reason::kViolation},
               {"reason", word(explained.reason)}};
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

Json explanation_json(const PolicySet& set, const Explanation& explanation,
                      const Question& question) {
  Json json;
  put_path(json, "path", explanation.path);
  json["user"] = json_text(question.user);
  if (question.present) json["now"] = now_json(question, explanation);
  json["policy"] = explanation.policy ? Json(explanation.policy->name()) : Json();
  if (explanation.policy) {
    const auto& policy = *explanation.policy;
    json["policy_file"] = json_text(set.files()[policy.said.place.file]);
    json["policy_line"] = policy.said.place.line;
    json["tree"] = explanation.tree->path.empty() ? "/" : explanation.tree->path;
    json["excluded"] = explanation.excluded;
    json["action"] = word(*explanation.action);
    if (explanation.rule) {
      json["rule"] = {{"index", explanation.rule - policy.rules.data() + 1},
                      {"line", explanation.rule->said.place.line}};
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
  json["backends"] = backends_json(probe_backends());
  return json;
}

}  // namespace

int explain(const Options& options, const ExplainOptions& asked) {
  const auto terminal = Terminal::detect(options.pager);
  Asked full;
  auto operations = operations_of(asked.operations);
  if (!operations) {
    (void)fail(operations.error());
    return kUsage;
  }
  full.question.operations = *std::move(operations);
  for (const auto& said : asked.labels) {
    const auto label = parse_word<Label>(said);
    if (!label) {
      (void)fail(Error("unknown label " + quoted(said) +
                       "; there are package-manager, backup and config-management"));
      return kUsage;
    }
    full.question.subject.self.labels.add(*label);
  }
  if (const auto added = add_subject(full, asked); !added) return fail(added.error());
  add_object(full, met_as(asked.path));

  const auto set = load_valid(options);
  if (!set) return kFailed;
  const auto explanation = explain(*set, full.question);
  if (options.json)
    return show_json(terminal, explanation_json(*set, explanation, full.question)) ? kDone
                                                                                   : kFailed;
  auto text = explanation_text(terminal, *set, explanation, full.question);
  if (explanation.policy) text += '\n' + backends_text(terminal, probe_backends());
  return terminal.show(text) ? kDone : kFailed;
}

}  // namespace guard::ctl
