#include "guardd/ctl/text/incident_text.h"

#include <algorithm>
#include <array>
#include <optional>

#include "guardd/ctl/ask/moment.h"
#include "guardd/host/users.h"
#include "policy/base/text.h"
#include "policy/words.h"

namespace guard::ctl {
namespace {

constexpr std::size_t kIndent = 11;
constexpr std::size_t kShortCommand = 40;

std::optional<std::uint64_t> number_of(const bus::Map& record, std::string_view name) {
  const auto* number = bus::find<std::uint64_t>(record, name);
  return number ? std::optional(*number) : std::nullopt;
}

std::string user_text(std::uint64_t uid) {
  const auto name = user_name(Uid{static_cast<std::uint32_t>(uid)});
  return name ? escaped(*name) : "uid " + std::to_string(uid);
}

// The person behind the incident, or else the service.
std::string person_text(const bus::Map& incident) {
  for (const auto* name : {"human", "login_user"})
    if (auto text = text_of(incident, name); !text.empty()) return text;
  if (const auto login = number_of(incident, "login_uid")) return user_text(*login);
  if (const auto name = text_of(incident, "container_name"); !name.empty())
    return "container " + name;
  return text_of(incident, "unit");
}

// The user whose rights the process had.
std::string rights_text(const bus::Map& incident) {
  for (const std::string name : {"fsuid", "euid", "uid"}) {
    if (auto text = text_of(incident, name + "_name"); !text.empty()) return text;
    const auto uid = number_of(incident, name);
    if (!uid) continue;
    const auto there = text_of(incident, "user_in_container");
    return user_text(*uid) + (there.empty() ? "" : " (" + there + " in the container)");
  }
  return {};
}

std::string actor_text(const bus::Map& incident) {
  const auto person = person_text(incident);
  auto rights = rights_text(incident);
  if (person.empty() || person == rights) return rights;
  return rights.empty() ? person : person + " as " + rights;
}

std::string text_of_process(const bus::Map& process) {
  for (const auto* name : {"cmdline", "comm", "exe"})
    if (auto text = text_of(process, name); !text.empty()) return text;
  return {};
}

std::string command_text(const bus::Map& incident) {
  if (const auto* command = bus::find<bus::Map>(incident, "command"))
    if (auto text = text_of_process(*command); !text.empty()) return text;
  for (const auto* name : {"cmdline", "comm"})
    if (auto text = text_of(incident, name); !text.empty()) return text;
  return {};
}

// "nightly.service › bash maintenance.sh"
std::string via_text(const bus::Map& incident) {
  std::string text;
  if (const auto* via = bus::find<bus::List>(incident, "via"))
    for (const auto& each : *via)
      if (const auto* link = each.as<std::string>())
        text += (text.empty() ? "" : " › ") + escaped(*link);
  return text;
}

// Local time without the fraction, or the text itself if it is not a time.
std::string moment_text(const bus::Map& record, std::string_view name) {
  constexpr std::size_t kSeconds = sizeof("2026-03-01T14:30:00") - 1;
  const auto text = text_of(record, name);
  const auto moment = parse_moment(text.substr(0, kSeconds) + "Z", {});
  return moment ? format_moment(*moment) : text;
}

// Lines of "  name     value". Empty values are left out.
class Lines {
 public:
  void add(std::string_view name, const std::string& what) {
    if (what.empty()) return;
    std::string lead = "  " + std::string(name);
    lead.resize(kIndent, ' ');
    text_ += lead + wrapped(what, kIndent) + '\n';
  }
  // Does not wrap: people copy these lines.
  void add_whole(const std::string& what, std::string_view name = {}) {
    auto lead = name.empty() ? std::string() : "  " + std::string(name);
    lead.resize(kIndent, ' ');
    text_ += lead + what + '\n';
  }
  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

void add_files(Lines& lines, const Terminal& terminal, const bus::Map& incident) {
  const auto count = number_of(incident, "count");
  const auto outcome = outcome_text(terminal, incident);
  const auto directory = text_of(incident, "directory");
  const auto below = directory.empty() || count == 1 ? "" : " below " + directory;
  if (count) lines.add("files", grouped(*count) + below + (outcome.empty() ? "" : ": " + outcome));
  const auto* sample = bus::find<bus::List>(incident, "sample");
  std::uint64_t shown = 0;
  if (sample) {
    for (const auto& path : *sample) {
      const auto* text = path.as<std::string>();
      if (!text) continue;
      lines.add_whole(printable(*text));  // guardd has escaped what is not UTF-8
      ++shown;
    }
  }
  if (count && shown > 0 && *count > shown)
    lines.add_whole("… and " + grouped(*count - shown) + " more");
}

// A script runs several commands.
void add_commands(Lines& lines, const bus::Map& incident) {
  const auto cwd = text_of(incident, "cwd");
  const auto command = command_text(incident);
  lines.add("did", command + (command.empty() || cwd.empty() ? "" : ", in " + cwd));
  const auto* commands = bus::find<bus::List>(incident, "commands");
  if (!commands || commands->size() < 2) return;
  for (std::size_t i = 1; i < commands->size(); ++i)
    if (const auto* each = (*commands)[i].as<bus::Map>())
      lines.add(i == 1 ? "and" : "", text_of_process(*each));
}

void add_advice(Lines& lines, const bus::Map& incident) {
  const auto* advice = bus::find<std::string>(incident, "instead");
  if (!advice) return;
  std::string_view rest = *advice;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    lines.add_whole(printable(line), line.data() == advice->data() ? "instead" : "");
  }
}

// Whom the files should belong to, if this machine has no name for the owner but the container has.
std::string owner_text(const bus::Map& incident) {
  const auto there = text_of(incident, "owner_in_container");
  const auto here = text_of(incident, "owner_wanted");
  if (there.empty() || there == here) return {};
  const auto name = text_of(incident, "container_name");
  const auto number = number_of(incident, "uid_wanted");
  const bool is_number = number && here == std::to_string(*number);
  return (is_number ? "uid " : "") + here + " (" + there + " in " +
         (name.empty() ? "the container" : "container " + name) + ')';
}

std::string from_text(const bus::Map& incident) {
  std::string text;
  const auto add = [&](std::string_view before, std::string_view name) {
    const auto what = text_of(incident, name);
    if (!what.empty()) text += (text.empty() ? "" : ", ") + std::string(before) + what;
  };
  add("from ", "session_remote_host");
  add("on ", "tty");
  add("by ", "session_service");
  add("in container ", "container");
  add("of image ", "image");
  add("of pod ", "pod");
  return text;
}

}  // namespace

std::string text_of(const bus::Map& record, std::string_view name) {
  const auto* text = bus::find<std::string>(record, name);
  return text ? printable(*text) : std::string();
}

std::string who_text(const bus::Map& incident) {
  const auto actor = actor_text(incident);
  auto command = command_text(incident);
  const auto* commands = bus::find<bus::List>(incident, "commands");
  if (commands && commands->size() > 1)
    command = shortened(command, kShortCommand) + " and more commands";
  if (actor.empty() || command.empty()) return actor + command;
  return actor + ": " + command;
}

std::string when_text(const bus::Map& incident) {
  return moment_text(incident, "last_seen");
}

std::string outcome_text(const Terminal& terminal, const bus::Map& incident) {
  struct Outcome {
    const char* name;
    Tone tone;
  };
  // Outcomes that need attention come last.
  constexpr std::array kOutcomes{Outcome{"fixed", Tone::kGood}, Outcome{"denied", Tone::kBad},
                                 Outcome{"logged", Tone::kOdd}, Outcome{"skipped", Tone::kOdd}};
  const auto* totals = bus::find<bus::Map>(incident, "totals");
  if (!totals) return text_of(incident, "action");
  std::string text;
  for (const auto& [name, tone] : kOutcomes) {
    const auto count = number_of(*totals, name);
    if (!count || *count == 0) continue;
    if (!text.empty()) text += ", ";
    text += terminal.paint(tone, grouped(*count) + ' ' + name);
  }
  return text;
}

std::string incident_text(const Terminal& terminal, const bus::Map& incident) {
  Lines lines;
  lines.add("who", actor_text(incident));
  lines.add("where", from_text(incident));
  if (const auto via = via_text(incident); !via.empty())
    lines.add_whole(terminal.paint(Tone::kFaint, shortened(via, kWidth - kIndent)), "via");
  add_commands(lines, incident);
  lines.add("what", text_of(incident, "operation"));
  const auto first = moment_text(incident, "first_seen");
  const auto last = when_text(incident);
  lines.add("when", first == last || first.empty() ? last : first + " to " + last);
  add_files(lines, terminal, incident);
  lines.add("owner", owner_text(incident));
  lines.add("because", text_of(incident, "reason"));
  add_advice(lines, incident);
  const auto* totals = bus::find<bus::Map>(incident, "totals");
  const auto id = text_of(incident, "id");
  if (totals && number_of(*totals, "fixed").value_or(0) > 0)
    lines.add("undo", "guardctl undo " + id);
  auto heading = terminal.paint(Tone::kStrong, text_of(incident, "policy"));
  if (const auto severity = text_of(incident, "severity"); !severity.empty())
    heading += "  " + severity;
  return heading + "  " + terminal.paint(Tone::kFaint, id) + '\n' + std::move(lines).text();
}

std::string incidents_text(const Terminal& terminal, const std::vector<bus::Map>& incidents,
                           bool are_all) {
  constexpr std::size_t kPolicy = 20;
  constexpr std::size_t kFiles = 26;
  constexpr std::size_t kWho = kWidth - 4;  // on a line of its own
  if (incidents.empty()) return "No incidents.\n";
  Table table({"WHEN", "INCIDENT", "POLICY", "FILES", "WHO"});
  for (const auto& incident : incidents) {
    const auto who = who_text(incident);
    table.add({{when_text(incident), Tone::kFaint},
               {text_of(incident, "id")},
               {shortened(text_of(incident, "policy"), kPolicy), Tone::kStrong},
               {shortened(outcome_text(Terminal(), incident), kFiles)},
               {who.empty() ? "-" : shortened(who, kWho)}});
  }
  auto text = table.text(terminal);
  if (!are_all)
    text +=
        terminal.paint(Tone::kFaint, "There are more: use --limit, --since or another filter.") +
        '\n';
  return text;
}

}  // namespace guard::ctl
