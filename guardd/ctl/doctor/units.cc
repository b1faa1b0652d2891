#include "guardd/ctl/doctor/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace guard::doctor {
namespace {

const std::vector<std::string> kDirectories{"/etc/systemd/system", "/run/systemd/system",
                                            "/usr/local/lib/systemd/system",
                                            "/usr/lib/systemd/system", "/lib/systemd/system"};

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

void add_lines(const Machine& machine, const std::string& file, Unit& unit) {
  const auto lines = machine.lines(file);
  if (!lines) return;
  std::string section;
  std::string whole;
  std::size_t first = 0;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const auto text = trimmed((*lines)[i]);
    if (text.starts_with('#') || text.starts_with(';')) continue;
    if (whole.empty()) first = i + 1;
    whole += text;
    if (whole.ends_with('\\')) {
      whole.back() = ' ';
      continue;
    }
    const auto line = std::exchange(whole, {});
    const auto equals = line.find('=');
    if (line.starts_with('[') && line.ends_with(']'))
      section = line.substr(1, line.size() - 2);
    else if (equals != std::string::npos)
      unit.lines.push_back({section, trimmed(line.substr(0, equals)),
                            trimmed(line.substr(equals + 1)), file, first});
  }
}

std::string file_of(const Machine& machine, const std::string& name) {
  for (const auto& directory : kDirectories) {
    auto file = fmt::format("{}/{}", directory, name);
    if (machine.is_there(file) || machine.is_masked(file)) return file;
  }
  return {};
}

}  // namespace

const UnitLine* Unit::last(std::string_view section, std::string_view key) const {
  const auto found = std::find_if(lines.rbegin(), lines.rend(), [&](const UnitLine& line) {
    return line.section == section && line.key == key;
  });
  return found == lines.rend() ? nullptr : &*found;
}

std::vector<std::string> Unit::all(std::string_view section, std::string_view key) const {
  std::vector<std::string> values;
  for (const auto& line : lines) {
    if (line.section != section || line.key != key) continue;
    if (line.value.empty()) values.clear();
    for (auto& word : words_of(line.value)) values.push_back(std::move(word));
  }
  return values;
}

Unit read_unit(const Machine& machine, const std::string& name) {
  Unit unit;
  unit.name = name;
  const auto file = file_of(machine, name);
  if (file.empty() || machine.is_masked(file)) return unit;
  add_lines(machine, file, unit);
  std::vector<std::string> drop_ins;
  drop_ins.reserve(kDirectories.size());
  for (const auto& directory : kDirectories)
    drop_ins.push_back(fmt::format("{}/{}.d", directory, name));
  for (const auto& each : machine.merged(drop_ins, ".conf")) add_lines(machine, each, unit);
  return unit;
}

std::vector<std::string> service_names(const Machine& machine) {
  std::set<std::string> names;
  for (const auto& path : machine.merged(kDirectories, ".service")) {
    const auto name = path.substr(path.rfind('/') + 1);
    const auto target = machine.target_of(path);
    const bool is_alias = !target.empty() && target.substr(target.rfind('/') + 1) != name;
    if (!is_alias) names.insert(name);
  }
  return {names.begin(), names.end()};
}

bool is_yes(std::string_view value) {
  constexpr std::array<std::string_view, 5> kWords{"yes", "true", "on", "1", "y"};
  return std::find(kWords.begin(), kWords.end(), value) != kWords.end();
}

bool is_no(std::string_view value) {
  constexpr std::array<std::string_view, 5> kWords{"no", "false", "off", "0", "n"};
  return value.empty() || std::find(kWords.begin(), kWords.end(), value) != kWords.end();
}

}  // namespace guard::doctor
