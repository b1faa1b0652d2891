// Reads the filters that people type.
#pragma once

#include <optional>
#include <string>

#include "dbus/client/client.h"
#include "guardd/host/command_line.h"

namespace guard::ctl {

// A filter, with the texts of what it takes to understand.
struct TypedFilter {
  std::string since;
  std::string until;
  std::string severity;
  std::string outcome;
  RecordFilter rest;

  // --since, --until, --policy, --login, --severity, --limit, --command, --path, --category,
  // --outcome and --unit.
  void declare(Arguments& arguments);
};

// Nothing after printing an error.
std::optional<RecordFilter> read_filter(const TypedFilter& typed);

}  // namespace guard::ctl
