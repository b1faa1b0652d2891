#include "dbus/notifier/note.h"

#include <array>
#include <optional>

#include "policy/base/text.h"

namespace guard::bus {
namespace {

constexpr std::size_t kLongestLine = 200;
constexpr std::size_t kFewFiles = 3;
constexpr std::size_t kMostFiles = 10;

std::string line_of(std::string_view text) {
  auto line = printable(text.substr(0, 4 * kLongestLine));
  std::string_view shown = line;
  return cut_text(shown, kLongestLine) ? std::string(shown) + "…" : line;
}

std::string text_of(const Map& record, std::string_view name) {
  const auto* text = find<std::string>(record, name);
  return text ? line_of(*text) : std::string();
}

std::optional<std::uint64_t> number_of(const Map& record, std::string_view name) {
  const auto* number = find<std::uint64_t>(record, name);
  return number ? std::optional(*number) : std::nullopt;
}

std::string user_of(std::uint64_t uid) {
  return uid == 0 ? "root" : "uid " + std::to_string(uid);
}

std::string actor_of(const Map& incident) {
  std::string person;
  for (const auto* name : {"human", "login_user"})
    if (person.empty()) person = text_of(incident, name);
  if (const auto name = text_of(incident, "container_name"); person.empty() && !name.empty())
    person = "container " + name;
  if (person.empty()) person = text_of(incident, "unit");
  std::string rights;
  for (const auto* name : {"fsuid", "euid", "uid"})
    if (const auto uid = number_of(incident, name); uid && rights.empty()) rights = user_of(*uid);
  if (person.empty() || person == rights) return rights.empty() ? "an unknown process" : rights;
  return rights.empty() ? person : person + " as " + rights;
}

std::string command_of(const Map& incident) {
  if (const auto* command = find<Map>(incident, "command"))
    for (const auto* name : {"cmdline", "comm", "exe"})
      if (auto text = text_of(*command, name); !text.empty()) return text;
  for (const auto* name : {"cmdline", "comm"})
    if (auto text = text_of(incident, name); !text.empty()) return text;
  return {};
}

// "3 fixed, 1 skipped"
std::string outcome_of(const Map& incident) {
  const auto* totals = find<Map>(incident, "totals");
  std::string text;
  for (const auto outcome : {"fixed", "denied", "logged", "skipped"}) {
    const auto count = totals ? number_of(*totals, outcome) : std::nullopt;
    if (!count || *count == 0) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(*count) + ' ' + outcome;
  }
  return text;
}

class Text {
 public:
  explicit Text(Markup markup) : markup_(markup) {}

  void line(std::string_view lead, const std::string& text) {
    if (text.empty()) return;
    if (!text_.empty()) text_ += '\n';
    const auto whole = std::string(lead) + text;
    text_ += markup_ == Markup::kMarkup ? without_markup(whole) : whole;
  }
  std::string take() { return std::move(text_); }

 private:
  Markup markup_;
  std::string text_;
};

void add_files(Text& text, const Map& incident, std::size_t most) {
  std::uint64_t shown = 0;
  if (const auto* sample = find<List>(incident, "sample")) {
    for (const auto& path : *sample) {
      const auto* bytes = path.as<std::string>();
      if (!bytes || shown == most) continue;
      text.line("", line_of(*bytes));
      ++shown;
    }
  }
  if (const auto count = count_of(incident); shown > 0 && count > shown)
    text.line("", "… and " + std::to_string(count - shown) + " more");
}

Note empty_note(const Map& incident) {
  Note note;
  const auto outcome = outcome_of(incident);
  note.title = text_of(incident, "policy") + ": " + (outcome.empty() ? "violated" : outcome);
  const auto severity = severity_of(incident);
  note.urgency = severity >= Severity::kHigh  ? Note::Urgency::kCritical
                 : severity <= Severity::kLow ? Note::Urgency::kLow
                                              : Note::Urgency::kNormal;
  const auto* totals = find<Map>(incident, "totals");
  note.can_undo = totals && number_of(*totals, "fixed").value_or(0) > 0;
  return note;
}

}  // namespace

Severity severity_of(const Map& incident) {
  const auto* said = find<std::string>(incident, "severity");
  return (said ? parse_word<Severity>(*said) : std::nullopt).value_or(Severity::kMedium);
}

bool is_closed(const Map& incident) {
  const auto* state = find<std::string>(incident, "state");
  return state && *state == "closed";
}

std::uint64_t count_of(const Map& incident) {
  return number_of(incident, "count").value_or(0);
}

Note note_of(const Map& incident, Markup markup) {
  auto note = empty_note(incident);
  Text text(markup);
  const auto command = command_of(incident);
  text.line("", actor_of(incident) + (command.empty() ? "" : ": " + command));
  add_files(text, incident, kFewFiles);
  note.text = text.take();
  return note;
}

Note details_of(const Map& incident, Markup markup) {
  auto note = empty_note(incident);
  Text text(markup);
  text.line("Who: ", actor_of(incident));
  text.line("Command: ", command_of(incident));
  text.line("Directory: ", text_of(incident, "cwd"));
  text.line("From: ", text_of(incident, "session_remote_host"));
  text.line("Container: ", text_of(incident, "container"));
  add_files(text, incident, kMostFiles);
  text.line("Because: ", text_of(incident, "reason"));
  text.line("Instead: ", text_of(incident, "instead"));
  text.line("More: ", "guardctl show-incident " + text_of(incident, "id"));
  note.text = text.take();
  return note;
}

Note sentence_note(std::string_view title, std::string_view sentence, Markup markup) {
  Note note;
  note.title = line_of(title);
  Text text(markup);
  text.line("", line_of(sentence));
  note.text = text.take();
  return note;
}

}  // namespace guard::bus
