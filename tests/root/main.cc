// The main function of root tests. It leaves the machine behind before the first test: a mount
// namespace where nothing spreads back, and a process namespace that ends, with all that is in it,
// when the tests end or take too long.
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

// Waits for one child, and for the orphans that come our way as the first process of the namespace.
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

// Forks; the parent ends with the status of the child, the child goes on and does not outlive the
// parent.
void go_on_in_child() {
  const pid_t child = fork();
  require(child >= 0, "fork");
  if (child > 0) {
    std::_Exit(reap_until(child));
  }
  require(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
}

void leave_the_machine() {
  const bool is_slow =
      getenv("GUARD_KERNEL") != nullptr;  // software emulation; it has a deadline itself
  alarm(is_slow ? kDeadlineSeconds * 6
                : kDeadlineSeconds);  // ends the process outside, and with it everything inside
  require(unshare(CLONE_NEWNS | CLONE_NEWPID) == 0, "unshare");
  require(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make mounts private");
  go_on_in_child();  // as the first process of the namespace, which is deaf to signals such as
                     // abort's
  require(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0,
          "mount /proc");
  go_on_in_child();
  // What the tests call are commands of their own, as below a login; not parts of one.
  require(prctl(PR_SET_NAME, "login") == 0, "prctl");
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (geteuid() == 0 && !GTEST_FLAG_GET(list_tests)) {
    leave_the_machine();
  }
  return RUN_ALL_TESTS();
}
