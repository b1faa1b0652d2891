// Violations of one command by one actor become one incident with a count and a sample, however
// many there are. Owns the incidents that are open, in bounded memory. Never does I/O, asks no
// clock and nobody who somebody was. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "guardd/publish/record_id.h"
#include "policy/record/record.h"

namespace guard {

class Incidents {
 public:
  using Clock = std::chrono::steady_clock;

  struct Limits {
    std::chrono::microseconds quiet = std::chrono::seconds(2);
    std::size_t sample = 5;
    std::size_t open = 256;
  };

  // What became of a violation. `incident` is good until the next call.
  struct Taken {
    const Incident* incident = nullptr;
    bool opened = false;  // by this very violation
    std::vector<std::unique_ptr<Incident>>
        closed;  // by their time, or to make room: tell these first
  };

  Incidents(Limits limits, RecordIds ids) : limits_(limits), ids_(ids) {}

  // Gives the violation its incident's name.
  Taken take(Violation& violation, Clock::time_point now);

  // Those that have been quiet for long enough, the quietest first.
  std::vector<std::unique_ptr<Incident>> close_due(Clock::time_point now);
  std::vector<std::unique_ptr<Incident>> close_all();

  // When close_due has something to do next; nothing: when there are new violations.
  std::optional<Clock::time_point> next_due() const;

  // A reload may change how long to wait; what is open is measured by the new length.
  void set_limits(Limits limits) { limits_ = limits; }

  // One that is open; null: it is not. Good until the next call.
  const Incident* find(const std::string& id) const;

  std::size_t open() const { return open_.size(); }
  std::uint64_t closed_early() const { return closed_early_; }

 private:
  struct Open {
    std::string key;
    Clock::time_point last;
    std::unique_ptr<Incident> incident;
  };
  using Order = std::list<Open>;  // the quietest first

  std::unique_ptr<Incident> close_first();
  void add(Incident& incident, const Violation& violation) const;

  Limits limits_;
  RecordIds ids_;
  Order order_;
  std::unordered_map<std::string, Order::iterator> open_;
  std::uint64_t closed_early_ = 0;
};

}  // namespace guard
