#include "guardd/service/descriptor_store.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <systemd/sd-daemon.h>

#include "bpf/kept_link.h"
#include "guardd/host/files.h"
#include "policy/base/text.h"

namespace guard {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOurs = "guardd.";

}  // namespace

std::string format_descriptor_name(const DescriptorName& parts) {
  return std::string(kOurs) + std::to_string(parts.set) + "." + std::string(parts.name);
}

std::optional<DescriptorName> parse_descriptor_name(std::string_view text) {
  if (!text.starts_with(kOurs)) return std::nullopt;
  text.remove_prefix(kOurs.size());
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto set = parse_number<std::uint64_t>(text.substr(0, dot));
  const auto name = text.substr(dot + 1);
  if (!set || name.empty() || name.find_first_of("./") != std::string_view::npos)
    return std::nullopt;
  return DescriptorName{*set, name};
}

// ---- systemd

// systemd says how many it stores since version 254. Older versions may store some or none.
Room SystemdStore::room_for(std::size_t count) const {
  if (!std::getenv("NOTIFY_SOCKET")) return Room::kNo;
  const char* most = std::getenv("FDSTORE");
  if (!most) return Room::kUnknown;
  return parse_number<std::uint64_t>(most).value_or(0) >= count ? Room::kYes : Room::kNo;
}

std::vector<StoredDescriptor> SystemdStore::take_all() {
  std::vector<StoredDescriptor> all;
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(1, &names);
  for (int i = 0; i < count; ++i) {
    all.push_back({names[i], Fd(SD_LISTEN_FDS_START + i)});
    std::free(names[i]);  // NOLINT(cppcoreguidelines-no-malloc)
  }
  std::free(static_cast<void*>(names));  // NOLINT(cppcoreguidelines-no-malloc)
  return all;
}

// systemd sends no reply: it silently drops a descriptor that it has no room for.
Status SystemdStore::add(const std::string& name, int fd) {
  const auto state = "FDSTORE=1\nFDNAME=" + name + "\nFDPOLL=0";
  const int sent = sd_pid_notify_with_fds(0, 0, state.c_str(), &fd, 1);
  if (sent > 0) return {};
  return Error::from_errno(sent < 0 ? -sent : ENOTCONN, "store a descriptor in PID 1");
}

void SystemdStore::remove(const std::string& name) {
  (void)sd_notify(0, ("FDSTOREREMOVE=1\nFDNAME=" + name).c_str());
}

// PID 1 closes its end once it has read all messages before this one.
Fd SystemdStore::barrier() const {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return {};
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  if (sd_pid_notify_with_fds(0, 0, "BARRIER=1", &ends[1], 1) <= 0) return {};
  return ours;
}

// ---- a BPF file system

// Fails safe: another user who can write there could plant descriptors.
Status BpffsStore::check() const {
  const Fd directory(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct statfs system {};
  struct stat facts {};
  if (!directory || ::fstatfs(directory.get(), &system) != 0 ||
      ::fstat(directory.get(), &facts) != 0)
    return Error::from_errno(errno, path_);
  if (static_cast<std::uint32_t>(system.f_type) != BPF_FS_MAGIC)
    return Error(path_ + ": not on a BPF file system");
  if (!is_trusted(facts.st_uid, facts.st_mode))
    return Error(path_ + ": other users than root can write there");
  return {};
}

Room BpffsStore::room_for(std::size_t /*count*/) const {
  return path_.empty() ? Room::kNo : Room::kYes;
}

std::vector<StoredDescriptor> BpffsStore::take_all() {
  std::vector<StoredDescriptor> all;
  if (path_.empty() || !check()) return all;
  std::error_code ignored;
  for (const auto& directory : fs::directory_iterator(path_, ignored)) {
    const auto set = parse_number<std::uint64_t>(directory.path().filename().native());
    if (!set) continue;
    for (const auto& link : fs::directory_iterator(directory.path(), ignored)) {
      auto opened = open_pinned_link(link.path());
      all.push_back({format_descriptor_name({*set, link.path().filename().native()}),
                     opened ? *std::move(opened) : Fd()});
    }
  }
  return all;
}

Status BpffsStore::add(const std::string& name, int fd) {
  const auto parts = parse_descriptor_name(name);
  if (!parts) return Error(name + ": no descriptor can be stored under this name");
  if (!check_kept_link(fd)) return {};
  (void)::mkdir(path_.c_str(), 0700);
  GUARD_CHECK(check());
  const auto directory = path_ + "/" + std::to_string(parts->set);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return Error::from_errno(errno, directory);
  return pin_link(fd, directory + "/" + std::string(parts->name));
}

void BpffsStore::remove(const std::string& name) {
  const auto parts = parse_descriptor_name(name);
  if (!parts || !check()) return;
  const auto directory = path_ + "/" + std::to_string(parts->set);
  (void)::unlink((directory + "/" + std::string(parts->name)).c_str());
  (void)::rmdir(directory.c_str());  // works once it is empty
}

}  // namespace guard
