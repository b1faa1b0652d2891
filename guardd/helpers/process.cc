#include "guardd/helpers/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>

namespace guard {
namespace {

// The helpers of this process; 0: a free place. More than all pools have.
std::array<std::atomic<pid_t>, 64> helpers;

// How many places were ever used: few, and asked about with every event.
std::atomic<std::size_t> used_places;

auto end_of_used() {
  const auto used = std::min(used_places.load(std::memory_order_relaxed), helpers.size());
  return helpers.begin() + static_cast<std::ptrdiff_t>(used);
}

bool replace(pid_t before, pid_t after) {
  return before != after && std::any_of(helpers.begin(), end_of_used(), [=](auto& each) {
           pid_t expected = before;
           return each.compare_exchange_strong(expected, after);
         });
}

// Between fork() and exec, where only system calls are safe: guardd has other threads. The helper
// gets the channel, and standard error for what its C library has to say; nothing else. An empty
// environment keeps the sockets of the service manager from it.
[[noreturn]] void become(int program, int socket, const char* name) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  (void)::sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int source = ::fcntl(program, F_DUPFD_CLOEXEC, kHelperSocket + 1);
  const int end = ::fcntl(socket, F_DUPFD_CLOEXEC, kHelperSocket + 1);
  if (null < 0 || source < 0 || end < 0 || ::dup2(null, STDIN_FILENO) < 0 ||
      ::dup2(null, STDOUT_FILENO) < 0 || ::dup2(end, kHelperSocket) < 0 ||
      ::syscall(SYS_close_range, kHelperSocket + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) != 0)
    ::_exit(127);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): exec does not change it
  const std::array<char*, 2> arguments{const_cast<char*>(name), nullptr};
  const std::array<char*, 1> environment{nullptr};
  (void)::syscall(SYS_execveat, source, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
  ::_exit(127);
}

void note(pid_t helper) {
  if (replace(0, helper)) return;
  if (const auto place = used_places.fetch_add(1); place < helpers.size()) helpers[place] = helper;
}

}  // namespace

Result<HelperProcess> HelperProcess::start(const HelperRole& role) {
  // The link means the running program, even if an upgrade has replaced its file.
  const Fd program(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
  if (!program) return Error::from_errno(errno, "open guardd's own program");
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return Error::from_errno(errno, "make a channel to a helper process");
  Fd socket(ends[0]);
  const Fd end(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return Error::from_errno(errno, "start a helper process");
  if (pid == 0) become(program.get(), end.get(), role.name);
  note(pid);
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  HelperProcess process(std::move(socket), pid, std::move(pidfd));
  if (process.pidfd() < 0) return Error::from_errno(errno, "watch a helper process");
  return process;
}

HelperProcess::~HelperProcess() {
  kill();
  (void)replace(pid_, 0);
}

bool HelperProcess::is_one(pid_t process) {
  return process > 0 && std::any_of(helpers.begin(), end_of_used(), [=](const auto& each) {
           return each.load(std::memory_order_relaxed) == process;
         });
}

void HelperProcess::kill() {
  socket_.reset();
  if (pid_ > 0) (void)::kill(pid_, SIGKILL);
}

bool HelperProcess::reap() {
  if (pid_ <= 0 || ::waitpid(pid_, nullptr, WNOHANG) == 0) return pid_ <= 0;
  (void)replace(std::exchange(pid_, 0), 0);
  return true;
}

}  // namespace guard
