#include "guardd/permission/crash_release.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "guardd/permission/group.h"

namespace guard {
namespace {

constexpr std::array kFatal{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};
std::array<struct sigaction, kFatal.size()> previous;

// Then the previous handler runs.
void close_groups(int signal) {
  PermissionGroup::close_all();
  for (std::size_t i = 0; i < kFatal.size(); ++i)
    if (kFatal.at(i) == signal) (void)::sigaction(signal, &previous.at(i), nullptr);
  (void)::raise(signal);
}

}  // namespace

void release_opens_on_fatal_signals() {
  struct sigaction action {};
  action.sa_handler = close_groups;
  action.sa_flags = SA_NODEFER | SA_ONSTACK;
  for (std::size_t i = 0; i < kFatal.size(); ++i)
    (void)::sigaction(kFatal.at(i), &action, &previous.at(i));
}

void release_opens_and_die(const char* why) noexcept {
  PermissionGroup::close_all();
  (void)!::write(STDERR_FILENO, "guardd: ", 8);
  (void)!::write(STDERR_FILENO, why, std::strlen(why));
  (void)!::write(STDERR_FILENO, "\n", 1);
  // No core dump: it would wait for the thread that is stuck.
  (void)::kill(::getpid(), SIGKILL);
  ::_exit(EXIT_FAILURE);
}

}  // namespace guard
