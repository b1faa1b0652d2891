#include "tests/model/loops.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <thread>

#include "tests/model/acts.h"

namespace guard::test {
namespace {

using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

void swap(const Words& words) {
  (void)::renameat2(AT_FDCWD, words.at(1).c_str(), AT_FDCWD, words.at(2).c_str(), RENAME_EXCHANGE);
}

void spin(const Words& words) {
  if (::rename(words.at(1).c_str(), words.at(2).c_str()) != 0) return;
  (void)::rename(words.at(3).c_str(), words.at(1).c_str());
  ::_exit(0);
}

void relink(const Words& words) {
  const char* const name = words.at(2).c_str();
  const auto up = words.at(2).find('/') == words.at(2).rfind('/') ? "../" : "../../";
  (void)::unlink(name);
  (void)::symlink((up + words.at(1)).c_str(), name);
  (void)::unlink(name);
  (void)::link(words.at(1).c_str(), name);
}

void flip(const Words& words) {
  static open_how how{};
  static const std::jthread flipper([] {
    volatile auto& flags = how.flags;
    for (;;) {
      flags = O_RDONLY | O_CLOEXEC;
      flags = O_RDONLY | O_CLOEXEC | O_CREAT;
      flags = O_RDONLY | O_CLOEXEC | O_CREAT | O_EXCL;
    }
  });
  const auto file = ::syscall(SYS_openat2, AT_FDCWD, words.at(1).c_str(), &how, sizeof how);
  if (file >= 0) ::close(static_cast<int>(file));
}

std::function<void(const Words&)> loop_of(const Step& step) {
  const auto& operation = step.words.at(0);
  if (operation == "swap") return swap;
  if (operation == "spin") return spin;
  if (operation == "relink") return relink;
  if (operation == "flip") return flip;
  return nullptr;
}

}  // namespace

bool is_loop(const Step& step) {
  return loop_of(step) != nullptr;
}

pid_t start_loop(const Step& step) {
  const auto turn = loop_of(step);
  const auto until = Clock::now() + std::chrono::milliseconds(number(step.words.back()));
  const pid_t child = ::fork();
  if (child != 0) return child;
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (Clock::now() < until) turn(step.words);
  ::_exit(0);
}

}  // namespace guard::test
