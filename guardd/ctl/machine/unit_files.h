// Reads unit files the way systemd combines them: search path, masks, aliases, instances, drop-ins.
//
// Does not ask the running systemd: the same reader serves a machine in a directory, a machine
// without a bus, and tests, and it never waits.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "policy/base/result.h"

namespace guard::machine {

struct UnitLine {
  std::string section;
  std::string key;
  std::string value;
  std::string file;
  std::size_t line = 0;

  std::string place() const { return file + ':' + std::to_string(line); }
};

class Unit {
 public:
  explicit Unit(std::string name) : name_(std::move(name)) {}

  // With its instance and type: "postgresql@15-main.service".
  const std::string& name() const { return name_; }

  // The last line that sets a key; null if there is none.
  const UnitLine* last(std::string_view section, std::string_view key) const;
  // The last value of a key; empty if there is none.
  std::string value(std::string_view section, std::string_view key) const;
  // All values of a key; an empty one clears those before it.
  std::vector<std::string> values(std::string_view section, std::string_view key) const;
  // The words of all values.
  std::vector<std::string> words(std::string_view section, std::string_view key) const;

  // Adds a file, which comes after those already added.
  void add(std::string_view text, const std::string& file);

 private:
  std::string name_;
  std::vector<UnitLine> lines_;
};

class UnitFiles {
 public:
  explicit UnitFiles(const Machine& machine) : machine_(machine) {}

  // Resolves aliases: "redis.service" may load "redis-server.service". Fails with ENOENT if there
  // is no such unit, with EPERM if it is masked.
  Result<Unit> load(const std::string& name) const;
  // Every service that can be loaded, under its own name only; templates included.
  std::vector<Unit> load_all() const;

  // Services that are started at boot, and those that have a control group now.
  std::set<std::string> enabled() const;
  std::set<std::string> running() const;
  // The names of all service files, templates and aliases included.
  std::vector<std::string> services() const;

 private:
  struct UnitPath {
    std::string path;  // empty: there is no such file
    std::string name;  // after aliases
    bool masked = false;
  };
  UnitPath find(const std::string& name, int aliases = 0) const;
  std::vector<std::string> drop_ins(const std::string& name) const;
  void add_running(const std::string& group, int depth, std::set<std::string>& running) const;

  const Machine& machine_;
};

// "postgresql" of "postgresql@15-main.service", and "15-main".
std::string_view prefix_of(std::string_view unit);
std::string_view instance_of(std::string_view unit);

}  // namespace guard::machine
