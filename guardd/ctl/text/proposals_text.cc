#include "guardd/ctl/text/proposals_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "guardd/ctl/ask/moment.h"
#include "guardd/host/terminal_text.h"
#include "policy/base/text.h"
#include "policy/record/fields.h"

namespace guard::ctl {
namespace {

constexpr std::size_t kLongestExample = 68;
constexpr std::size_t kMostExamples = 3;

Tally sum_of(const std::vector<LessonSubject>& of) {
  Tally sum;
  for (const auto& each : of) {
    sum.violations += each.tally.violations;
    sum.incidents += each.tally.incidents;
    sum.first = std::min(sum.first, each.tally.first);
    sum.last = std::max(sum.last, each.tally.last);
  }
  return sum;
}

std::string operations_of(const std::vector<LessonSubject>& of) {
  EnumSet<Operation> operations;
  for (const auto& subject : of)
    subject.operations.each([&](Operation each) { operations.add(each); });
  std::string text;
  operations.each(
      [&](Operation each) { text += (text.empty() ? "" : ", ") + std::string(word(each)); });
  return text;
}

std::string name_of(const LessonSubject& subject) {
  std::string text;
  const auto add = [&](const std::optional<std::string>& part) {
    if (part) text += (text.empty() ? "" : ", ") + escaped(*part);
  };
  add(subject.person);
  add(subject.exe);
  add(subject.unit);
  return text.empty() ? "unknown process" : text;
}

class Lines {
 public:
  explicit Lines(std::string_view indent = "") : indent_(indent) {}

  void comment(const std::string& text) {
    const auto lead = std::string(indent_) + "# ";
    std::string_view rest = text;
    const auto broken = guard::wrapped(rest, 0, 0, kLineWidth - lead.size());
    for (rest = broken; !rest.empty();) {
      const auto end = rest.find('\n');
      text_ += lead + std::string(rest.substr(0, end)) + '\n';
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
  }
  void line(const std::string& text) { text_ += std::string(indent_) + text + '\n'; }
  void blank() { text_ += '\n'; }
  void key(std::string_view name, std::string_view value) {
    if (!value.empty()) line(fmt::format("{:<6} = {}", name, toml_text(value)));
  }
  std::string text() && { return std::move(text_); }

 private:
  std::string_view indent_;
  std::string text_;
};

void add_counts(Lines& lines, const std::vector<LessonSubject>& of, std::string_view lead = "") {
  const auto sum = sum_of(of);
  auto text = std::string(lead) + guard::counted(sum.violations, "violation", "violations");
  if (sum.first <= sum.last)
    text += ", " + format_moment(sum.first) + " to " + format_moment(sum.last);
  if (const auto operations = operations_of(of); !operations.empty()) text += ": " + operations;
  lines.comment(text);
  std::set<std::string> shown;
  for (const auto& each : of)
    for (const auto& path : each.examples)
      if (shown.size() < kMostExamples && shown.insert(path).second)
        lines.comment("  " + shortened_middle(printable(path), kLongestExample));
}

std::string header(const LessonOrigin& from, const Lessons& lessons) {
  Lines lines;
  lines.comment("Violations of policy " + from.policy + " from " + format_moment(from.asked.from) +
                " to " + format_moment(from.asked.to) + ": " +
                guard::counted(lessons.all.violations, "violation", "violations") + " in " +
                guard::counted(lessons.all.incidents, "incident", "incidents") + ".");
  if (lessons.oldest && *lessons.oldest > from.asked.from)
    lines.comment("The audit trail starts at " + format_moment(*lessons.oldest) +
                  ": earlier violations are not included.");
  if (from.action != "log")
    lines.comment("The action of the policy is " + escaped(from.action) +
                  ": learn while it is \"log\", because a denied program does not continue.");
  if (lessons.others.violations > 0)
    lines.comment(guard::counted(lessons.others.violations, "violation", "violations") +
                  " are not included: there are too many different processes.");
  lines.comment("Copy the entries that are right below the [[policy]] in " +
                (from.file.empty() ? "its file" : escaped(from.file)) +
                ", then run guardctl check.");
  return std::move(lines).text();
}

std::string allow_text(const ProposedAllow& allow) {
  Lines lines("  ");
  lines.blank();
  add_counts(lines, allow.subjects);
  if (!allow.warning.empty()) lines.comment("Careful: " + allow.warning);
  lines.line("[[policy.allow]]");
  lines.key("exe", allow.exe);
  lines.key("unit", allow.unit);
  lines.key("user", allow.user);
  lines.key("login", allow.login);
  lines.key("label", allow.label);
  lines.key("effect", "no-deny");
  return std::move(lines).text();
}

std::string rule_text(const ProposedRule& rule) {
  Lines lines("  ");
  lines.blank();
  lines.comment(guard::counted(rule.count, "time", "times") + ", " +
                guard::counted(rule.files, "file", "files") + ", always with this owner:");
  lines.comment("  " + shortened_middle(escaped(rule.example), kLongestExample));
  lines.line("[[policy.rule]]");
  lines.line(fmt::format("{:<6} = [{}]", "match", toml_text(rule.match)));
  lines.key("owner", rule.owner);
  lines.key("group", rule.group);
  return std::move(lines).text();
}

std::string advice_for(const LessonOrigin& from, const LessonSubject& subject) {
  const auto exe = subject.exe.value_or("");
  const auto program = exe.substr(exe.rfind('/') + 1);
  return "guardctl exec " + from.policy + " -- " +
         (program.empty() ? "…" : escaped(program) + " …");
}

Json subject_json(const LessonSubject& subject) {
  Json json;
  if (subject.exe) put_path(json, "exe", *subject.exe);
  if (subject.unit) json["unit"] = json_text(*subject.unit);
  if (subject.fsuid) json["fsuid"] = subject.fsuid->value;
  if (subject.person) json["person"] = json_text(*subject.person);
  if (subject.label) json["label"] = json_text(*subject.label);
  json["terminal"] = subject.has_terminal;
  json["violations"] = subject.tally.violations;
  json["incidents"] = subject.tally.incidents;
  if (subject.tally.first <= subject.tally.last) {
    json["first_seen"] = rfc3339(subject.tally.first);
    json["last_seen"] = rfc3339(subject.tally.last);
  }
  json["operations"] = Json::array();
  subject.operations.each([&](Operation each) { json["operations"].push_back(word(each)); });
  json["sample"] = json_list(subject.examples, json_text);
  return json;
}

Json subjects_json(const std::vector<LessonSubject>& of) {
  return json_list(of, subject_json);
}

}  // namespace

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto point = decode_utf8(text);
    const auto character = text.substr(0, point.length);
    if (character == "\"" || character == "\\")
      out += '\\' + std::string(character);
    else if (escaped(character) != character)
      out += fmt::format("\\U{:08X}", point.value);
    else
      out += character;
    text.remove_prefix(point.length);
  }
  return out + '"';
}

std::string proposals_text(const LessonOrigin& from, const Lessons& lessons,
                           const Proposals& proposals) {
  auto text = header(from, lessons);
  Lines lines;
  if (!proposals.allows.empty()) {
    lines.blank();
    lines.comment(
        "Allowed programs. With \"no-deny\" their changes are still fixed and recorded, with "
        "\"ignore\" they are not.");
    text += std::move(lines).text();
  }
  for (const auto& allow : proposals.allows) text += allow_text(allow);
  lines = Lines();
  if (!proposals.rules.empty()) {
    lines.blank();
    lines.comment("Files of other owners.");
    text += std::move(lines).text();
  }
  for (const auto& rule : proposals.rules) text += rule_text(rule);
  lines = Lines();
  const auto list = [&](const std::string& heading, const std::vector<LessonSubject>& of,
                        bool with_advice) {
    if (of.empty()) return;
    lines.blank();
    lines.comment(heading);
    for (const auto& each : of) {
      add_counts(lines, {each}, name_of(each) + ": ");
      if (with_advice) lines.comment("  Instead: " + advice_for(from, each));
    }
  };
  list("Package managers need no entry: they are not denied unless the policy is strict.",
       proposals.built_in, false);
  list("Not proposed, because a person did this at a terminal, probably by accident:",
       proposals.people, true);
  list("Not proposed, because a policy cannot identify the process:", proposals.unclear, false);
  return text + std::move(lines).text();
}

Json proposals_json(const LessonOrigin& from, const Lessons& lessons, const Proposals& proposals) {
  Json json;
  json["policy"] = from.policy;
  json["action"] = from.action;
  json["since"] = rfc3339(from.asked.from);
  json["until"] = rfc3339(from.asked.to);
  if (lessons.oldest) json["oldest"] = rfc3339(*lessons.oldest);
  json["violations"] = lessons.all.violations;
  json["incidents"] = lessons.all.incidents;
  json["allow"] = Json::array();
  for (const auto& allow : proposals.allows) {
    Json entry;
    const auto put = [&](const char* key, const std::string& value) {
      if (!value.empty()) entry[key] = value;
    };
    put("exe", allow.exe);
    put("unit", allow.unit);
    put("user", allow.user);
    put("login", allow.login);
    put("label", allow.label);
    entry["effect"] = "no-deny";
    put("warning", allow.warning);
    entry["subjects"] = subjects_json(allow.subjects);
    json["allow"].push_back(std::move(entry));
  }
  json["rule"] = Json::array();
  for (const auto& rule : proposals.rules) {
    Json entry;
    entry["match"] = Json::array({rule.match});
    entry["owner"] = rule.owner;
    entry["group"] = rule.group;
    entry["count"] = rule.count;
    entry["files"] = rule.files;
    json["rule"].push_back(std::move(entry));
  }
  json["package_managers"] = subjects_json(proposals.built_in);
  json["people"] = subjects_json(proposals.people);
  json["unclear"] = subjects_json(proposals.unclear);
  return json;
}

}  // namespace guard::ctl
