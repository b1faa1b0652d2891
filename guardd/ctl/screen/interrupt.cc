#include "guardd/ctl/screen/interrupt.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace guard::ctl {

Result<Fd> stop_requests() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  Fd stop(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!stop) return Error::from_errno(errno, "signalfd");
  return stop;
}

void end_by_signal(const Fd& requests) {
  signalfd_siginfo signal{};
  if (::read(requests.get(), &signal, sizeof signal) != sizeof signal) return;
  const int number = static_cast<int>(signal.ssi_signo);
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  if (::sigaction(number, &by_default, nullptr) != 0) return;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, number);
  if (::raise(number) == 0) sigprocmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace guard::ctl
