#include "guardd/ctl/run_as/session.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace guard::ctl {
namespace {

constexpr int kMessage = SIGUSR2;
constexpr int kParentEnded = SIGUSR1;  // from the kernel
constexpr int kCannotStart = 125;      // as env(1)

void obey(const Session& session, pid_t command, int message) {
  if ((message & kForeground) != 0) (void)::tcsetpgrp(session.own.get(), command);
  if ((message & kBackground) != 0) (void)::tcsetpgrp(session.own.get(), ::getpgrp());
  if ((message & kSignalMask) != 0) (void)::kill(-command, message & kSignalMask);
}

[[noreturn]] void abandon(const Session& session, pid_t command) {
  if (session.real >= 0) (void)::tcsetattr(session.real, TCSANOW, &session.before);
  (void)::kill(-command, SIGHUP);
  (void)::kill(-command, SIGCONT);
  ::_exit(kCannotStart);
}

// Returns false once the command has ended.
bool report(const Session& session, pid_t command) {
  int status = 0;
  while (::waitpid(command, &status, WNOHANG | WUNTRACED) == command) {
    const bool ended = !WIFSTOPPED(status);
    // Its background processes must not get a SIGHUP for the terminal.
    if (ended) (void)::tcsetpgrp(session.own.get(), ::getpgrp());
    (void)!::write(session.reports.get(), &status, sizeof(status));
    if (ended) return false;
  }
  return true;
}

}  // namespace

void watch_command(Session session, const std::function<int()>& command) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);  // NOLINT(concurrency-mt-unsafe): one thread
  std::signal(SIGCHLD, SIG_DFL);              // NOLINT(cert-err33-c): if ignored, it never arrives
  (void)::prctl(PR_SET_PDEATHSIG, kParentEnded);
  if (::setsid() < 0 || ::ioctl(session.own.get(), TIOCSCTTY, 0) != 0) ::_exit(kCannotStart);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::isatty(stream) == 1 && ::dup2(session.own.get(), stream) < 0) ::_exit(kCannotStart);

  const pid_t child = ::fork();
  if (child < 0) ::_exit(kCannotStart);
  if (child == 0) {
    (void)::setpgid(0, 0);
    if (session.foreground) (void)::tcsetpgrp(session.own.get(), ::getpid());
    ::sigprocmask(SIG_SETMASK, &before, nullptr);  // NOLINT(concurrency-mt-unsafe)
    ::_exit(command());
  }
  for (;;) {
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&all, &info);
    if (signal == kParentEnded && info.si_code != SI_QUEUE) abandon(session, child);
    if (signal == kMessage && info.si_code == SI_QUEUE)
      obey(session, child, info.si_value.sival_int);
    if (!report(session, child)) ::_exit(0);
  }
}

}  // namespace guard::ctl
