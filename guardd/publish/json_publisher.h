// `--log json`: one JSON object per line, with the field names of the contract. Never waits: lines
// go to a sink that accepts or counts them. The daemon's thread only.
#pragma once

#include <functional>
#include <string>

#include "guardd/host/machine_ids.h"
#include "guardd/publish/json_line.h"
#include "guardd/publish/publisher.h"

namespace guard {

// Accepts a text that ends with a newline; must neither wait nor throw.
using LineSink = std::function<void(std::string)>;
using WallClock = std::function<TimePoint()>;

class JsonPublisher final : public Publisher {
 public:
  JsonPublisher(LineSink sink, MachineIds machine, JsonLine::Charset charset,
                WallClock clock = std::chrono::system_clock::now)
      : sink_(std::move(sink)),
        clock_(std::move(clock)),
        machine_(std::move(machine)),
        charset_(charset) {}

  // Called before each line is built, the most expensive step: true if the line would be lost.
  void check_room(std::function<bool()> loses_next) { loses_next_ = std::move(loses_next); }

  void incident_opened(const Incident& incident) noexcept override;
  void violation(const Violation& violation, const Incident& incident) noexcept override;
  void incident_closed(const Incident& incident) noexcept override;
  void news(News news) noexcept override;

  // The line that reports lost lines.
  static std::string loss_line(std::uint64_t lost, TimePoint now, const MachineIds& machine);

  // Records lost because memory ran out.
  std::uint64_t lost() const { return lost_; }

 private:
  template <typename Write>
  void put(std::string_view type, Write write) noexcept;
  void incident(const Incident& incident, std::string_view state) noexcept;
  static void put_about(JsonLine& line, TimePoint time, const MachineIds& machine);

  LineSink sink_;
  std::function<bool()> loses_next_;
  WallClock clock_;
  MachineIds machine_;
  JsonLine::Charset charset_;
  std::uint64_t lost_ = 0;
};

}  // namespace guard
