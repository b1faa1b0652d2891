// How far guardd is with what takes a while, on standard error: one line that is written anew on a
// terminal, lines of JSON for who wants JSON, and nothing else in a pipe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "dbus/facts.h"
#include "guardd/ctl/screen/options.h"

namespace guard::ctl {

// How much of it, how fast, and how long it will take; what is not known is left out.
struct Pace {
  std::optional<double> share;
  std::uint64_t rate = 0;  // objects a second
  std::optional<std::chrono::seconds> left;
};
Pace pace_of(const bus::ScanNow& now, std::chrono::duration<double> since_start);

// No wider than `width`, however little that is.
std::string progress_line(const bus::ScanNow& now, const Pace& pace, std::size_t width);

class Progress {
 public:
  explicit Progress(const Options& options);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const bus::ScanNow& now);
  // The line is taken away again. What was shown last, if anything was.
  const std::optional<bus::ScanNow>& end();

 private:
  enum class How : std::uint8_t { kNot, kLine, kJson };
  How how_ = How::kNot;
  bool is_there_ = false;  // the line
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::optional<bus::ScanNow> last_;
};

}  // namespace guard::ctl
