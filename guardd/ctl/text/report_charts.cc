#include "guardd/ctl/text/report_charts.h"

#include <fmt/format.h>

#include "guardd/ctl/screen/html.h"
#include "guardd/host/terminal_text.h"

namespace guard::ctl {
namespace {

constexpr double kHigh = 100;
constexpr double kColumn = 10;
constexpr double kWide = 1'000;

double share_of(std::uint64_t part, std::uint64_t whole, double of) {
  return whole == 0 ? 0 : of * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::string outcomes_in_words(const Outcomes& outcomes) {
  std::string words;
  for (const auto outcome : kShownOutcomes) {
    const auto count = outcomes[static_cast<std::size_t>(outcome)];
    if (count == 0) continue;
    words += (words.empty() ? "" : ", ") + grouped(count) + ' ' + std::string(word(outcome));
  }
  return words.empty() ? "nothing" : words;
}

std::uint64_t round_above(std::uint64_t number) {
  constexpr std::uint64_t kMost = UINT64_MAX / 100;
  for (std::uint64_t power = 1; power < kMost; power *= 10)
    for (const std::uint64_t step : {1U, 2U, 3U, 4U, 5U, 6U, 8U})
      if (step * power >= number && step * power % 2 == 0) return step * power;
  return number;
}

std::string columns_svg(const std::vector<Bar>& bars, std::uint64_t top, std::string_view title) {
  constexpr double kGap = 1.6;
  const auto wide = kColumn * static_cast<double>(bars.size());
  auto svg = fmt::format(
      "<svg class=\"columns\" viewBox=\"0 0 {:g} {:g}\" preserveAspectRatio=\"none\" role=\"img\">"
      "<title>{}</title>\n<path class=\"grid\" d=\"M0 .5H{:g}M0 50H{:g}M0 99.5H{:g}\"/>\n",
      wide, kHigh, html(title), wide, wide, wide);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const auto& bar = bars[i];
    const auto sum = sum_of(bar.outcomes);
    if (sum == 0) continue;
    svg +=
        fmt::format("<g><title>{}: {}</title>", html(bar.label), outcomes_in_words(bar.outcomes));
    auto below = kHigh;
    for (const auto outcome : kShownOutcomes) {
      const auto count = bar.outcomes[static_cast<std::size_t>(outcome)];
      if (count == 0) continue;
      // Even a small number stays visible.
      const auto high = std::max(share_of(count, top, kHigh), 0.8);
      below -= high;
      svg += fmt::format(
          "<rect class=\"{}\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\"/>",
          word(outcome), kColumn * static_cast<double>(i) + kGap / 2, std::max(below, 0.0),
          kColumn - kGap, high);
    }
    svg += "</g>\n";
  }
  return svg + "</svg>\n";
}

std::string bar_svg(const Outcomes& outcomes, std::uint64_t most) {
  auto svg = fmt::format(
      "<svg class=\"bar\" viewBox=\"0 0 {:g} 8\" preserveAspectRatio=\"none\" role=\"img\">"
      "<title>{}</title>",
      kWide, outcomes_in_words(outcomes));
  double at = 0;
  for (const auto outcome : kShownOutcomes) {
    const auto count = outcomes[static_cast<std::size_t>(outcome)];
    if (count == 0) continue;
    const auto wide = std::max(share_of(count, most, kWide), 3.0);
    svg += fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"0\" width=\"{:.1f}\" height=\"8\"/>",
                       word(outcome), at, wide);
    at += wide;
  }
  return svg + "</svg>";
}

}  // namespace guard::ctl
