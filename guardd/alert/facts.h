// What the unit of an alert gets to know: names and values, as an environment file for systemd and
// as JSON. All values are one line of printable text of bounded length, so that no file name and no
// command line can add a variable or a line. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/health.h"
#include "policy/record/record.h"

namespace guard {

class AlertFacts {
 public:
  static constexpr std::size_t kLongestValue = 900;  // a line of a mail has at most 998

  // Escapes what is not printable. An empty value is left out.
  void text(std::string_view name, std::string_view value);
  // The same for a sentence whose values are already escaped.
  void sentence(std::string_view name, std::string_view value);
  void number(std::string_view name, std::uint64_t value);

  // GUARD_NAME="value" on a line for each, and GUARD_JSON. See systemd.exec(5), EnvironmentFile=.
  std::string environment() const;
  // An object on one line, without a newline.
  std::string json() const;

 private:
  struct Fact {
    std::string name;  // lower case
    std::string value;
    bool is_number = false;
  };
  void add(std::string_view name, std::string value, bool is_number);

  std::vector<Fact> facts_;
};

// Why an alert starts its unit.
struct AlertReason {
  std::string alert;
  std::string when;
  std::string host;
  std::chrono::system_clock::time_point time;
  // Incidents that met the condition since the last start and are not described.
  std::uint64_t more = 0;
};

AlertFacts facts_of(const AlertReason& reason, const Incident& incident);
AlertFacts facts_of(const AlertReason& reason, Health health,
                    const std::vector<std::string>& health_reasons);

}  // namespace guard
