#include "guardd/ctl/run_as/session.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace guard::ctl {
namespace {

constexpr int kToldSomething = SIGUSR2;
constexpr int kAlone = SIGUSR1;  // the process that started this one has ended
constexpr int kLost = 125;       // as env(1) says it: nothing could be started

void pass_on(const Session& session, pid_t command, int what) {
  if ((what & kForeground) != 0) (void)::tcsetpgrp(session.own.get(), command);
  if ((what & kBackground) != 0) (void)::tcsetpgrp(session.own.get(), ::getpgrp());
  if ((what & kSignalMask) != 0) (void)::kill(-command, what & kSignalMask);
}

[[noreturn]] void leave_alone(const Session& session, pid_t command) {
  if (session.real >= 0) (void)::tcsetattr(session.real, TCSANOW, &session.before);
  (void)::kill(-command, SIGHUP);
  (void)::kill(-command, SIGCONT);
  ::_exit(kLost);
}

// False: it has ended.
bool report(const Session& session, pid_t command) {
  int status = 0;
  while (::waitpid(command, &status, WNOHANG | WUNTRACED) == command) {
    const bool ended = !WIFSTOPPED(status);
    // What it has left in the background must not be told that the terminal is gone.
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
  std::signal(SIGCHLD, SIG_DFL);  // NOLINT(cert-err33-c): ignored, it would tell nothing
  (void)::prctl(PR_SET_PDEATHSIG, kAlone);
  if (::setsid() < 0 || ::ioctl(session.own.get(), TIOCSCTTY, 0) != 0) ::_exit(kLost);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::isatty(stream) == 1 && ::dup2(session.own.get(), stream) < 0) ::_exit(kLost);

  const pid_t child = ::fork();
  if (child < 0) ::_exit(kLost);
  if (child == 0) {
    (void)::setpgid(0, 0);
    if (session.foreground) (void)::tcsetpgrp(session.own.get(), ::getpid());
    ::sigprocmask(SIG_SETMASK, &before, nullptr);  // NOLINT(concurrency-mt-unsafe)
    ::_exit(command());
  }
  for (;;) {
    siginfo_t told{};
    const int signal = ::sigwaitinfo(&all, &told);
    if (signal == kAlone && told.si_code != SI_QUEUE) leave_alone(session, child);
    if (signal == kToldSomething && told.si_code == SI_QUEUE)
      pass_on(session, child, told.si_value.sival_int);
    if (!report(session, child)) ::_exit(0);
  }
}

}  // namespace guard::ctl
