// What a service's unit says of whose files lie where.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "guardd/ctl/machine/unit_files.h"

namespace guard::suggest {

struct Place {
  std::string path;
  std::string why;  // "StateDirectory=shop"
  // systemd itself gives the directory to the service. Anything else only tells where it works, and
  // what lies there has to show whose it is: a configuration can be the service's own to write.
  bool given = false;
  bool may_be_absent = false;  // where it is not there, nothing is said of it
  bool is_guess = false;       // nobody named it: where it is not the service's, neither
};

// A place that is left alone, and why.
struct Omission {
  std::string what;
  std::string why;
};

using Words = std::vector<std::string>;

struct Service {
  std::string unit;
  std::string user;   // empty: root
  std::string group;  // empty: the user's primary one
  bool is_dynamic = false;
  bool has_own_root = false;  // RootDirectory=: its paths are not ours
  std::vector<Place> places;
  std::vector<Omission> left_out;
  std::vector<Words> commands;
  std::map<std::string, std::string> environment;
};

Service service_of(const Unit& unit, const Machine& machine);

}  // namespace guard::suggest
