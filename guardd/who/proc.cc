#include "guardd/who/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <charconv>
#include <climits>
#include <cstring>
#include <string_view>
#include <utility>

#include "guardd/host/files.h"
#include "guardd/who/labels.h"
#include "guardd/who/traced_process.h"

namespace guard {
namespace {

constexpr std::size_t kUsual = 2048;
constexpr std::size_t kMost = 16384;  // of any file but this; far more than groups take
constexpr std::size_t kMostEnvironment = 65536;

std::optional<std::string> contents(const Fd& directory, const char* name) {
  const Fd file(::openat(directory.get(), name, O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text(kUsual, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0) return std::nullopt;
    size += static_cast<std::size_t>(got);
    if (size < text.size()) break;  // /proc returns everything that fits at once
    if (size == kUsual) text.resize(kMost);
  }
  text.resize(size);
  return text;
}

std::optional<std::string> link_target(const Fd& directory, const char* name) {
  std::array<char, PATH_MAX> target{};
  const auto size = ::readlinkat(directory.get(), name, target.data(), target.size());
  if (size <= 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(size));
}

template <typename Number>
std::optional<Number> number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// The value of a line of /proc/PID/status.
std::string_view field(std::string_view status, std::string_view name) {
  for (std::size_t at = 0; at < status.size();) {
    const auto line = status.substr(at, status.find('\n', at) - at);
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':')
      return line.substr(name.size() + 1);
    at += line.size() + 1;
  }
  return {};
}

std::optional<ProcStat> read_stat(const Fd& directory) {
  const auto text = contents(directory, "stat");
  return text ? parse_stat(*text) : std::nullopt;
}

// Converts the encoding of user space to that of the kernel.
std::uint32_t kernel_device(std::uint32_t shown) {
  const auto major = (shown & 0xfff00) >> 8;
  const auto minor = (shown & 0xff) | ((shown >> 12) & 0xfff00);
  return major << 20 | minor;
}

bool read_status(const Fd& directory, Snapshot& out) {
  const auto text = contents(directory, "status");
  return text && parse_status(*text, out);
}

std::optional<std::uint32_t> read_set_number(const Fd& directory, const char* name) {
  const auto text = contents(directory, name);
  if (!text) return std::nullopt;
  std::string_view rest(*text);
  const auto value = number<std::uint32_t>(rest);
  return value == kUnset ? std::nullopt : value;
}

// A kernel thread or a process that is exiting has neither.
std::shared_ptr<const Image> read_image(const Fd& directory) {
  Image image;
  image.exe = link_target(directory, "exe");
  struct stat facts {};
  const bool found = ::fstatat(directory.get(), "exe", &facts, 0) == 0;
  if (found) image.id = InodeId{facts.st_dev, facts.st_ino};
  constexpr std::string_view kDeleted = " (deleted)";
  if (image.exe && found && facts.st_nlink == 0 && image.exe->ends_with(kDeleted))
    image.exe->resize(image.exe->size() - kDeleted.size());
  const auto arguments = contents(directory, "cmdline").value_or("");
  image.cmdline = command_line(arguments, arguments.size());
  if (image.exe && found && is_trusted(facts.st_uid, facts.st_mode))
    image.labels = labels_of(*image.exe, arguments);
  if (!image.exe && !image.cmdline) return nullptr;
  return std::make_shared<const Image>(std::move(image));
}

std::optional<std::string> read_group(const Fd& directory) {
  const auto text = contents(directory, "cgroup");
  const auto found = text ? parse_cgroup(*text) : std::nullopt;
  return found ? std::optional(std::string(*found)) : std::nullopt;
}

}  // namespace

// A name can contain anything, so the other fields begin after the last parenthesis.
std::optional<ProcStat> parse_stat(std::string_view text) {
  const auto close = text.rfind(')');
  if (close == std::string_view::npos || close + 3 >= text.size()) return std::nullopt;
  ProcStat stat;
  stat.state = text[close + 2];
  auto rest = text.substr(close + 3);
  for (int index = 4; index <= 22; ++index) {  // counted as in proc(5)
    const auto value = number<std::int64_t>(rest);
    if (!value) return std::nullopt;
    if (index == 4) stat.parent = static_cast<std::int32_t>(*value);
    if (index == 7) stat.tty = static_cast<std::uint32_t>(*value);
    if (index == 22) stat.start = static_cast<std::uint64_t>(*value) * kTick;
  }
  return stat;
}

StatusIds ids_in(std::string_view status) {
  StatusIds ids;
  auto group = field(status, "Tgid");
  ids.group = number<std::int32_t>(group);
  // Each: real, effective, saved, of the file system.
  auto uids = field(status, "Uid");
  if (const auto uid = number<std::uint32_t>(uids)) ids.uid = Uid{*uid};
  if (const auto euid = number<std::uint32_t>(uids)) ids.euid = Uid{*euid};
  (void)number<std::uint32_t>(uids);
  if (const auto fsuid = number<std::uint32_t>(uids)) ids.fsuid = Uid{*fsuid};
  auto gids = field(status, "Gid");
  (void)number<std::uint32_t>(gids);
  if (const auto egid = number<std::uint32_t>(gids)) ids.egid = Gid{*egid};
  (void)number<std::uint32_t>(gids);
  if (const auto fsgid = number<std::uint32_t>(gids)) ids.fsgid = Gid{*fsgid};
  return ids;
}

bool parse_status(std::string_view text, Snapshot& out) {
  const auto ids = ids_in(text);
  if (ids.group != out.pid) return false;  // a thread, or invalid
  const auto state = field(text, "State");
  if (state.find('Z') != std::string_view::npos || state.find('X') != std::string_view::npos)
    return false;
  auto name = field(text, "Name");
  name.remove_prefix(std::min(name.find_first_not_of('\t'), name.size()));
  out.comm = std::string(name);
  out.uid = ids.uid;
  out.euid = ids.euid;
  out.fsuid = ids.fsuid;
  out.gid = ids.fsgid;
  out.egid = ids.egid;
  auto groups = field(text, "Groups");
  while (const auto gid = number<std::uint32_t>(groups)) out.groups.push_back(Gid{*gid});
  return true;
}

std::optional<std::string_view> parse_cgroup(std::string_view text) {
  std::optional<std::string_view> found;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto path = line.substr(std::min(line.find('/'), line.size()));
    if (line.starts_with("0::") && (!found || path != "/")) found = path;
    if (line.find(":name=systemd:") != std::string_view::npos && (!found || *found == "/"))
      found = path;
  }
  return found;
}

std::optional<Snapshot> Proc::read_ids(std::int32_t pid) const {
  const auto directory = open(pid);
  if (!directory) return std::nullopt;
  const auto stat = read_stat(directory);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  Snapshot out;
  out.pid = pid;
  out.start = stat->start;
  out.parent = stat->parent;
  out.tty = kernel_device(stat->tty);
  if (const auto login = read_set_number(directory, "loginuid")) {
    out.login = Uid{*login};
    out.session = read_set_number(directory, "sessionid");  // the kernel sets both or none
  }
  // Last: a process that is still alive was alive while the rest was read. All of it is the same
  // process, because the directory belongs to the process that it was opened for.
  if (!read_status(directory, out)) return std::nullopt;
  return out;
}

std::optional<ProcessFacts> Proc::read_facts(std::int32_t pid, std::uint64_t start,
                                             bool wants_image) const {
  const auto directory = open(pid);
  const auto stat = directory ? read_stat(directory) : std::nullopt;
  if (!stat || !same_start(stat->start, start)) return std::nullopt;
  ProcessFacts facts;
  facts.cwd = link_target(directory, "cwd");
  facts.cgroup = read_group(directory);
  if (wants_image) facts.image = read_image(directory);
  Snapshot last;
  last.pid = pid;
  if (!read_status(directory, last)) return std::nullopt;
  facts.comm = last.comm.value_or("");
  return facts;
}

std::string Proc::read_environment(std::int32_t pid, std::uint64_t start) const {
  const auto directory = open(pid);
  const Fd file(directory ? ::openat(directory.get(), "environ", O_RDONLY | O_CLOEXEC) : -1);
  // The open file belongs to the process that had this number: check that it is still the same.
  const auto stat = file ? read_stat(directory) : std::nullopt;
  if (!stat || !same_start(stat->start, start)) return {};
  std::string text(kMostEnvironment, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

Fd Proc::open(std::int32_t pid) const {
  const auto path = root_ + "/" + std::to_string(pid);
  return Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

std::optional<ProcStat> Proc::stat_of_living(std::int32_t pid) const {
  const auto directory = open(pid);
  auto stat = directory ? read_stat(directory) : std::nullopt;
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return stat;
}

std::optional<std::uint64_t> Proc::start_of(std::int32_t pid) const {
  const auto stat = stat_of_living(pid);
  return stat ? std::optional(stat->start) : std::nullopt;
}

std::optional<std::uint32_t> Proc::terminal_of(std::int32_t pid, std::uint64_t start) const {
  const auto stat = stat_of_living(pid);
  if (!stat || stat->tty == 0 || !same_start(stat->start, start)) return std::nullopt;
  return kernel_device(stat->tty);
}

std::vector<std::int32_t> Proc::pids() const {
  std::vector<std::int32_t> pids;
  const Handle<DIR, ::closedir> directory(::opendir(root_.c_str()));
  while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr) {
    std::string_view name(entry->d_name);
    const auto pid = number<std::int32_t>(name);
    if (pid && *pid > 0 && name.empty()) pids.push_back(*pid);
  }
  return pids;
}

std::string terminal_name(std::uint32_t device, const std::string& sys) {
  const auto major = device >> 20;
  const auto minor = device & 0xfffff;
  if (major >= 136 && major <= 143) return "pts/" + std::to_string((major - 136) * 256 + minor);
  const auto number = std::to_string(major) + ":" + std::to_string(minor);
  const Fd root(::open(sys.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto target = link_target(root, ("dev/char/" + number).c_str());
  return target ? target->substr(target->rfind('/') + 1) : number;
}

}  // namespace guard
