#include "guardd/ctl/doctor/subject.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <sstream>

#include "guardd/ctl/machine/config_lines.h"

namespace guard::doctor {
namespace {

constexpr std::size_t kMostAncestors = 64;
constexpr std::uint32_t kUnsetLoginUid = 0xffffffffU;

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc()) return std::nullopt;
  return value;
}

// The words of a line of /proc/PID/status, without its name.
std::vector<std::string> field(const std::string& status, const std::string& name) {
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + ':')) return machine::words_of(line.substr(name.size() + 1));
  return {};
}

std::optional<std::uint32_t> number_in(const std::string& status, const char* name,
                                       std::size_t at) {
  const auto words = field(status, name);
  return at < words.size() ? number(words[at]) : std::nullopt;
}

// The last unit in the path of a control group.
std::string unit_in(const std::string& text) {
  std::string unit;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, '/');) {
    part = part.substr(0, part.find('\n'));
    if (part.starts_with('_')) part.erase(0, 1);
    if (part.ends_with(".service") || part.ends_with(".scope")) unit = part;
  }
  return unit;
}

// Field 7 of stat(5), after the name in parentheses.
bool has_terminal(const Machine& machine) {
  const auto text = machine.text("/proc/self/stat");
  if (!text) return false;
  std::istringstream fields(text->substr(text->rfind(')') + 1));
  std::string skipped;
  int terminal = 0;
  fields >> skipped >> skipped >> skipped >> skipped >> terminal;
  return terminal != 0;
}

}  // namespace

OwnSubject::OwnSubject(const Machine& machine) : has_terminal_(has_terminal(machine)) {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
  if (!groups.empty() && ::getgroups(static_cast<int>(groups.size()), groups.data()) >= 0)
    for (const auto each : groups) groups_.push_back(Gid{each});
  std::string pid = "self";
  while (processes_.size() < kMostAncestors) {
    processes_.push_back(process(machine, pid));
    const auto status = machine.text("/proc/" + pid + "/status");
    const auto parent = status ? number_in(*status, "PPid", 0) : std::nullopt;
    if (!parent || *parent == 0) break;
    pid = std::to_string(*parent);
  }
  processes_.front().groups = groups_;
}

Process OwnSubject::process(const Machine& machine, const std::string& pid) {
  const auto directory = "/proc/" + pid;
  Process process;
  if (const auto status = machine.text(directory + "/status")) {
    if (const auto uid = number_in(*status, "Uid", 3)) process.uid = Uid{*uid};
    if (const auto gid = number_in(*status, "Gid", 3)) process.gid = Gid{*gid};
  }
  const auto text = machine.text(directory + "/loginuid");
  const auto login = text ? number(*text) : std::nullopt;
  if (login && *login != kUnsetLoginUid) process.login = Uid{*login};
  struct stat exe {};
  if (::stat((directory + "/exe").c_str(), &exe) == 0)
    process.exe = InodeId{exe.st_dev, exe.st_ino};
  if (const auto group = machine.text(directory + "/cgroup"))
    process.unit = units_.emplace_back(unit_in(*group));
  return process;
}

Subject OwnSubject::view() const {
  Subject subject;
  subject.self = processes_.front();
  subject.ancestors = std::span(processes_).subspan(1);
  subject.has_terminal = has_terminal_;
  return subject;
}

}  // namespace guard::doctor
