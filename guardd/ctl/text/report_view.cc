#include "guardd/ctl/text/report_view.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <numeric>

#include "guardd/host/users.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

constexpr std::int64_t kHour = 3'600;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::array kSteps{kHour,     2 * kHour,  3 * kHour, 6 * kHour, 12 * kHour,
                            kDay,      2 * kDay,   7 * kDay,  14 * kDay, 28 * kDay,
                            91 * kDay, 182 * kDay, 364 * kDay};

// Local time as seconds since 1970.
std::int64_t local_seconds(Range::TimePoint moment) {
  const auto seconds = std::chrono::system_clock::to_time_t(moment);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return seconds + local.tm_gmtoff;
}

std::string label_of(std::int64_t local, std::int64_t step) {
  std::tm parts{};
  const std::time_t seconds = local;
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const auto length = step < kDay
                          ? std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts)
                          : std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return {text.data(), length};
}

std::string word_of_step(std::int64_t step) {
  const bool is_days = step % kDay == 0;
  const auto count = step / (is_days ? kDay : kHour);
  const std::string unit = is_days ? "day" : "hour";
  return count == 1 ? unit : std::to_string(count) + ' ' + unit + 's';
}

// The name itself, or that of the user with this number.
std::string name_of_user(const std::string& name) {
  const auto uid = parse_number(name);
  return uid ? user_name(Uid{*uid}).value_or("uid " + name) : name;
}

}  // namespace

std::uint64_t sum_of(const Outcomes& outcomes) {
  return std::accumulate(outcomes.begin(), outcomes.end(), std::uint64_t{0});
}

Timeline timeline_of(const Report& report, const Range& range, std::size_t most_bars) {
  const auto from = local_seconds(range.from);
  const auto to = std::max(local_seconds(range.to), from);
  const auto begin_of = [&](std::int64_t step) {
    return from - from % (step < kDay ? step : kDay);  // weeks start with the report
  };
  const auto bars_of = [&](std::int64_t step) {
    return static_cast<std::size_t>((to - begin_of(step)) / step) + 1;
  };
  auto step = kSteps.back();
  for (auto each = kSteps.rbegin(); each != kSteps.rend(); ++each)
    if (*each >= report.step.count() && bars_of(*each) <= most_bars) step = *each;
  Timeline timeline;
  timeline.each = word_of_step(step);
  timeline.bars.resize(std::min(bars_of(step), most_bars));
  for (std::size_t i = 0; i < timeline.bars.size(); ++i)
    timeline.bars[i].label = label_of(begin_of(step) + static_cast<std::int64_t>(i) * step, step);
  for (const auto& span : report.spans) {
    const auto since = std::max<std::int64_t>(local_seconds(span.begin) - begin_of(step), 0);
    const auto place = std::min(static_cast<std::size_t>(since / step), timeline.bars.size() - 1);
    for (std::size_t i = 0; i < span.by_outcome.size(); ++i)
      timeline.bars[place].outcomes[i] += span.by_outcome[i];
  }
  return timeline;
}

std::vector<Outcomes> hours_of(const Report& report) {
  if (report.step.count() != kHour) return {};
  std::vector<Outcomes> hours(24);
  for (const auto& span : report.spans) {
    const auto second = local_seconds(span.begin) % kDay;
    auto& hour = hours[static_cast<std::size_t>((second < 0 ? second + kDay : second) / kHour)];
    for (std::size_t i = 0; i < span.by_outcome.size(); ++i) hour[i] += span.by_outcome[i];
  }
  return hours;
}

std::vector<ShownTable> tables_of(const bus::ReceivedReport& report) {
  std::vector<ShownTable> tables{{"Policies", &report.policies, "policies"},
                                 {"People and services", &report.people, "people and services"}};
  if (report.has_commands)
    tables.push_back({"Commands", &report.commands, "commands", true});
  else
    tables.push_back({"Programs", &report.programs, "programs", true});
  tables.push_back({"Paths", &report.paths, "paths", true});
  tables.push_back({"Operations", &report.operations, "operations"});
  // Nothing to compare if there is one category, or none.
  if (report.categories.rows.size() > 1)
    tables.push_back({"Categories", &report.categories, "categories"});
  return tables;
}

std::string name_of(const ReportRow& row) {
  if (row.key.empty()) return "unknown";
  if (row.kind == "user") return name_of_user(row.key) + ", without a login";
  if (row.kind == "person") return name_of_user(row.key);
  return row.key;
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0 || part == 0) return "0 %";
  constexpr double kAll = 100;
  const auto share = kAll * static_cast<double>(part) / static_cast<double>(whole);
  if (share < 1) return "< 1 %";
  if (part < whole && share > kAll - 1) return "> 99 %";
  return std::to_string(std::lround(share)) + " %";
}

}  // namespace guard::ctl
