// Shows the progress of a scan on standard error: one line that is redrawn on a terminal, lines of
// JSON with --json, nothing otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "dbus/facts.h"
#include "guardd/ctl/screen/options.h"

namespace guard::ctl {

// The share done, the speed, and the time left; absent if not known.
struct Pace {
  std::optional<double> share;
  std::uint64_t rate = 0;  // objects a second
  std::optional<std::chrono::seconds> left;
};
Pace pace_of(const bus::ScanNow& now, std::chrono::duration<double> since_start);

// At most `width` columns.
std::string progress_line(const bus::ScanNow& now, const Pace& pace, std::size_t width);

class Progress {
 public:
  explicit Progress(const Options& options);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const bus::ScanNow& now);
  // Erases the line. Returns the progress that was shown last, if any.
  const std::optional<bus::ScanNow>& end();

 private:
  enum class Format : std::uint8_t { kNone, kLine, kJson };
  Format format_ = Format::kNone;
  bool is_drawn_ = false;  // the line
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::optional<bus::ScanNow> last_;
};

}  // namespace guard::ctl
