// guardd shows a message on the terminal of a user who works as root in the tree of a service.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A shell on a terminal of its own, without echo.
class Shell {
 public:
  Shell() {
    int slave = -1;
    int master = -1;
    if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) return;
    master_ = Fd(master);
    const Fd terminal(slave);
    (void)::fcntl(master, F_SETFD, FD_CLOEXEC);
    (void)::fchmod(slave, 0620);
    std::array<int, 2> typed{-1, -1};
    if (::pipe2(typed.data(), O_CLOEXEC) != 0) return;
    const Fd read_end(typed[0]);
    typed_ = Fd(typed[1]);
    pid_ = ::fork();
    if (pid_ != 0) return;
    (void)::setsid();
    (void)::ioctl(slave, TIOCSCTTY, 0);
    (void)::dup2(read_end.get(), 0);
    (void)::dup2(slave, 1);
    (void)::dup2(slave, 2);
    ::execl("/bin/sh", "sh", nullptr);
    ::_exit(127);
  }
  ~Shell() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  void type(const std::string& command) const {
    const auto line = command + "\n";
    ASSERT_EQ(::write(typed_.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }

  // The output so far.
  const std::string& screen() {
    pollfd waits{master_.get(), POLLIN, 0};
    std::array<char, 4096> piece{};
    while (::poll(&waits, 1, 0) > 0) {
      const auto size = ::read(master_.get(), piece.data(), piece.size());
      if (size <= 0) break;
      screen_.append(piece.data(), static_cast<std::size_t>(size));
    }
    return screen_;
  }

 private:
  Fd master_;
  Fd typed_;
  pid_t pid_ = -1;
  std::string screen_;
};

class Tell : public DaemonTest {
 protected:
  // The terminal output of a command that creates files in $T.
  std::string seen_after(const std::string& command, const std::string& last) {
    Shell shell;
    shell.type(command);
    EXPECT_TRUE(eventually([&] { return !violations(tree_ / last).empty(); }));
    let_settle();
    return shell.screen();
  }
};
GUARD_ON_EVERY_FS(Tell);

TEST_P(Tell, OneLineOnTheTerminalOfTheUser) {
  guard_app("fix");
  start();
  const auto seen = seen_after("> $T/a", "a");
  EXPECT_THAT(seen, StartsWith("\r\r\nguardd: " + (tree_ / "a").string() + " should belong to "));
  EXPECT_THAT(seen, HasSubstr("guardd fixed it"));
  EXPECT_THAT(seen, HasSubstr("Instead, use: guardctl exec app -- sh"));
}

TEST_P(Tell, OneLineForAllChangesOfACommand) {
  guard_app("log");
  start();
  const auto seen = seen_after("for i in a b c d e f; do > $T/$i; done", "f");
  EXPECT_THAT(seen, HasSubstr("guardd only logged it"));
  EXPECT_EQ(std::count(seen.begin(), seen.end(), '\n'), 2) << seen;
}

TEST_P(Tell, ThroughTheShellAfterTheCommandHasEnded) {
  guard_app("fix");
  start();
  const auto seen = seen_after("touch $T/a", "a");
  if (!violations(tree_ / "a").front().contains("lineage"))
    GTEST_SKIP() << "the ancestors of the command are unknown";
  EXPECT_THAT(seen, HasSubstr("Instead, use: sudo setpriv --reuid=4242 "));
}

TEST_P(Tell, NothingIfThePolicyDoesNotWantIt) {
  guard_app("fix", "50ms", "tell = false");
  start();
  EXPECT_EQ(seen_after("> $T/a", "a"), "");
}

TEST_P(Tell, NothingOnATerminalWithoutMessages) {
  guard_app("fix");
  start();
  EXPECT_EQ(seen_after("chmod 0600 /proc/self/fd/1; > $T/a", "a"), "");
}

}  // namespace
}  // namespace guard::test
