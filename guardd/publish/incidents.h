// Groups the violations of one command by one actor, or of a script and its commands, into an
// incident with a count and a sample.
// Owns the open incidents, in bounded memory. Never does I/O, reads a clock or looks up a process.
// One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "guardd/publish/record_id.h"
#include "policy/record/fixed_files.h"
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

  // The result of adding a violation. `incident` is valid until the next call.
  struct Change {
    const Incident* incident = nullptr;
    bool opened = false;  // by this violation
    std::vector<std::unique_ptr<Incident>>
        closed;  // for being quiet, or to make room: publish these first
  };

  Incidents(Limits limits, RecordIds ids) : limits_(limits), ids_(ids) {}

  // Sets the violation's incident. With `files` it stands for all of them: see
  // Publisher::fixed_files().
  Change add(Violation& violation, Clock::time_point now, const FixedFiles& files = {});

  // Closes the incidents that have been quiet for long enough, longest first.
  std::vector<std::unique_ptr<Incident>> close_due(Clock::time_point now);
  std::vector<std::unique_ptr<Incident>> close_all();

  // When close_due() has something to do next; empty: not before another violation.
  std::optional<Clock::time_point> next_due() const;

  // Applies to open incidents, too.
  void set_limits(Limits limits) { limits_ = limits; }

  // An open incident, or null. Valid until the next call.
  const Incident* find(const std::string& id) const;

  std::size_t open() const { return open_.size(); }

 private:
  struct OpenIncident {
    std::string key;
    Clock::time_point last;
    std::unique_ptr<Incident> incident;
  };
  using Order = std::list<OpenIncident>;  // the longest quiet first

  std::unique_ptr<Incident> close_first();
  void count(Incident& incident, const Violation& violation, const FixedFiles& files) const;

  Limits limits_;
  RecordIds ids_;
  Order order_;
  std::unordered_map<std::string, Order::iterator> open_;
};

}  // namespace guard
