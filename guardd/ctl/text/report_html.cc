#include "guardd/ctl/text/report_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "guardd/ctl/ask/moment.h"
#include "guardd/ctl/screen/html.h"
#include "guardd/ctl/text/report_charts.h"
#include "guardd/ctl/text/report_style.h"
#include "guardd/host/terminal_text.h"
#include "guardd/version.h"

namespace guard::ctl {
namespace {

constexpr std::size_t kColumns = 96;  // of the chart over time
constexpr std::size_t kLongestName = 120;

constexpr std::string_view kShield =
    "<svg class=\"mark\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M12 2.5 4 5.5v6c0 "
    "4.7 3.3 8.4 8 10 4.7-1.6 8-5.3 8-10v-6z\"/><path d=\"m8.5 11.8 2.5 2.5 4.6-4.8\"/></svg>";

std::string_view meaning_of(Outcome outcome) {
  constexpr std::array kMeanings{"recorded only", "repaired by guardd", "blocked",
                                 "could not be fixed"};
  return kMeanings[static_cast<std::size_t>(outcome)];
}

std::string key_of(Outcome outcome) {
  return fmt::format("<span class=\"key {}\"></span>", word(outcome));
}

std::string time_html(Range::TimePoint moment) {
  return "<time>" + format_moment(moment) + "</time>";
}

// The time zone of the hours.
std::string time_zone(Range::TimePoint moment) {
  const auto seconds = std::chrono::system_clock::to_time_t(moment);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Z (%z)", &local)};
}

class ReportPage {
 public:
  ReportPage(const bus::ReceivedReport& report, const Range& range, const ReportContext& context)
      : report_(report), range_(range), context_(context) {}

  std::string page() && {
    begin();
    if (report_.all.violations == 0) {
      nothing();
    } else {
      tiles();
      out_ += "<div class=\"charts\">\n";
      timeline();
      hours();
      out_ += "</div>\n<div class=\"tables\">\n";
      for (const auto& shown : tables_of(report_)) table(shown);
      out_ += "</div>\n";
    }
    end();
    return std::move(out_);
  }

 private:
  std::string heading() const {
    const auto count = report_.all.violations;
    return count == 0 ? "Nothing was recorded" : counted(count, "violation", "violations");
  }

  void begin() {
    out_ +=
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n<title>guardd: ";
    out_ += heading() + ", " + format_moment(range_.from) + " to " + format_moment(range_.to);
    out_ += "</title>\n<style>";
    out_ += kReportStyle;
    out_ += "</style>\n</head>\n<body>\n<main>\n<header>";
    out_ += kShield;
    out_ += "<div><h1>" + heading() + "</h1>\n<p>" + time_html(range_.from) + " to " +
            time_html(range_.to);
    if (!context_.policy.empty()) out_ += " · policy " + html_name(context_.policy, kLongestName);
    if (!context_.host.empty()) out_ += " · " + html_name(context_.host, kLongestName);
    out_ += "</p></div></header>\n";
  }

  void end() {
    out_ += "<footer>\n";
    if (report_.oldest && range_.from < *report_.oldest)
      out_ += "<p>The audit trail starts at " + time_html(*report_.oldest) +
              ". Earlier violations are not kept.</p>\n";
    if (!report_.has_commands && report_.all.violations > 0)
      out_ +=
          "<p>Only root and users with permission from polkit may see commands. This report shows "
          "programs instead.</p>\n";
    out_ += "<p>Created by guardctl " GUARD_VERSION " at " + time_html(context_.created) +
            ". Hours and days are in the time zone " + html(time_zone(context_.created)) +
            ".</p>\n</footer>\n</main>\n</body>\n</html>\n";
  }

  void nothing() {
    out_ += "<section class=\"card empty\">";
    out_ += kShield;
    out_ +=
        "<h2>No violations</h2>\n<p>No violation was recorded in this period.</p>\n"
        "<p><code>guardctl status</code> shows what is guarded.</p></section>\n";
  }

  void tile(const std::string& name, std::uint64_t number, const std::string& more) {
    out_ += fmt::format("<div class=\"card\"><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n", name,
                        grouped(number), more);
  }

  void tiles() {
    const auto& all = report_.all;
    out_ += "<dl class=\"tiles\">\n";
    tile("incidents", all.incidents, "commands that violated a policy");
    for (const auto outcome : kShownOutcomes)
      tile(key_of(outcome) + std::string(word(outcome)), all.of(outcome),
           fmt::format("{}, {}", html(share_text(all.of(outcome), all.violations)),
                       meaning_of(outcome)));
    out_ += "</dl>\n";
  }

  void legend() {
    out_ += "<ul class=\"legend\" aria-label=\"From the bottom to the top\">";
    for (const auto outcome : kShownOutcomes)
      out_ += "<li>" + key_of(outcome) + std::string(word(outcome)) + "</li>";
    out_ += "</ul>\n";
  }

  // A chart with its scale, and the same numbers as a table, for screen readers too.
  void chart(std::string_view name, const std::string& note, const std::vector<Bar>& bars,
             const std::vector<std::string>& below) {
    std::uint64_t most = 0;
    for (const auto& bar : bars) most = std::max(most, sum_of(bar.outcomes));
    const auto top = round_above(most);
    out_ += fmt::format(
        "<figure class=\"card\">\n<figcaption><h2>{}</h2><span>{}</span></figcaption>\n"
        "<div class=\"plot\"><div class=\"scale\" aria-hidden=\"true\"><span>{}</span><span>{}"
        "</span><span>0</span></div>\n",
        name, html(note), grouped(top), grouped(top / 2));
    out_ +=
        columns_svg(bars, top, fmt::format("{}, {}; the maximum is {}", name, note, grouped(most)));
    out_ += "<div class=\"dates\">";
    for (std::size_t i = 0; i < below.size(); ++i) {
      const bool is_between = i > 0 && i + 1 < below.size();
      out_ += fmt::format("<span{}>{}</span>", is_between ? " class=\"wide\"" : "", html(below[i]));
    }
    out_ += "</div></div>\n";
    legend();
    figures(bars);
    out_ += "</figure>\n";
  }

  void figures(const std::vector<Bar>& bars) {
    out_ +=
        "<details><summary>Show the numbers</summary><div class=\"scroll\" tabindex=\"0\" "
        "role=\"region\" "
        "aria-label=\"The numbers\"><table><thead><tr><th scope=\"col\">From</th>";
    for (const auto outcome : kShownOutcomes)
      out_ += fmt::format("<th scope=\"col\">{}</th>", word(outcome));
    out_ += "</tr></thead>\n<tbody>";
    for (const auto& bar : bars) {
      if (sum_of(bar.outcomes) == 0) continue;
      out_ += "<tr><th scope=\"row\">" + html(bar.label) + "</th>";
      for (const auto outcome : kShownOutcomes)
        out_ += "<td>" + grouped(bar.outcomes[static_cast<std::size_t>(outcome)]) + "</td>";
      out_ += "</tr>\n";
    }
    out_ += "</tbody></table></div></details>\n";
  }

  void timeline() {
    const auto timeline = timeline_of(report_, range_, kColumns);
    const auto& bars = timeline.bars;
    std::vector<std::string> below{bars.front().label};
    if (bars.size() > 8) below.push_back(bars[bars.size() / 2].label);
    if (bars.size() > 1) below.push_back(bars.back().label);
    chart("Over time", "per " + timeline.each, bars, below);
  }

  void hours() {
    const auto hours = hours_of(report_);
    if (hours.empty()) return;
    std::vector<Bar> bars;
    for (std::size_t i = 0; i < hours.size(); ++i)
      bars.push_back({fmt::format("{:02}:00", i), hours[i]});
    chart("By hour of the day", "all days together", bars, {"0", "6", "12", "18", "24"});
  }

  void row(const std::string& name, const Tally& tally, std::uint64_t most, bool is_others) {
    out_ += fmt::format(
        "<tr{}><th scope=\"row\">{}{}</th><td>{}</td><td>{}</td><td class=\"wide\">{}"
        "</td></tr>\n",
        is_others ? " class=\"others\"" : "", name, bar_svg(tally.by_outcome, most),
        grouped(tally.violations), html(share_text(tally.violations, report_.all.violations)),
        tally.incidents > 0 ? grouped(tally.incidents) : "");
  }

  void table(const ShownTable& shown) {
    const auto& [heading, table, others, is_typed] = shown;
    if (table->rows.empty()) return;
    out_ += fmt::format(
        "<figure class=\"card\">\n<figcaption><h2>{}</h2></figcaption>\n<table>"
        "<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Violations</th>"
        "<th scope=\"col\">Share</th><th scope=\"col\" class=\"wide\">Incidents</th>"
        "</tr></thead>\n<tbody>\n",
        heading);
    auto most = table->others.violations;
    for (const auto& each : table->rows) most = std::max(most, each.tally.violations);
    for (const auto& each : table->rows) {
      auto name = html_name(name_of(each), kLongestName);
      if (is_typed && !each.key.empty()) name.insert(0, "<code>").append("</code>");
      if (each.is_rest) name += " <small>the rest of it</small>";
      row(name, each.tally, most, false);
    }
    if (table->others.violations > 0)
      row(fmt::format("{} other {}", grouped(table->more), others), table->others, most, true);
    out_ += "</tbody></table>\n</figure>\n";
  }

  const bus::ReceivedReport& report_;
  const Range& range_;
  const ReportContext& context_;
  std::string out_;
};

}  // namespace

std::string report_html(const bus::ReceivedReport& report, const Range& range,
                        const ReportContext& context) {
  return ReportPage(report, range, context).page();
}

}  // namespace guard::ctl
