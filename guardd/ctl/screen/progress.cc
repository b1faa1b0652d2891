#include "guardd/ctl/screen/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>

#include "guardd/ctl/screen/json.h"

namespace guard::ctl {
namespace {

constexpr std::size_t kShortestBar = 6;
constexpr std::size_t kLongestBar = 24;
constexpr const char* kEraseLine = "\r\x1b[K";

std::size_t width_of_terminal() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kWidth;
}

std::string bar(double share, std::size_t width) {
  const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
  std::string text;
  for (std::size_t i = 0; i < width; ++i) text += i < full ? "█" : "░";
  return text;
}

std::string time_text(std::chrono::seconds time) {
  const auto seconds = time.count();
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{}:{:02} min", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02} h", seconds / 3600, seconds / 60 % 60);
}

}  // namespace

Pace pace_of(const bus::ScanNow& now, std::chrono::duration<double> since_start) {
  Pace pace;
  if (since_start.count() > 0)
    pace.rate =
        static_cast<std::uint64_t>(static_cast<double>(now.looked_at) / since_start.count());
  // There may be more files now than at the last count.
  if (now.expected == 0 || now.looked_at > now.expected) return pace;
  pace.share = static_cast<double>(now.looked_at) / static_cast<double>(now.expected);
  if (pace.rate > 0) {
    const auto seconds = std::ceil(static_cast<double>(now.expected - now.looked_at) /
                                   static_cast<double>(pace.rate));
    pace.left = std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, 1e9)));
  }
  return pace;
}

std::string progress_line(const bus::ScanNow& now, const Pace& pace, std::size_t width) {
  // The most important part comes first: parts that do not fit are left out.
  std::vector<std::string> parts;
  if (pace.share) {
    parts.push_back(fmt::format("{:3}%", static_cast<int>(*pace.share * 100)));
    parts.push_back(grouped(now.looked_at) + " of about " + grouped(now.expected));
  } else {
    parts.push_back(grouped(now.looked_at) + " looked at");
  }
  parts.push_back(grouped(now.found) + " wrong");
  if (now.fixed > 0) parts.push_back(grouped(now.fixed) + " fixed");
  if (pace.left) parts.push_back(time_text(*pace.left) + " left");
  parts.push_back(grouped(pace.rate) + "/s");
  constexpr std::string_view kGap = "  ";
  constexpr std::size_t kWideEnough = 50;
  const auto for_bar = pace.share && width >= kWideEnough ? kShortestBar + 1 : 0;
  std::string line;
  for (const auto& part : parts) {
    if (line.size() + kGap.size() + part.size() + for_bar > width) break;
    if (!line.empty()) line += kGap;
    line += part;
  }
  const auto room = std::min(width - line.size(), kLongestBar + 1);
  if (for_bar > 0) line = bar(*pace.share, room - 1) + ' ' + line;
  return line;
}

Progress::Progress(const Options& options) {
  if (options.quiet) return;
  const char* kind = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): one thread
  const bool can_redraw = kind && std::string_view(kind) != "dumb";
  if (::isatty(STDERR_FILENO) == 1)
    format_ = can_redraw ? Format::kLine : Format::kNone;
  else if (options.json)
    format_ = Format::kJson;
}

Progress::~Progress() {
  (void)end();
}

void Progress::show(const bus::ScanNow& now) {
  last_ = now;
  const auto pace = pace_of(now, std::chrono::steady_clock::now() - start_);
  if (format_ == Format::kLine) {
    std::cerr << kEraseLine << progress_line(now, pace, width_of_terminal() - 1) << std::flush;
    is_drawn_ = true;
  } else if (format_ == Format::kJson) {
    Json json;
    json["type"] = "progress";
    json["looked_at"] = now.looked_at;
    if (now.expected > 0) json["expected"] = now.expected;
    json["found"] = now.found;
    json["fixed"] = now.fixed;
    json["rate"] = pace.rate;
    if (pace.left) json["seconds_left"] = pace.left->count();
    std::cerr << json_line(json) << std::flush;
  }
}

const std::optional<bus::ScanNow>& Progress::end() {
  if (is_drawn_) std::cerr << kEraseLine << std::flush;
  is_drawn_ = false;
  return last_;
}

}  // namespace guard::ctl
