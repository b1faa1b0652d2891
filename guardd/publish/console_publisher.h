// `--log console`: incidents and news for a person at a terminal. One block for each incident, with
// the command to use instead, and one line at its end. All text from outside guardd is escaped.
// Never waits; the daemon's thread only.
#pragma once

#include <string>

#include "guardd/host/terminal_text.h"
#include "guardd/publish/advice.h"
#include "guardd/publish/json_publisher.h"
#include "guardd/publish/publisher.h"

namespace guard {

class ConsolePublisher final : public Publisher {
 public:
  struct Style {
    Colours paint = Colours();
    std::size_t width = kLineWidth;
    std::size_t sample = 5;  // violations shown individually
  };
  // The colours and width of the terminal on this descriptor.
  static Style style_of(int fd, std::size_t sample);

  ConsolePublisher(LineSink sink, Style style, WallClock clock = std::chrono::system_clock::now)
      : sink_(std::move(sink)), clock_(std::move(clock)), style_(style) {}

  void incident_opened(const Incident& incident) noexcept override;
  void violation(const Violation& violation, const Incident& incident) noexcept override;
  void incident_closed(const Incident& incident) noexcept override;
  void news(News news) noexcept override;

  static std::string loss_line(std::uint64_t lost);

  // Messages lost because memory ran out.
  std::uint64_t lost() const { return lost_; }

 private:
  template <typename Write>
  void write(Write make) noexcept;
  std::string heading(const Incident& incident, TimePoint time) const;
  std::string advice_text(const Advice& advice) const;
  std::string violation_line(const Violation& violation) const;
  std::string sentence(TimePoint time, Tone tone, std::string_view lead,
                       std::string_view text) const;

  LineSink sink_;
  WallClock clock_;
  Style style_;
  std::string last_incident_;  // the incident of the last lines on the screen
  std::uint64_t lost_ = 0;
};

}  // namespace guard
