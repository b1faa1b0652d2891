// Unit files as systemd would put them together: search path, masks, aliases, instances, drop-ins.
//
// They are read here and not asked of the running systemd, because the same reader then also does
// for a machine that does not run, for one without a bus, and for tests; and nothing is waited for.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "policy/base/result.h"

namespace guard::suggest {

class Unit {
 public:
  explicit Unit(std::string name) : name_(std::move(name)) {}

  // With its instance and type: "postgresql@15-main.service".
  const std::string& name() const { return name_; }

  // The last value of a key; empty where there is none.
  std::string value(std::string_view section, std::string_view key) const;
  // All values; an empty one forgets those before it.
  std::vector<std::string> values(std::string_view section, std::string_view key) const;

  // A file more, which comes after those before.
  void add(std::string_view text);

 private:
  struct Setting {
    std::string section;
    std::string key;
    std::string value;
  };
  std::string name_;
  std::vector<Setting> settings_;
};

class UnitFiles {
 public:
  explicit UnitFiles(const Machine& machine) : machine_(machine) {}

  // "redis" is "redis-server.service", if that is what it is an alias of.
  Result<Unit> load(const std::string& name) const;

  // Services that something wants at boot, and those that have a control group now.
  std::set<std::string> enabled() const;
  std::set<std::string> running() const;
  // All there is a file of, templates included.
  std::vector<std::string> services() const;

 private:
  struct Found {
    std::string path;  // empty: there is no such file
    std::string name;  // the name behind an alias
    bool masked = false;
  };
  Found find(const std::string& name, int aliases = 0) const;
  std::vector<std::string> drop_ins(const std::string& name) const;
  void add_running(const std::string& group, int depth, std::set<std::string>& running) const;

  const Machine& machine_;
};

// "postgresql" of "postgresql@15-main.service", and "15-main".
std::string_view prefix_of(std::string_view unit);
std::string_view instance_of(std::string_view unit);

}  // namespace guard::suggest
