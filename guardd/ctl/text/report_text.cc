#include "guardd/ctl/text/report_text.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "guardd/ctl/ask/moment.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kBars = 72;
constexpr std::size_t kBarWidth = 16;
constexpr std::size_t kNumbers = 13;
constexpr std::size_t kNames = kWidth - kIndent - 2 * kNumbers - kBarWidth - 2;

// Marks the row of all paths below a path that have no row of their own.
constexpr std::string_view kRest = " (rest)";

constexpr std::array<std::string_view, 9> kBlocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 9> kAsciiBlocks{" ", ".", ".", ":", ":", "+", "+", "#", "#"};
constexpr std::array<std::string_view, 8> kPartBlocks{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

Tone tone_of(Outcome outcome) {
  constexpr std::array kTones{Tone::kOdd, Tone::kGood, Tone::kBad, Tone::kOdd};
  return kTones[static_cast<std::size_t>(outcome)];
}

std::string outcomes_text(const Terminal& terminal, const Outcomes& outcomes) {
  std::string text;
  for (const auto outcome : kShownOutcomes) {
    const auto count = outcomes[static_cast<std::size_t>(outcome)];
    if (count == 0) continue;
    if (!text.empty()) text += ", ";
    text += terminal.paint(tone_of(outcome), grouped(count) + ' ' + std::string(word(outcome)));
  }
  return text;
}

// A chart in one row, relative to the largest value. Even a small value stays visible.
std::string heights(const std::vector<std::uint64_t>& values, bool blocks) {
  const auto most = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  std::string text;
  for (const auto value : values) {
    const auto share = most == 0 ? 0.0 : static_cast<double>(value) / static_cast<double>(most);
    const auto height =
        value == 0 ? 0 : std::max<std::size_t>(1, static_cast<std::size_t>(share * 8));
    text += blocks ? kBlocks[height] : kAsciiBlocks[height];
  }
  return text;
}

std::string bar(std::uint64_t value, std::uint64_t most, bool blocks) {
  if (most == 0 || value == 0) return {};
  const auto eighths = static_cast<std::size_t>(static_cast<double>(value) /
                                                static_cast<double>(most) * kBarWidth * 8);
  std::string text;
  for (std::size_t i = 0; i < eighths / 8; ++i) text += blocks ? "█" : "#";
  if (blocks) text += kPartBlocks[eighths % 8];
  if (text.empty()) text = blocks ? "▏" : "#";
  return text;
}

std::string right(const std::string& text, std::size_t width) {
  const auto columns = columns_of(text);
  return std::string(columns < width ? width - columns : 0, ' ') + text;
}

class Page {
 public:
  Page(const Terminal& terminal, bool blocks) : terminal_(terminal), blocks_(blocks) {}

  void line(const std::string& text) { text_ += "  " + text + '\n'; }
  void heading(std::string_view text) {
    text_ += '\n' + terminal_.paint(Tone::kStrong, text) + '\n';
  }

  void timeline(const Timeline& timeline) {
    std::vector<std::uint64_t> values;
    for (const auto& each : timeline.bars) values.push_back(sum_of(each.outcomes));
    const auto most = std::max_element(values.begin(), values.end());
    if (most == values.end()) return;
    const auto& peak = timeline.bars[static_cast<std::size_t>(most - values.begin())];
    heading("Over time, per " + timeline.each);
    line(terminal_.paint(Tone::kStrong, heights(values, blocks_)));
    const auto& first = timeline.bars.front().label;
    const auto& last = timeline.bars.back().label;
    if (timeline.bars.size() == 1)
      line(terminal_.paint(Tone::kFaint, first));
    else if (const auto used = first.size() + last.size(); used + 2 > values.size())
      line(terminal_.paint(Tone::kFaint, first + " to " + last));
    else
      line(terminal_.paint(Tone::kFaint, first + std::string(values.size() - used, ' ') + last));
    line("maximum: " + grouped(*most) + ", " + peak.label);
  }

  void hours(const std::vector<Outcomes>& hours) {
    if (hours.empty()) return;
    std::vector<std::uint64_t> values;
    for (const auto& hour : hours)
      for (int i = 0; i < 3; ++i) values.push_back(sum_of(hour));
    heading("By hour of the day");
    line(terminal_.paint(Tone::kStrong, heights(values, blocks_)));
    std::string scale;
    for (int hour = 0; hour < 24; hour += 3) {
      auto mark = std::to_string(hour);
      mark.resize(9, ' ');
      scale += mark;
    }
    while (scale.ends_with(' ')) scale.pop_back();
    line(terminal_.paint(Tone::kFaint, scale));
  }

  void table(const ShownTable& shown, std::uint64_t whole) {
    if (shown.table->rows.empty()) return;
    heading(shown.heading);
    const auto most = shown.table->rows.front().tally.violations;
    for (const auto& row : shown.table->rows) {
      const auto whole_name = escaped(name_of(row));
      const auto room = kNames - (row.is_rest ? kRest.size() : 0);
      auto name = whole_name.starts_with('/') ? shortened_middle(whole_name, room)
                                              : shortened(whole_name, room);
      if (row.is_rest) name += kRest;
      add_row(name, row.tally.violations, whole, bar(row.tally.violations, most, blocks_));
    }
    const auto& others = shown.table->others;
    if (others.violations == 0) return;
    add_row("other " + std::string(shown.others) + ", " + grouped(shown.table->more),
            others.violations, whole, bar(std::min(others.violations, most), most, blocks_));
  }

  std::string text() && { return std::move(text_); }

 private:
  void add_row(const std::string& name, std::uint64_t count, std::uint64_t whole,
               const std::string& picture) {
    const auto columns = columns_of(name);
    auto text = name + std::string(kNames > columns ? kNames - columns : 0, ' ');
    text += right(grouped(count), kNumbers) + right(share_text(count, whole), kNumbers - 4) + "  ";
    line(text + terminal_.paint(Tone::kFaint, picture));
  }

  const Terminal& terminal_;
  const bool blocks_;
  std::string text_;
};

}  // namespace

bool locale_has_utf8() {
  for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    if (!value || *value == '\0') continue;
    std::string locale(value);
    std::transform(locale.begin(), locale.end(), locale.begin(), [](unsigned char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
    });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

std::string nothing_text(const Range& range) {
  if (range.from == range.to) return "Nothing was recorded.\n";
  return "Nothing was recorded from " + format_moment(range.from) + " to " +
         format_moment(range.to) + ".\n";
}

std::string report_text(const Terminal& terminal, const bus::ReceivedReport& report,
                        const Range& range, bool blocks) {
  const auto from = format_moment(range.from);
  const auto to = format_moment(range.to);
  const auto& all = report.all;
  if (all.violations == 0) return nothing_text(range);
  Page page(terminal, blocks);
  page.line(
      terminal.paint(Tone::kStrong, guard::counted(all.violations, "violation", "violations")) +
      " in " + guard::counted(all.incidents, "incident", "incidents"));
  page.line(outcomes_text(terminal, all.by_outcome));
  page.line(terminal.paint(Tone::kFaint, from + " to " + to));
  page.timeline(timeline_of(report, range, kBars));
  page.hours(hours_of(report));
  for (const auto& shown : tables_of(report)) page.table(shown, all.violations);
  return std::move(page).text();
}

}  // namespace guard::ctl
