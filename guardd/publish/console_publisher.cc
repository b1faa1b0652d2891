#include "guardd/publish/console_publisher.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <ctime>
#include <exception>

#include "guardd/publish/advice.h"
#include "guardd/publish/phrases.h"
#include "guardd/publish/sentences.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// The column after the time of day, and the column after the outcome.
constexpr std::size_t kMargin = 10;
constexpr std::size_t kTextColumn = kMargin + 9;
constexpr std::size_t kWidest = 100;

std::string clock_text(TimePoint time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

// "root:root → shop:shop", "mode 0666 → 0640", "unlink"
std::string change_text(const Violation& violation) {
  if (violation.guard != Guard::kOwnership) return std::string(word(violation.operation));
  if (!violation.before) return {};
  const auto& before = *violation.before;
  const bool done = violation.action == Outcome::kFixed;
  const std::string_view arrow = done ? " → " : ", wanted ";
  std::string text;
  if (before.uid != violation.uid_wanted || before.gid != violation.gid_wanted) {
    text = owner_text(violation, before.uid, before.gid);
    text += arrow;
    text += owner_text(violation, violation.uid_wanted, violation.gid_wanted);
  }
  const auto mode = done && violation.after ? violation.after->mode : violation.mode_wanted;
  if (mode && *mode != before.mode) {
    if (!text.empty()) text += "; ";
    text += fmt::format("mode {:04o}{}{:04o}", before.mode.value, arrow, mode->value);
  }
  return text;
}

struct Sentence {
  Tone tone;
  std::string_view lead;
  std::string text;
  std::vector<std::string> details{};
};

Sentence sentence_about(const ReadyNews& news) {
  if (news.policies == 0) return {Tone::kOdd, "ready", std::string(kNothingGuarded)};
  return {Tone::kGood, "guarding", guarded_text(news)};
}

Sentence sentence_about(const ReloadNews& news) {
  if (!news.done)
    return {Tone::kBad, "not reloaded", "the previous policies stay in force:", news.errors};
  return {Tone::kGood, "reloaded", counted(news.policies, "policy", "policies") + " in force"};
}

Sentence sentence_about(const HealthNews& news) {
  return {news.health == Health::kOk ? Tone::kGood : Tone::kBad, word(news.health), news.reason};
}

Sentence sentence_about(const StopNews& news) {
  const auto reason = news.reason.empty() ? "" : news.reason + "; ";
  return {Tone::kStrong, "stopped", reason + counters_text(news.counters)};
}

template <typename OtherNews>
Sentence sentence_about(const OtherNews& news) {
  return {Tone::kStrong, news.type(), sentence_of(news)};
}

}  // namespace

ConsolePublisher::Style ConsolePublisher::style_of(int fd, std::size_t sample) {
  Style style{Colours::detect(fd), kLineWidth, sample};
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    style.width = std::clamp<std::size_t>(size.ws_col, kLineWidth, kWidest);
  return style;
}

template <typename Write>
void ConsolePublisher::write(Write make) noexcept {
  try {
    std::string text;
    make(text);
    if (!text.empty()) sink_(std::move(text));
  } catch (const std::exception&) {  // out of memory
    ++lost_;
  }
}

// "14:03:07  shop  alice as root: git pull                       0c1t9v3k2"
std::string ConsolePublisher::heading(const Incident& incident, TimePoint time) const {
  const auto& paint = style_.paint;
  const auto policy = escaped(incident.first.policy);
  const auto who = who_text(incident.first);
  const auto command = commands_text(incident, style_.width);
  auto actor = command.empty() ? who : who + ": ";
  const auto before = kMargin + columns_of(policy) + 2;
  const auto behind = incident.id.size() + 2;
  constexpr std::size_t kLeast = 20;  // columns for the command, even if the names are long
  const auto room = std::max(style_.width - std::min(style_.width, before + behind), kLeast);
  const auto left = room - std::min(room - 1, columns_of(actor));
  const auto shown = shortened(command, std::max(left, kLeast));
  const auto used = before + columns_of(actor) + columns_of(shown) + behind - 2;
  std::string out = paint(Tone::kFaint, clock_text(time)) + "  " + paint(Tone::kStrong, policy) +
                    "  " + actor + paint(Tone::kStrong, shown);
  out.append(used + 2 <= style_.width ? style_.width - used : 2, ' ');
  out += paint(Tone::kFaint, incident.id) + '\n';
  if (const auto via = via_text(*incident.first.actor); !via.empty())
    out += std::string(kMargin, ' ') +
           paint(Tone::kFaint, "via " + shortened(via, style_.width - kMargin - 4)) + '\n';
  return out;
}

std::string ConsolePublisher::violation_line(const Violation& violation) const {
  const auto& paint = style_.paint;
  const auto outcome = word(violation.action);
  std::string out(kMargin, ' ');
  out += paint(tone_of(violation.action), outcome);
  out.append(kTextColumn - kMargin - outcome.size(), ' ');

  // A path that fits on three lines is shown completely, because users copy it.
  auto path = shortened_middle(escaped(violation.path), 3 * style_.width);
  auto change = change_text(violation);
  const auto both = kTextColumn + columns_of(path) + 2 + columns_of(change);
  out += path;
  if (!change.empty()) {
    out += both <= style_.width ? "  " : '\n' + std::string(kTextColumn, ' ');
    out += paint(Tone::kFaint, change);
  }
  out += '\n';
  if (!violation.reason.empty()) {
    out.append(kTextColumn, ' ');
    out += wrapped(printable(violation.reason), kTextColumn, kTextColumn, style_.width) + '\n';
  }
  return out;
}

// Commands are not wrapped, because users copy them.
std::string ConsolePublisher::advice_text(const Advice& advice) const {
  std::string text;
  for (const auto& each : advice.commands) {
    text.append(kMargin, ' ');
    text += (text.size() == kMargin ? "instead: " : "         ") +
            style_.paint(Tone::kStrong, each) + '\n';
  }
  if (text.empty() || advice.remark.empty()) return text;
  const auto used =
      kTextColumn + columns_of(advice.commands.back()) + 2 + columns_of(advice.remark);
  if (used > style_.width) return text + std::string(kTextColumn, ' ') + advice.remark + '\n';
  text.pop_back();
  return text + "  " + advice.remark + '\n';
}

void ConsolePublisher::incident_opened(const Incident& incident) noexcept {
  write([&](std::string& text) {
    text = heading(incident, incident.first.time);
    text += advice_text(advice_for(incident));
    last_incident_ = incident.id;
  });
}

void ConsolePublisher::violation(const Violation& violation, const Incident& incident) noexcept {
  if (incident.count > style_.sample) return;  // the closing line counts it
  write([&](std::string& text) {
    if (last_incident_ != incident.id) text = heading(incident, violation.time);
    last_incident_ = incident.id;
    text += violation_line(violation);
  });
}

void ConsolePublisher::incident_closed(const Incident& incident) noexcept {
  // A single violation was already shown completely.
  if (incident.count == 1) return;
  write([&](std::string& text) {
    if (last_incident_ != incident.id) text = heading(incident, incident.last_seen);
    last_incident_.clear();
    const auto more = incident.count - std::min<std::uint64_t>(incident.count, style_.sample);
    text.append(kMargin, ' ');
    if (more > 0) text += "… and " + grouped(more) + " more; ";
    text += "total: " + totals_text(style_.paint, incident) + ' ' +
            length_text(incident.first_seen, incident.last_seen) + '\n';
  });
}

std::string ConsolePublisher::sentence(TimePoint time, Tone tone, std::string_view lead,
                                       std::string_view text) const {
  const auto before = kMargin + columns_of(lead) + 2;
  return style_.paint(Tone::kFaint, clock_text(time)) + "  " + style_.paint(tone, lead) + "  " +
         wrapped(printable(text), kMargin, before, style_.width) + '\n';
}

void ConsolePublisher::news(News news) noexcept {
  write([&](std::string& text) {
    last_incident_.clear();
    const auto said = std::visit([](const auto* one) { return sentence_about(*one); }, news);
    text = sentence(clock_(), said.tone, said.lead, said.text);
    for (const auto& each : said.details)
      text += std::string(kMargin, ' ') +
              wrapped(printable(each), kMargin + 2, kMargin, style_.width) + '\n';
  });
}

std::string ConsolePublisher::loss_line(std::uint64_t lost) {
  return "          … " + counted(lost, "message was", "messages were") +
         " lost because this log was not read fast enough\n";
}

}  // namespace guard
