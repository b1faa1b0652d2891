// systemd's units as their files say them: with their drop-ins, without asking PID 1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "guardd/ctl/doctor/machine.h"

namespace guard::doctor {

struct UnitLine {
  std::string section;
  std::string key;
  std::string value;
  std::string file;
  std::size_t line = 0;

  std::string place() const { return file + ':' + std::to_string(line); }
};

struct Unit {
  std::string name;
  std::vector<UnitLine> lines;  // of the file, then of its drop-ins

  // The last one, or null.
  const UnitLine* last(std::string_view section, std::string_view key) const;
  // All values in one list; an empty one takes back those before it.
  std::vector<std::string> all(std::string_view section, std::string_view key) const;
};

// Without lines where there is none, or it is masked.
Unit read_unit(const Machine& machine, const std::string& name);

// The names of all services but aliases and what is masked.
std::vector<std::string> service_names(const Machine& machine);

bool is_yes(std::string_view value);
bool is_no(std::string_view value);

}  // namespace guard::doctor
