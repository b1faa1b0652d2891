#include "tests/root/call_recorder.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace guard::test {
namespace {

// A call, and where its path is. Those with a path as their first argument have no directory.
struct WatchedCall {
  int number;
  int path;
};
constexpr std::array kCalls{
    WatchedCall{SYS_openat, 1},     WatchedCall{SYS_openat2, 1},    WatchedCall{SYS_newfstatat, 1},
    WatchedCall{SYS_statx, 1},      WatchedCall{SYS_readlinkat, 1}, WatchedCall{SYS_faccessat, 1},
    WatchedCall{SYS_faccessat2, 1},
#ifdef SYS_open
    WatchedCall{SYS_open, 0},       WatchedCall{SYS_stat, 0},       WatchedCall{SYS_lstat, 0},
    WatchedCall{SYS_readlink, 0},   WatchedCall{SYS_access, 0},
#endif
};

int install() {
  std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (std::size_t i = 0; i < kCalls.size(); ++i)
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(kCalls[i].number),
                              static_cast<unsigned char>(kCalls.size() - i), 0));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return static_cast<int>(
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

std::string text_at(pid_t thread, std::uint64_t address) {
  const Fd memory(
      ::open(("/proc/" + std::to_string(thread) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, PATH_MAX> text{};
  auto size = ::pread(memory.get(), text.data(), text.size() - 1, static_cast<off_t>(address));
  if (size < 0)  // it is at the end of a mapping
    size = ::pread(memory.get(), text.data(), 4096 - address % 4096, static_cast<off_t>(address));
  return {text.data(),
          ::strnlen(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)))};
}

std::string directory_of(pid_t thread, int fd) {
  if (fd == AT_FDCWD) return {};
  std::error_code error;
  return std::filesystem::read_symlink(
             "/proc/" + std::to_string(thread) + "/fd/" + std::to_string(fd), error)
      .string();
}

bool is_forbidden(std::string_view path, pid_t own) {
  if (!path.starts_with("/proc/")) return false;
  path.remove_prefix(6);
  const auto process = path.substr(0, path.find('/'));
  if (process.find_first_not_of("0123456789") != process.npos || process == std::to_string(own))
    return false;
  const auto name = path.substr(path.rfind('/') + 1);
  constexpr std::array<std::string_view, 5> kNames{"exe", "cmdline", "cwd", "environ", "mem"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace

CallRecorder::~CallRecorder() {
  if (thread_.joinable()) thread_.join();  // at the end of the last watched process
}

pid_t CallRecorder::start(const std::vector<std::string>& command, const std::string& output) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT
  arguments.push_back(nullptr);
  int said[2];
  int go[2];
  if (::pipe2(said, O_CLOEXEC) != 0 || ::pipe2(go, O_CLOEXEC) != 0) return -1;
  daemon_ = ::fork();
  if (daemon_ == 0) {
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    (void)::dup2(file, STDOUT_FILENO);
    const int listener = install();
    (void)!::write(said[1], &listener, sizeof listener);
    char byte = 0;
    (void)!::read(go[0], &byte, 1);
    ::close(listener);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  int listener = -1;
  (void)!::read(said[0], &listener, sizeof listener);
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, daemon_, 0)));
  listener_ = Fd(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), listener, 0)));
  thread_ = std::thread([this] { run(); });
  (void)!::write(go[1], "x", 1);
  for (const int each : {said[0], said[1], go[0], go[1]}) ::close(each);
  return listener_ ? daemon_ : -1;
}

void CallRecorder::run() {
  for (;;) {
    pollfd polled{listener_.get(), POLLIN, 0};
    if (::poll(&polled, 1, -1) < 0 || (polled.revents & POLLIN) == 0) return;
    seccomp_notif asked{};
    if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) continue;
    look(static_cast<pid_t>(asked.pid), asked.data.nr,
         reinterpret_cast<const std::uint64_t*>(asked.data.args));  // NOLINT
    seccomp_notif_resp answer{};
    answer.id = asked.id;
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    (void)::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
}

void CallRecorder::look(pid_t thread, int call, const std::uint64_t* arguments) {
  if (process_of(thread) != daemon_) return;
  const auto* watched = std::find_if(kCalls.begin(), kCalls.end(),
                                     [&](const WatchedCall& each) { return each.number == call; });
  auto path = text_at(thread, arguments[watched->path]);
  if (!path.starts_with('/') && watched->path == 1)
    path = directory_of(thread, static_cast<int>(arguments[0])) + "/" + path;
  const std::lock_guard lock(mutex_);
  ++watched_;
  if (is_forbidden(path, daemon_)) forbidden_.push_back(std::to_string(call) + " " + path);
}

// A thread number is not used again while the daemon runs for a test.
pid_t CallRecorder::process_of(pid_t thread) {
  const auto known = processes_.find(thread);
  if (known != processes_.end()) return known->second;
  std::ifstream status("/proc/" + std::to_string(thread) + "/status");
  pid_t process = -1;
  for (std::string line; std::getline(status, line);)
    if (std::sscanf(line.c_str(), "Tgid: %d", &process) == 1) break;  // NOLINT
  processes_[thread] = process;
  return process;
}

std::vector<std::string> CallRecorder::forbidden() {
  const std::lock_guard lock(mutex_);
  return forbidden_;
}

unsigned CallRecorder::watched() {
  const std::lock_guard lock(mutex_);
  return watched_;
}

}  // namespace guard::test
