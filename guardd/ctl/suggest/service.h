// The user and the directories of a service, as its unit names them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "guardd/ctl/machine/unit_files.h"

namespace guard::suggest {

using machine::Machine;
using machine::Unit;

struct Place {
  std::string path;
  std::string why;  // "StateDirectory=shop"
  // systemd itself gives the directory to the service. Other directories count only if their
  // contents belong to the service, because it may merely read them.
  bool given = false;
  bool may_be_absent = false;  // if it does not exist, it is not mentioned
  bool is_guess = false;       // a default: if it is not the service's, it is not mentioned
};

// A place that gets no policy, and why.
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
  bool has_own_root = false;  // RootDirectory=: its paths are not those of the machine
  std::vector<Place> places;
  std::vector<Omission> left_out;
  std::vector<Words> commands;
  std::vector<std::string> logs_of_systemd;  // files that systemd opens for it, as root
  std::map<std::string, std::string> environment;
};

Service service_of(const Unit& unit, const Machine& machine);

}  // namespace guard::suggest
