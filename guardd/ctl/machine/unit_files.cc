#include "guardd/ctl/machine/unit_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "guardd/ctl/machine/config_lines.h"
#include "policy/base/text.h"

namespace guard::machine {
namespace {

constexpr std::string_view kType = ".service";

// As systemd-analyze(1) unit-paths prints them, highest priority first.
constexpr std::array<const char*, 13> kSearchPath{
    "/etc/systemd/system.control",   "/run/systemd/system.control",  "/run/systemd/transient",
    "/run/systemd/generator.early",  "/etc/systemd/system",          "/etc/systemd/system.attached",
    "/run/systemd/system",           "/run/systemd/system.attached", "/run/systemd/generator",
    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",      "/lib/systemd/system",
    "/run/systemd/generator.late"};

std::string base_name(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string template_of(std::string_view unit) {
  return std::string(prefix_of(unit)) + "@" + std::string(kType);
}

bool is_instance(std::string_view unit) {
  return unit.find('@') != std::string_view::npos && !instance_of(unit).empty();
}

}  // namespace

std::string_view prefix_of(std::string_view unit) {
  const auto stem = unit.substr(0, unit.rfind('.'));
  return stem.substr(0, stem.find('@'));
}

std::string_view instance_of(std::string_view unit) {
  const auto stem = unit.substr(0, unit.rfind('.'));
  const auto at = stem.find('@');
  return at == std::string_view::npos ? std::string_view() : stem.substr(at + 1);
}

void Unit::add(std::string_view text, const std::string& file) {
  std::string section;
  std::string joined;
  std::size_t number = 0;
  std::size_t first = 0;  // of the lines that are joined
  const auto finish = [&] {
    const auto whole = stripped(joined);
    if (whole.starts_with('[') && whole.ends_with(']')) {
      section = whole.substr(1, whole.size() - 2);
    } else if (const auto equals = whole.find('='); equals != std::string_view::npos) {
      lines_.push_back({section, std::string(stripped(whole.substr(0, equals))),
                        std::string(stripped(whole.substr(equals + 1))), file, first});
    }
    joined.clear();
  };
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (const auto raw : lines_of(text)) {
    ++number;
    const auto piece = stripped(raw);
    // A comment does not end the lines that a backslash joins.
    if (piece.starts_with('#') || piece.starts_with(';')) continue;
    if (joined.empty()) first = number;
    joined += piece;
    if (joined.ends_with('\\') && !piece.empty()) {
      joined.back() = ' ';
    } else {
      finish();
    }
  }
  finish();
}

const UnitLine* Unit::last(std::string_view section, std::string_view key) const {
  const auto found = std::find_if(lines_.rbegin(), lines_.rend(), [&](const UnitLine& line) {
    return line.section == section && line.key == key;
  });
  return found == lines_.rend() ? nullptr : &*found;
}

std::string Unit::value(std::string_view section, std::string_view key) const {
  const auto* line = last(section, key);
  return line ? line->value : std::string();
}

std::vector<std::string> Unit::values(std::string_view section, std::string_view key) const {
  std::vector<std::string> values;
  for (const auto& line : lines_) {
    if (line.section != section || line.key != key) continue;
    if (line.value.empty())
      values.clear();
    else
      values.push_back(line.value);
  }
  return values;
}

std::vector<std::string> Unit::words(std::string_view section, std::string_view key) const {
  std::vector<std::string> words;
  for (const auto& value : values(section, key))
    for (auto& word : words_of(value)) words.push_back(std::move(word));
  return words;
}

UnitFiles::UnitPath UnitFiles::find(const std::string& name, int aliases) const {
  constexpr int kMostAliases = 8;
  UnitPath found{"", name, false};
  std::vector<std::string> candidates{name};
  if (is_instance(name)) candidates.push_back(template_of(name));
  std::string alias;
  for (const auto& candidate : candidates) {
    for (const auto* directory : kSearchPath) {
      const auto path = std::string(directory) + "/" + candidate;
      const auto target = machine_.link(path);
      if (!target && !machine_.is_there(path)) continue;
      found.path = path;
      if (target) alias = base_name(*target);
      break;
    }
    if (!found.path.empty()) break;
  }
  if (alias == "null") found.masked = true;
  if (!alias.ends_with(kType) || alias == base_name(found.path)) return found;
  // An alias of a template keeps the instance.
  if (const auto at = alias.find("@."); at != std::string::npos)
    alias.insert(at + 1, instance_of(name));
  if (alias == name || aliases == kMostAliases) return found;
  auto behind = find(alias, aliases + 1);
  // A link may also lead to a file outside the search path.
  if (!behind.path.empty()) return behind;
  found.name = alias;
  return found;
}

std::vector<std::string> UnitFiles::drop_ins(const std::string& name) const {
  std::vector<std::string> units{name};
  if (is_instance(name)) units.push_back(template_of(name));
  // "a-b-c.service" also has the drop-ins of "a-b-.service" and "a-.service".
  const std::string prefix(prefix_of(name));
  const std::string end =
      name.find('@') == std::string::npos ? std::string(kType) : "@" + std::string(kType);
  for (auto dash = prefix.rfind('-'); dash != std::string::npos && dash > 0;
       dash = prefix.rfind('-', dash - 1))
    units.push_back(prefix.substr(0, dash + 1) + end);
  units.emplace_back("service");

  std::vector<std::string> directories;
  for (const auto& unit : units)
    for (const auto* directory : kSearchPath)
      directories.push_back(fmt::format("{}/{}.d", directory, unit));
  return machine_.merged(directories, ".conf");
}

Result<Unit> UnitFiles::load(const std::string& name) const {
  const auto found = find(name);
  if (found.masked) return Error(quote(name) + " is masked", EPERM);
  if (found.path.empty()) return Error("there is no unit " + quote(name), ENOENT);
  GUARD_TRY(const auto text, machine_.text(found.path));
  if (stripped(text).empty()) return Error(quote(name) + " is masked", EPERM);
  Unit unit(found.name);
  unit.add(text, found.path);
  for (const auto& path : drop_ins(found.name))
    if (const auto more = machine_.text(path)) unit.add(*more, path);
  return unit;
}

std::vector<Unit> UnitFiles::load_all() const {
  std::vector<Unit> units;
  for (const auto& name : services())
    if (auto unit = load(name); unit && unit->name() == name) units.push_back(*std::move(unit));
  return units;
}

std::set<std::string> UnitFiles::enabled() const {
  std::set<std::string> enabled;
  for (const auto* directory : kSearchPath) {
    for (const auto& links : machine_.names(directory)) {
      if (!links.ends_with(".wants") && !links.ends_with(".requires")) continue;
      for (auto name : machine_.names(std::string(directory) + "/" + links)) {
        // A timer or a socket starts the service of the same name.
        for (const std::string_view starter : {".timer", ".socket", ".path"})
          if (name.ends_with(starter)) name.replace(name.rfind('.'), name.npos, kType);
        if (name.ends_with(kType)) enabled.insert(name);
      }
    }
  }
  return enabled;
}

void UnitFiles::add_running(const std::string& group, int depth,
                            std::set<std::string>& running) const {
  constexpr int kDeepest = 6;
  for (const auto& name : machine_.names(group)) {
    if (name.ends_with(kType)) running.insert(name);
    if (name.ends_with(".slice") && name != "user.slice" && depth < kDeepest)
      add_running(fmt::format("{}/{}", group, name), depth + 1, running);
  }
}

std::set<std::string> UnitFiles::running() const {
  std::set<std::string> running;
  if (!machine_.is_running()) return running;
  for (const auto* hierarchy :
       {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"})
    add_running(hierarchy, 0, running);
  return running;
}

std::vector<std::string> UnitFiles::services() const {
  std::set<std::string> services;
  for (const auto* directory : kSearchPath)
    for (const auto& name : machine_.names(directory))
      if (name.ends_with(kType)) services.insert(name);
  return {services.begin(), services.end()};
}

}  // namespace guard::machine
