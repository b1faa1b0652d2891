// What tests of opens that wait for permission share: a tree with two files of its owner's.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {

class PermissionTest : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    as_app("umask 027; echo right > $T/conf; mkdir $T/dir; echo a > $T/dir/a");
  }
  std::filesystem::path at(const char* name) const { return tree_ / name; }
  void settings(const std::string& text) {
    const auto file = root() / "guardd.toml";
    std::ofstream(file) << text;
    options_ = {"--config", file.string()};
  }
  // 0 or errno.
  int error_of(const char* name, int flags) const {
    const Fd file(::open(at(name).c_str(), flags | O_CLOEXEC, 0640));
    return file ? 0 : errno;
  }
  int error_of_app(const char* name, int flags) const { return error_as(kApp, name, flags); }
  int error_as(uid_t user, const char* name, int flags) const {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0) ::_exit(255);
      ::_exit(error_of(name, flags));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string text(const char* name) const {
    std::ifstream in(at(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Json last(const char* name, const std::string& action) const {
    Json found;
    EXPECT_TRUE(eventually([&] {
      for (const auto& each : violations(at(name)))
        if (each["action"] == action) found = each;
      return !found.is_null();
    })) << name
        << " " << action;
    return found;
  }
  bool disappears(const char* name) const {
    return eventually(
        [&] { return !std::filesystem::exists(std::filesystem::symlink_status(at(name))); });
  }
};

}  // namespace guard::test
