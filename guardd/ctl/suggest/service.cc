#include "guardd/ctl/suggest/service.h"

#include <algorithm>

#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/suggest/specifiers.h"

namespace guard::suggest {
namespace {

using machine::is_yes;
using machine::lines_of;
using machine::stripped;
using machine::words_of;

constexpr std::string_view kService = "Service";

class Reader {
 public:
  Reader(const Unit& unit, const Machine& machine) : unit_(unit), machine_(machine) {
    service_.unit = unit.name();
  }

  Service read() {
    service_.user = one("User");
    service_.group = one("Group");
    if (service_.user == "root" || service_.user == "0") service_.user.clear();
    service_.is_dynamic = is_yes(one("DynamicUser"));
    service_.has_own_root = !one("RootDirectory").empty() || !one("RootImage").empty();
    directories("StateDirectory", "/var/lib/");
    directories("CacheDirectory", "/var/cache/");
    directories("LogsDirectory", "/var/log/");
    runtime_directories();
    working_directory();
    writable_paths("ReadWritePaths");
    writable_paths("ReadWriteDirectories");
    outputs("StandardOutput");
    outputs("StandardError");
    read_environment();
    read_commands();
    return std::move(service_);
  }

 private:
  std::string one(std::string_view key) { return expand(unit_.value(kService, key)).value_or(""); }

  std::optional<std::string> expand(const std::string& text) {
    auto value = expanded(text, unit_.name(), machine_);
    if (!value) service_.left_out.push_back({text, "only systemd knows its value"});
    return value;
  }

  // Splits first: a specifier never adds a word.
  Words words(std::string_view key) {
    Words all;
    for (const auto& word : unit_.words(kService, key))
      if (auto whole = expand(word)) all.push_back(*std::move(whole));
    return all;
  }

  void directories(std::string_view key, const std::string& above) {
    for (const auto& word : words(key)) {
      const auto name = word.substr(0, word.find(':'));  // "name:link"
      service_.places.push_back({above + name, std::string(key) + "=" + name, true, false, false});
    }
  }

  void runtime_directories() {
    for (const auto& word : words("RuntimeDirectory")) {
      service_.left_out.push_back(
          {"/run/" + word.substr(0, word.find(':')),
           "RuntimeDirectory= is created at each start, so wrong owners there do not last"});
    }
  }

  void working_directory() {
    auto path = one("WorkingDirectory");
    if (path.starts_with('-')) path.erase(0, 1);
    if (path.starts_with('/'))
      service_.places.push_back({path, "WorkingDirectory=", false, false, false});
    if (path != "~" || service_.user.empty()) return;
    service_.left_out.push_back(
        {"WorkingDirectory=~", "a home directory may hold more than the files of the service"});
  }

  void writable_paths(std::string_view key) {
    for (auto path : words(key)) {
      const bool may_be_absent = path.starts_with('-');
      path.erase(0, std::min(path.find_first_not_of("-+"), path.size()));
      if (path.starts_with('/'))
        service_.places.push_back({path, std::string(key) + "=", false, may_be_absent, false});
    }
  }

  // "append:/var/log/shop.log"
  void outputs(std::string_view key) {
    const auto value = one(key);
    for (const std::string_view kind : {"file:", "append:", "truncate:"})
      if (value.starts_with(kind)) service_.logs_of_systemd.push_back(value.substr(kind.size()));
  }

  void set_variable(const std::string& assignment) {
    const auto equals = assignment.find('=');
    if (equals != std::string::npos)
      service_.environment[assignment.substr(0, equals)] = assignment.substr(equals + 1);
  }

  void read_environment() {
    for (const auto& assignment : words("Environment")) set_variable(assignment);
    for (const auto& value : unit_.values(kService, "EnvironmentFile")) {
      auto path = expand(value).value_or("");
      if (path.starts_with('-')) path.erase(0, 1);
      const auto text = machine_.text(path);
      if (!text) continue;
      for (const auto line : lines_of(*text)) {
        const auto said = stripped(line);
        const auto equals = said.find('=');
        if (said.starts_with('#') || said.starts_with(';') || equals == said.npos) continue;
        const auto assigned = said.substr(equals + 1);
        const auto split = words_of(assigned);
        if (split.empty() && !assigned.empty()) continue;  // an open quote
        std::string joined;
        for (const auto& word : split) joined += (joined.empty() ? "" : " ") + word;
        service_.environment[std::string(stripped(said.substr(0, equals)))] = joined;
      }
    }
  }

  // "$NAME" as a whole word becomes all the words of its value, "${NAME}" a part of one word.
  void substitute(const std::string& word, Words& command) {
    if (word.starts_with('$') && word.size() > 1 && word[1] != '{' && word[1] != '$') {
      const auto known = service_.environment.find(word.substr(1));
      if (known == service_.environment.end()) return;
      for (auto& part : words_of(known->second)) command.push_back(std::move(part));
      return;
    }
    std::string whole;
    for (std::size_t at = 0; at < word.size();) {
      const auto end = word.find('}', at);
      if (word.compare(at, 2, "${") == 0 && end != std::string::npos) {
        const auto known = service_.environment.find(word.substr(at + 2, end - at - 2));
        if (known != service_.environment.end()) whole += known->second;
        at = end + 1;
      } else {
        whole += word[at++];
      }
    }
    command.push_back(std::move(whole));
  }

  void read_commands() {
    for (const auto& value : unit_.values(kService, "ExecStart")) {
      Words command;
      for (const auto& word : words_of(value)) {
        if (word == ";") {
          add_command(std::move(command));
          command.clear();
        } else if (const auto whole = expanded(word, unit_.name(), machine_)) {
          substitute(*whole, command);
        }
      }
      add_command(std::move(command));
    }
  }

  void add_command(Words command) {
    if (command.empty()) return;
    auto& program = command.front();
    const auto prefixes = std::min(program.find_first_not_of("@-:+!|"), program.size());
    const bool names_itself = program.substr(0, prefixes).find('@') != std::string::npos;
    program.erase(0, prefixes);
    if (names_itself && command.size() > 1) command.erase(command.begin() + 1);
    service_.commands.push_back(std::move(command));
  }

  const Unit& unit_;
  const Machine& machine_;
  Service service_;
};

}  // namespace

Service service_of(const Unit& unit, const Machine& machine) {
  return Reader(unit, machine).read();
}

}  // namespace guard::suggest
