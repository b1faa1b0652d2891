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
constexpr std::array kForwarded{SIGHUP,  SIGINT,  SIGQUIT,  SIGTERM, SIGUSR1,
                                SIGUSR2, SIGTSTP, SIGWINCH, SIGCONT};

int signal_pipe = -1;  // the handler writes the signal here

void queue_signal(int signal) {
  const int before = errno;
  const auto byte = static_cast<unsigned char>(signal);
  (void)!::write(signal_pipe, &byte, 1);
  errno = before;
}

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;  // no SA_RESTART: a read from a lost terminal must end
  (void)::sigaction(signal, &action, nullptr);
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

Fd controlling_terminal() {
  return Fd(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
}

// The real terminal, and its original settings.
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
  ~RealTerminal() { restore(); }
  RealTerminal(const RealTerminal&) = delete;
  RealTerminal& operator=(const RealTerminal&) = delete;

  int fd() const { return fd_; }
  const termios& before() const { return before_; }
  bool is_raw() const { return raw_; }

  // A background process that uses the terminal is stopped.
  bool is_foreground() const {
    const auto group = ::tcgetpgrp(fd_);
    return group < 0 || group == ::getpgrp();
  }

  // From here on, every key goes to the command, even Ctrl-C.
  void set_raw() {
    if (raw_ || !known_ || ::tcgetattr(fd_, &before_) != 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    raw_ = ::tcsetattr(fd_, TCSADRAIN, &raw) == 0;
  }

  void restore() {
    if (!raw_) return;
    raw_ = false;
    if (is_foreground()) (void)::tcsetattr(fd_, TCSADRAIN, &before_);
  }

  // Returns false if the terminal is gone.
  bool show(std::string_view text, const bool& hung_up) const {
    while (!text.empty()) {
      const auto wrote = ::write(out_, text.data(), text.size());
      if (wrote < 0 && (errno != EINTR || hung_up)) return false;
      if (wrote > 0) text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }

  // A serial line has no size to copy.
  void copy_size_to(int terminal) const {
    winsize size{};
    if (::ioctl(fd_, TIOCGWINSZ, &size) == 0) (void)::ioctl(terminal, TIOCSWINSZ, &size);
  }

 private:
  Fd controlling_;
  int fd_ = -1;
  int out_ = -1;
  termios before_{};
  bool known_ = false;
  bool raw_ = false;
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

  // Relays until the command has ended. Returns its wait(2) status.
  Result<int> run();

 private:
  void send(int message) const {
    sigval value{};
    value.sival_int = message;
    (void)::sigqueue(watching_, SIGUSR2, value);
  }
  void read_signals();
  void read_keys();
  void write_keys();
  bool show_output();
  void stop_with(int signal);
  // Returns true once the command has ended.
  bool read_report(Result<int>& ended);

  Fd master_;
  Fd reports_;
  Fd signals_;
  pid_t watching_;
  RealTerminal& real_;
  std::string keys_;  // that the command has not read yet
  bool hung_up_ = false;
};

void Relay::read_signals() {
  std::array<unsigned char, 64> buffer{};
  const auto got = ::read(signals_.get(), buffer.data(), buffer.size());
  for (ssize_t i = 0; i < got; ++i) {
    const int signal = buffer[static_cast<std::size_t>(i)];
    if (signal == SIGHUP) hung_up_ = true;
    if (signal == SIGWINCH || signal == SIGCONT)
      real_.copy_size_to(master_.get());  // the kernel sends SIGWINCH there
    else
      send(signal);
  }
}

void Relay::read_keys() {
  std::array<char, 4096> buffer{};
  const auto got = ::read(real_.fd(), buffer.data(), buffer.size());
  if (got > 0)
    keys_.append(buffer.data(), static_cast<std::size_t>(got));
  else if (got == 0 || (errno != EINTR && errno != EAGAIN))
    hung_up_ = true;
}

void Relay::write_keys() {
  const auto wrote = ::write(master_.get(), keys_.data(), keys_.size());
  if (wrote > 0)
    keys_.erase(0, static_cast<std::size_t>(wrote));
  else if (errno != EAGAIN && errno != EINTR)
    keys_.clear();
}

// Returns false once no process has the terminal of the command open.
bool Relay::show_output() {
  std::array<char, std::size_t{16} << 10U> buffer{};
  const auto got = ::read(master_.get(), buffer.data(), buffer.size());
  if (got > 0 && !hung_up_ && !real_.show({buffer.data(), static_cast<std::size_t>(got)}, hung_up_))
    hung_up_ = true;
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

// Stops the whole job, as the shell expects. The shell continues it.
void Relay::stop_with(int signal) {
  real_.restore();
  set_handler(signal, SIG_DFL);
  (void)::kill(0, signal);
  if (signal == SIGTSTP) set_handler(signal, queue_signal);
}

bool Relay::read_report(Result<int>& ended) {
  int status = 0;
  const auto got = ::read(reports_.get(), &status, sizeof(status));
  if (got < 0 && errno == EINTR) return false;
  if (got != sizeof(status)) {
    ended = Error("the process that watched the command was killed");
    return true;
  }
  if (!WIFSTOPPED(status)) {
    ended = status;
    return true;
  }
  const int signal = WSTOPSIG(status);
  const bool wants_terminal = signal == SIGTTIN || signal == SIGTTOU;
  if (!wants_terminal || !real_.is_foreground()) stop_with(wants_terminal ? signal : SIGTSTP);
  if (real_.is_foreground()) real_.set_raw();
  real_.copy_size_to(master_.get());
  send(SIGCONT | (real_.is_raw() ? kForeground : kBackground));
  return false;
}

Result<int> Relay::run() {
  // How many more reads after the command has ended; other processes could write forever.
  constexpr int kLastPieces = 64;
  bool open = true;
  Result<int> ended = 0;
  for (;;) {
    const bool listens = real_.is_raw() && !hung_up_ && keys_.empty();
    const auto wanted = static_cast<short>(keys_.empty() ? POLLIN : POLLIN | POLLOUT);
    std::array<pollfd, 4> all{{{signals_.get(), POLLIN, 0},
                               {reports_.get(), POLLIN, 0},
                               {open ? master_.get() : -1, wanted, 0},
                               {listens ? real_.fd() : -1, POLLIN, 0}}};
    if (::poll(all.data(), all.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, "poll");
    }
    if (all[0].revents != 0) read_signals();
    if ((all[2].revents & POLLOUT) != 0) write_keys();
    if ((all[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0) open = show_output();
    if (all[3].revents != 0) read_keys();
    if (all[1].revents != 0 && read_report(ended)) break;
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
    return Error::from_errno(errno, "cannot create a terminal");
  return master;
}

// Opens it by the descriptor: its path could belong to another devpts.
Result<Fd> open_for(Uid user, const Fd& master, const RealTerminal& real) {
  Fd own(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!own || ::fchown(own.get(), user.value, static_cast<gid_t>(-1)) != 0 ||
      ::fchmod(own.get(), 0600) != 0)
    return Error::from_errno(errno, "cannot open the terminal of the command");
  auto settings = real.before();
  settings.c_lflag &= ~static_cast<tcflag_t>(TOSTOP);  // background output is allowed
  (void)::tcsetattr(own.get(), TCSANOW, &settings);
  real.copy_size_to(own.get());
  return own;
}

}  // namespace

bool has_terminal() {
  return std::any_of(kStreams.begin(), kStreams.end(),
                     [](int stream) { return ::isatty(stream) == 1; }) ||
         static_cast<bool>(controlling_terminal());
}

Result<int> run_on_new_terminal(Uid user, const std::function<int()>& command) {
  RealTerminal real;
  GUARD_TRY(auto master, open_master());
  GUARD_TRY(auto own, open_for(user, master, real));
  GUARD_TRY(auto reports, make_pipe(0));
  GUARD_TRY(auto signals, make_pipe(O_NONBLOCK));
  signal_pipe = signals.to.get();
  std::signal(SIGCHLD, SIG_DFL);  // NOLINT(cert-err33-c): if ignored, waitpid fails
  for (const int signal : kForwarded)
    if (!is_ignored(signal)) set_handler(signal, queue_signal);

  // A command with its input from a pipe gets the terminal when it reads from it.
  const bool foreground = ::isatty(STDIN_FILENO) == 1 && real.is_foreground();
  const pid_t watching = ::fork();
  if (watching < 0) return Error::from_errno(errno, "fork");
  if (watching == 0) {
    master.reset();
    watch_command({std::move(own), std::move(reports.to), foreground, real.fd(), real.before()},
                  command);
  }
  own.reset();
  reports.to.reset();
  if (foreground) real.set_raw();
  Relay relay(std::move(master), std::move(reports.from), std::move(signals.from), watching, real);
  const auto ended = relay.run();
  real.restore();
  (void)::waitpid(watching, nullptr, 0);
  if (!ended) return ended.error();
  return WIFEXITED(*ended) ? WEXITSTATUS(*ended) : 128 + WTERMSIG(*ended);
}

}  // namespace guard::ctl
