#include "guardd/ctl/run_as/pty.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>

#include "guardd/ctl/run_as/session.h"

namespace guard::ctl {
namespace {

constexpr std::array kStreams{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
constexpr std::array kPassedOn{SIGHUP,  SIGINT,  SIGQUIT,  SIGTERM, SIGUSR1,
                               SIGUSR2, SIGTSTP, SIGWINCH, SIGCONT};

int heard = -1;  // where the handler writes which signal has come

void hear(int signal) {
  const int before = errno;
  const auto byte = static_cast<unsigned char>(signal);
  (void)!::write(heard, &byte, 1);
  errno = before;
}

void on_signal(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;  // no SA_RESTART: nobody waits for a terminal that is gone
  (void)::sigaction(signal, &action, nullptr);
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

Fd controlling_terminal() {
  return Fd(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
}

// What the real terminal is, and how it was found.
class RealTerminal {
 public:
  RealTerminal() : controlling_(controlling_terminal()) {
    for (const int stream : kStreams)
      if (fd_ < 0 && ::isatty(stream) == 1) fd_ = stream;
    if (controlling_) fd_ = controlling_.get();
    out_ = fd_;
    for (const int stream : {STDERR_FILENO, STDOUT_FILENO})
      if (::isatty(stream) == 1) out_ = stream;
    known_ = ::tcgetattr(fd_, &before_) == 0;
  }
  ~RealTerminal() { give_back(); }
  RealTerminal(const RealTerminal&) = delete;
  RealTerminal& operator=(const RealTerminal&) = delete;

  int fd() const { return fd_; }
  const termios& before() const { return before_; }
  bool is_taken() const { return taken_; }

  // Whose terminal it is not now is stopped if he touches it.
  bool is_ours() const {
    const auto group = ::tcgetpgrp(fd_);
    return group < 0 || group == ::getpgrp();
  }

  // From now on every key goes to the command, with what it means.
  void take() {
    if (taken_ || !known_ || ::tcgetattr(fd_, &before_) != 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    taken_ = ::tcsetattr(fd_, TCSADRAIN, &raw) == 0;
  }

  void give_back() {
    if (!taken_) return;
    taken_ = false;
    if (is_ours()) (void)::tcsetattr(fd_, TCSADRAIN, &before_);
  }

  // False: it is gone.
  bool show(std::string_view text, const bool& given_up) const {
    while (!text.empty()) {
      const auto wrote = ::write(out_, text.data(), text.size());
      if (wrote < 0 && (errno != EINTR || given_up)) return false;
      if (wrote > 0) text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }

  // Where there is no size, as on a serial line, none is passed on.
  void pass_size_to(int terminal) const {
    winsize size{};
    if (::ioctl(fd_, TIOCGWINSZ, &size) == 0) (void)::ioctl(terminal, TIOCSWINSZ, &size);
  }

 private:
  Fd controlling_;
  int fd_ = -1;
  int out_ = -1;
  termios before_{};
  bool known_ = false;
  bool taken_ = false;
};

struct Pipe {
  Fd from;
  Fd to;
};

Result<Pipe> make_pipe(int flags) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | flags) != 0) return Error::from_errno(errno, "pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

class Relay {
 public:
  Relay(Fd master, Fd reports, Fd signals, pid_t watching, RealTerminal& real)
      : master_(std::move(master)),
        reports_(std::move(reports)),
        signals_(std::move(signals)),
        watching_(watching),
        real_(real) {}

  // Passes on until the command has ended; what wait(2) says of it.
  Result<int> run();

 private:
  void tell(int what) const {
    sigval value{};
    value.sival_int = what;
    (void)::sigqueue(watching_, SIGUSR2, value);
  }
  void hear_signals();
  void read_keys();
  void write_keys();
  bool show_output();
  void stop_with(int signal);
  // True: the command has ended, and this is how.
  bool hear_report(Result<int>& ended);

  Fd master_;
  Fd reports_;
  Fd signals_;
  pid_t watching_;
  RealTerminal& real_;
  std::string keys_;  // that the command has not taken yet
  bool gone_ = false;
};

void Relay::hear_signals() {
  std::array<unsigned char, 64> buffer{};
  const auto got = ::read(signals_.get(), buffer.data(), buffer.size());
  for (ssize_t i = 0; i < got; ++i) {
    const int signal = buffer[static_cast<std::size_t>(i)];
    if (signal == SIGHUP) gone_ = true;
    if (signal == SIGWINCH || signal == SIGCONT)
      real_.pass_size_to(master_.get());  // whose processes are told by the kernel
    else
      tell(signal);
  }
}

void Relay::read_keys() {
  std::array<char, 4096> buffer{};
  const auto got = ::read(real_.fd(), buffer.data(), buffer.size());
  if (got > 0)
    keys_.append(buffer.data(), static_cast<std::size_t>(got));
  else if (got == 0 || (errno != EINTR && errno != EAGAIN))
    gone_ = true;
}

void Relay::write_keys() {
  const auto wrote = ::write(master_.get(), keys_.data(), keys_.size());
  if (wrote > 0)
    keys_.erase(0, static_cast<std::size_t>(wrote));
  else if (errno != EAGAIN && errno != EINTR)
    keys_.clear();
}

// False: nobody has the terminal of the command any more.
bool Relay::show_output() {
  std::array<char, std::size_t{16} << 10U> buffer{};
  const auto got = ::read(master_.get(), buffer.data(), buffer.size());
  if (got > 0 && !gone_ && !real_.show({buffer.data(), static_cast<std::size_t>(got)}, gone_))
    gone_ = true;
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

// As the shell wants it: with all that was started together. It is the shell that lets it go on.
void Relay::stop_with(int signal) {
  real_.give_back();
  on_signal(signal, SIG_DFL);
  (void)::kill(0, signal);
  if (signal == SIGTSTP) on_signal(signal, hear);
}

bool Relay::hear_report(Result<int>& ended) {
  int status = 0;
  const auto got = ::read(reports_.get(), &status, sizeof(status));
  if (got < 0 && errno == EINTR) return false;
  if (got != sizeof(status)) {
    ended = Error("the process that watched over the command was killed");
    return true;
  }
  if (!WIFSTOPPED(status)) {
    ended = status;
    return true;
  }
  const int signal = WSTOPSIG(status);
  const bool wants_terminal = signal == SIGTTIN || signal == SIGTTOU;
  if (!wants_terminal || !real_.is_ours()) stop_with(wants_terminal ? signal : SIGTSTP);
  if (real_.is_ours()) real_.take();
  real_.pass_size_to(master_.get());
  tell(SIGCONT | (real_.is_taken() ? kForeground : kBackground));
  return false;
}

Result<int> Relay::run() {
  // What is still to be shown when the command has ended; others may write without an end.
  constexpr int kLastPieces = 64;
  bool open = true;
  Result<int> ended = 0;
  for (;;) {
    const bool listens = real_.is_taken() && !gone_ && keys_.empty();
    const auto wanted = static_cast<short>(keys_.empty() ? POLLIN : POLLIN | POLLOUT);
    std::array<pollfd, 4> all{{{signals_.get(), POLLIN, 0},
                               {reports_.get(), POLLIN, 0},
                               {open ? master_.get() : -1, wanted, 0},
                               {listens ? real_.fd() : -1, POLLIN, 0}}};
    if (::poll(all.data(), all.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, "poll");
    }
    if (all[0].revents != 0) hear_signals();
    if ((all[2].revents & POLLOUT) != 0) write_keys();
    if ((all[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0) open = show_output();
    if (all[3].revents != 0) read_keys();
    if (all[1].revents != 0 && hear_report(ended)) break;
  }
  for (int i = 0; open && i < kLastPieces; ++i) {
    pollfd last{master_.get(), POLLIN, 0};
    open = ::poll(&last, 1, 0) == 1 && (last.revents & POLLIN) != 0 && show_output();
  }
  return ended;
}

Result<Fd> open_master() {
  Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0)
    return Error::from_errno(errno, "no terminal is to be had");
  return master;
}

// By the descriptor: a path could lead to another file system of terminals.
Result<Fd> open_for(Uid user, const Fd& master, const RealTerminal& real) {
  Fd own(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!own || ::fchown(own.get(), user.value, static_cast<gid_t>(-1)) != 0 ||
      ::fchmod(own.get(), 0600) != 0)
    return Error::from_errno(errno, "its terminal cannot be opened");
  auto settings = real.before();
  settings.c_lflag &= ~static_cast<tcflag_t>(TOSTOP);  // output goes on in the background
  (void)::tcsetattr(own.get(), TCSANOW, &settings);
  real.pass_size_to(own.get());
  return own;
}

}  // namespace

bool has_terminal() {
  return std::any_of(kStreams.begin(), kStreams.end(),
                     [](int stream) { return ::isatty(stream) == 1; }) ||
         static_cast<bool>(controlling_terminal());
}

Result<int> run_on_own_terminal(Uid user, const std::function<int()>& command) {
  RealTerminal real;
  GUARD_TRY(auto master, open_master());
  GUARD_TRY(auto own, open_for(user, master, real));
  GUARD_TRY(auto reports, make_pipe(0));
  GUARD_TRY(auto signals, make_pipe(O_NONBLOCK));
  heard = signals.to.get();
  std::signal(SIGCHLD, SIG_DFL);  // NOLINT(cert-err33-c): ignored, nobody could be waited for
  for (const int signal : kPassedOn)
    if (!is_ignored(signal)) on_signal(signal, hear);

  // A command that gets its input from elsewhere gets the terminal's when it asks for it.
  const bool foreground = ::isatty(STDIN_FILENO) == 1 && real.is_ours();
  const pid_t watching = ::fork();
  if (watching < 0) return Error::from_errno(errno, "fork");
  if (watching == 0) {
    master.reset();
    watch_command({std::move(own), std::move(reports.to), foreground, real.fd(), real.before()},
                  command);
  }
  own.reset();
  reports.to.reset();
  if (foreground) real.take();
  Relay relay(std::move(master), std::move(reports.from), std::move(signals.from), watching, real);
  const auto ended = relay.run();
  real.give_back();
  (void)::waitpid(watching, nullptr, 0);
  if (!ended) return ended.error();
  return WIFEXITED(*ended) ? WEXITSTATUS(*ended) : 128 + WTERMSIG(*ended);
}

}  // namespace guard::ctl
