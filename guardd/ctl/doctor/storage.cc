#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <charconv>

#include "guardd/ctl/doctor/checks.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

constexpr std::uint64_t kMega = std::uint64_t{1} << 20U;
constexpr std::uint64_t kDefaultSize = 1024;  // megabytes

std::string megabytes(std::uint64_t bytes) {
  return std::to_string(bytes / kMega) + " MB";
}

// max_size of the settings, in megabytes. guardd itself reports invalid settings.
std::uint64_t maximum_size(const Machine& machine) {
  const auto lines = machine.lines("/etc/guardd/guardd.toml");
  if (!lines) return kDefaultSize;
  for (const auto& line : *lines) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line.compare(begin, 8, "max_size") != 0) continue;
    const auto digit = line.find_first_of("0123456789", begin);
    if (digit == std::string::npos) continue;
    std::uint64_t number = 0;
    const auto end = std::from_chars(line.data() + digit, line.data() + line.size(), number).ptr;
    const char unit = end == line.data() + line.size() ? 'B' : *end;
    if (unit == 'T') return number << 20U;
    if (unit == 'G') return number << 10U;
    if (unit == 'M') return number;
    return unit == 'K' ? number >> 10U : number / kMega;
  }
  return kDefaultSize;
}

void check_state(Group& group, const Machine& machine, const StateFacts& state) {
  const auto shown = escaped(state.path);
  constexpr const char* kWhy =
      "it holds what must survive a crash, the previous owners of fixed files, and the audit trail";
  if (state.error == ENOENT)
    return group.warn("state", shown + " does not exist", kWhy,
                      "systemctl restart guardd creates it; by hand: install -d -m 0700 " + shown);
  if (state.error != 0)
    return group.skip("state", state.path, Error::from_errno(state.error, shown));
  if (state.uid != 0 || (state.mode & 022U) != 0)
    group.fail("state", shown + " is writable by users other than root",
               "these users can make guardd restore wrong owners",
               "chown root:root " + shown + " && chmod 0700 " + shown);
  else if (state.read_only)
    group.fail("state", shown + " is on a file system that is mounted read-only", kWhy,
               "mount it writable, or move it with --state-dir");
  else
    group.ok("state", shown + " belongs to root and is writable", kWhy);
  const auto used = state.trail_bytes.value_or(0);
  const auto maximum = maximum_size(machine) * kMega;
  const auto growth = maximum > used ? maximum - used : 0;
  if (state.free_bytes < 16 * kMega)
    group.fail("space", megabytes(state.free_bytes) + " are free in " + shown, kWhy,
               "free some space, or set max_size in [audit] of /etc/guardd/guardd.toml");
  else if (state.free_bytes < growth)
    group.warn("space",
               megabytes(state.free_bytes) + " are free in " + shown +
                   ", and the audit trail may grow by " + megabytes(growth),
               "when the disk is full, guardd cannot record incidents and fixes any more",
               "free some space, or set max_size in [audit] of /etc/guardd/guardd.toml");
  else
    group.ok("space", megabytes(state.free_bytes) + " are free in " + shown, kWhy);
}

void check_journal(Group& group, const Machine& machine) {
  std::string storage = "auto";
  auto files =
      machine.merged({"/etc/systemd/journald.conf.d", "/run/systemd/journald.conf.d",
                      "/usr/local/lib/systemd/journald.conf.d", "/usr/lib/systemd/journald.conf.d"},
                     ".conf");
  files.insert(files.begin(), "/etc/systemd/journald.conf");
  for (const auto& file : files)
    if (const auto lines = machine.lines(file))
      for (const auto& line : *lines)
        if (line.starts_with("Storage=")) storage = line.substr(8);
  if (!machine.is_there("/run/systemd/journal") && !machine.is_there("/var/log/journal"))
    return group.skip("journal", "there is no journal on this machine");
  constexpr const char* kWhy =
      "guardd's messages in the journal are lost at a reboot; guardctl incidents still has them";
  if (storage == "volatile" || storage == "none")
    return group.warn("journal", "the journal is not persistent: Storage=" + storage, kWhy,
                      "write Storage=persistent in /etc/systemd/journald.conf");
  if (machine.is_there("/var/log/journal") || storage == "persistent")
    return group.ok("journal", "the journal is persistent");
  group.warn("journal", "the journal does not survive a reboot: there is no /var/log/journal", kWhy,
             "mkdir -p /var/log/journal && systemctl restart systemd-journald");
}

}  // namespace

StateFacts look_at_state(const std::string& path) {
  StateFacts facts;
  facts.path = path;
  struct stat directory {};
  struct statvfs system {};
  if (::stat(path.c_str(), &directory) < 0 || ::statvfs(path.c_str(), &system) < 0) {
    facts.error = errno;
    return facts;
  }
  facts.uid = directory.st_uid;
  facts.mode = directory.st_mode;
  facts.read_only = (system.f_flag & ST_RDONLY) != 0;
  facts.free_bytes = std::uint64_t{system.f_bavail} * system.f_frsize;
  struct stat trail {};
  if (::stat((path + "/audit.db").c_str(), &trail) == 0)
    facts.trail_bytes = static_cast<std::uint64_t>(trail.st_size);
  return facts;
}

Checks storage_checks(const Machine& machine, const StateFacts& state) {
  Group group("storage");
  check_state(group, machine, state);
  check_journal(group, machine);
  return group.take();
}

}  // namespace guard::doctor
