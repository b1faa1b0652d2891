// The main function of root tests. Before the first test it enters a private mount namespace, and a
// pid namespace that ends, with all its processes, when the tests end or take too long.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace guard::test {

// A program that takes longer says by how much.
unsigned extra_seconds();
[[gnu::weak]] unsigned extra_seconds() {
  return 0;
}

}  // namespace guard::test

namespace {

constexpr unsigned kDeadlineSeconds = 100;

void require(bool done, const char* what) {
  if (!done) {
    std::perror(what);
    std::_Exit(EXIT_FAILURE);
  }
}

int exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Waits for one child, and reaps the orphans of the namespace.
int reap_until(pid_t child) {
  for (;;) {
    int status = 0;
    const pid_t ended = wait(&status);
    require(ended > 0, "wait");
    if (ended == child && (WIFEXITED(status) || WIFSIGNALED(status))) {
      return exit_status(status);
    }
  }
}

// Forks: the parent exits with the child's status, and the child does not outlive the parent.
void continue_in_child() {
  const pid_t child = fork();
  require(child >= 0, "fork");
  if (child > 0) {
    std::_Exit(reap_until(child));
  }
  require(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
}

void enter_namespaces() {
  const bool is_slow =
      getenv("GUARD_KERNEL") != nullptr;  // software emulation, which has a deadline of its own
  // Ends the outer process, and with it everything inside.
  alarm((is_slow ? kDeadlineSeconds * 6 : kDeadlineSeconds) + guard::test::extra_seconds());
  require(unshare(CLONE_NEWNS | CLONE_NEWPID) == 0, "unshare");
  require(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make mounts private");
  // The first process of the namespace ignores signals such as abort's, so the tests run in
  // another.
  continue_in_child();
  require(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0,
          "mount /proc");
  continue_in_child();
  // As below a login shell, each program that a test runs is a command of its own.
  require(prctl(PR_SET_NAME, "login") == 0, "prctl");
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (geteuid() == 0 && !GTEST_FLAG_GET(list_tests)) {
    enter_namespaces();
  }
  return RUN_ALL_TESTS();
}
