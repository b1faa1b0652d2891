#include "dbus/service/records.h"

#include <fmt/format.h>

#include <array>

#include "policy/base/overloaded.h"

namespace guard::bus {
namespace {

constexpr std::size_t kMostAncestors = 8;

constexpr std::array<std::string_view, 5> kNotForEverybody{"cmdline", "cwd", "via",
                                                           "hint_sudo_user", "hint_ssh"};

bool is_told(std::string_view field, Audience audience) {
  return audience == Audience::kTrusted ||
         std::find(kNotForEverybody.begin(), kNotForEverybody.end(), field) ==
             kNotForEverybody.end();
}

void write(RecordWriter& record, const Ancestor& process, Audience audience) {
  if (process.pid != 0) record.number("pid", static_cast<std::uint64_t>(process.pid));
  if (process.start_time != 0) record.number("start_time", process.start_time);
  if (!process.comm.empty()) record.text("comm", process.comm);
  if (!process.exe.empty()) record.path("exe", process.exe, kLongestText);
  if (!process.cmdline.empty() && is_told("cmdline", audience))
    record.text("cmdline", process.cmdline);
  if (!process.cwd.empty() && is_told("cwd", audience))
    record.path("cwd", process.cwd, kLongestText);
}

void write_fields(RecordWriter& record, const Violation& violation, const FieldSet& fields,
                  Audience audience) {
  each_field(violation, fields, [&](std::string_view name, const FieldValue& value) {
    if (!is_told(name, audience)) return;
    const auto* key = name.data();  // null-terminated
    std::visit(
        Overloaded{[](std::monostate) {}, [&](std::uint64_t number) { record.number(key, number); },
                   [&](TextValue words) { record.text(key, words.text); },
                   [&](PathValue path) { record.path(key, path.bytes); },
                   [&](Mode mode) { record.text(key, fmt::format("{:04o}", mode.value)); },
                   [&](TimePoint time) { record.time(key, time); },
                   [&](LineageValue lineage) {
                     const auto size = std::min(lineage.ancestors.size(), kMostAncestors);
                     record.records(key, lineage.ancestors.first(size),
                                    [&](RecordWriter& inner, const Ancestor& process) {
                                      write(inner, process, audience);
                                    });
                   },
                   [&](ProcessValue one) {
                     record.record(
                         key, [&](RecordWriter& inner) { write(inner, *one.process, audience); });
                   },
                   [&](ListValue list) { record.texts(key, list.texts); }},
        value);
  });
}

void write_steps(RecordWriter& record, const std::vector<ExplainedStep>& steps) {
  record.records("steps", steps, [](RecordWriter& inner, const ExplainedStep& step) {
    inner.text("text", step.text);
    if (step.file.empty()) return;
    inner.path("file", step.file);
    inner.number("line", step.line);
  });
}

void write_wanted(RecordWriter& record, const ExplainReply& explained) {
  const auto& [set, question, groups, explanation, backend] = explained;
  const auto& wanted = *explanation.wanted;
  record.text("owner_wanted", wanted.owner.name);
  record.text("group_wanted", wanted.group.name);
  record.number("uid_wanted", wanted.owner.id.value);
  record.number("gid_wanted", wanted.group.id.value);
  const auto type = question.present ? question.present->type : FileType::kRegular;
  if (const auto mode = wanted.mode_of(type))
    record.text("mode_wanted", fmt::format("{:04o}", mode->value));
}

void write_present(RecordWriter& record, const ExplainReply& explained) {
  const auto& state = *explained.question.present;
  record.text("file_type", word(state.type));
  record.number("uid", state.uid.value);
  record.number("gid", state.gid.value);
  record.text("mode", fmt::format("{:04o}", state.mode.value));
  record.number("links", state.links);
  if (!explained.explanation.now) return;
  const auto& wrong = *explained.explanation.now;
  std::vector<std::string> what;
  if (wrong.owner) what.emplace_back("owner");
  if (wrong.group) what.emplace_back("group");
  if ((wrong.mode_excess | wrong.mode_missing) != 0) what.emplace_back("mode");
  record.texts("wrong", what);
}

}  // namespace

void write(Writer& writer, const Violation& violation, Audience audience, std::uint64_t folded) {
  RecordWriter record(writer);
  write_fields(record, violation, FieldSet().set(), audience);
  if (folded > 0) record.number("folded", folded);
}

void write(Writer& writer, const IncidentFields& fields, Audience audience, std::uint64_t folded) {
  const auto& incident = fields.incident;
  RecordWriter record(writer);
  record.text("state", fields.is_closed ? "closed" : "opened");
  record.text("id", incident.id);
  if (!fields.text.empty()) record.text("text", fields.text);
  record.number("count", incident.count);
  if (incident.unlisted > 0) record.number("unlisted", incident.unlisted);
  record.time("first_seen", incident.first_seen);
  record.time("last_seen", incident.last_seen);
  if (!incident.directory.empty()) record.path("directory", incident.directory);
  record.paths("sample", incident.sample);
  record.record("totals", [&](RecordWriter& totals) {
    for (std::size_t i = 0; i < incident.by_outcome.size(); ++i)
      totals.number(Words<Outcome>::kAll[i].data(), incident.by_outcome[i]);
  });
  record.record("command", [&](RecordWriter& inner) { write(inner, incident.command, audience); });
  record.records("commands", incident.commands,
                 [&](RecordWriter& inner, const CountedCommand& each) {
                   write(inner, each.command, audience);
                   inner.number("count", each.count);
                 });
  write_fields(record, incident.first, incident.shared, audience);
  if (!fields.instead.empty() && audience == Audience::kTrusted)
    record.text("instead", fields.instead);
  if (folded > 0) record.number("folded", folded);
}

void write(Writer& writer, const UndoneFile& file) {
  RecordWriter record(writer);
  record.path("path", file.path);
  const auto ownership = [&](const char* uid, const char* gid, const char* mode,
                             const std::optional<Ownership>& said) {
    if (!said) return;
    record.number(uid, said->uid.value);
    record.number(gid, said->gid.value);
    record.text(mode, fmt::format("{:04o}", said->mode.value));
  };
  ownership("uid_before", "gid_before", "mode_before", file.from);
  ownership("uid_after", "gid_after", "mode_after", file.to);
  record.boolean("restored", file.why_left.empty());
  if (!file.why_left.empty()) record.text("reason", file.why_left);
}

void write(Writer& writer, const ExplainReply& explained) {
  const auto& explanation = explained.explanation;
  RecordWriter record(writer);
  record.path("path", explanation.path);
  record.text("user", explained.question.user);
  if (explained.question.present)
    record.record("now", [&](RecordWriter& now) { write_present(now, explained); });
  if (!explained.question.unseen.empty()) record.text("unseen", explained.question.unseen);
  record.text("policy", explanation.policy ? explanation.policy->name() : "");
  if (explanation.policy) {
    const auto& place = explanation.policy->said.place;
    record.path("policy_file", explained.set->files()[place.file]);
    record.number("policy_line", place.line);
    record.path("tree", explanation.tree->root());
    record.boolean("excluded", explanation.excluded);
    record.text("action", word(*explanation.action));
    if (explanation.rule) record.number("rule_line", explanation.rule->said.place.line);
    write_wanted(record, explained);
  }
  write_steps(record, explanation.steps);
  record.records("operations", explanation.operations,
                 [&](RecordWriter& inner, const ExplainedOperation& operation) {
                   inner.text("operation", word(operation.operation));
                   inner.boolean("violation", operation.reason == Reason::kViolation);
                   inner.text("reason", word(operation.reason));
                   if (operation.guard) inner.text("guard", word(*operation.guard));
                   inner.text("because", operation.because);
                   const auto at = static_cast<std::size_t>(explained.backend);
                   inner.text("outcome", word(operation.outcomes[at]));
                   write_steps(inner, operation.steps);
                 });
}

}  // namespace guard::bus
