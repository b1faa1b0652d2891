// What guardd suggests to run instead is pasted into a shell, and finds the right owner.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

class Advice : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    guard_app("log");
    start();
  }

  // Runs the script as root, removes what it made, pastes the advice from another directory, and
  // expects the owner's file.
  void expect_useful(const std::string& script, const std::string& file) {
    SCOPED_TRACE(script);
    as_root(script + "; sleep 0.2; true");
    const auto path = tree_ / file;
    ASSERT_TRUE(eventually([&] { return !violations(path).empty(); }));
    const auto incident = violations(path).front()["incident"];
    std::string instead;
    ASSERT_TRUE(eventually([&] {
      for (const auto& each : of_type("incident"))
        if (each["id"] == incident && each["state"] == "closed") {
          instead = each.value("instead", "");
          return true;
        }
      return false;
    }));
    if (!violations(path).front().contains("cmdline")) GTEST_SKIP() << "the process is unknown";
    ASSERT_EQ(owner(path), 0U);
    std::filesystem::remove(path);
    ASSERT_NE(instead, "");
    // This machine may have no sudo: then its other arguments are run, as root.
    const auto pasted = "cd /; sudo() { \"$@\"; }; " + instead;
    EXPECT_EQ(std::system(pasted.c_str()), 0) << pasted;  // NOLINT: one thread
    EXPECT_EQ(owner(path), kApp) << pasted;
  }
};
GUARD_ON_EVERY_FS(Advice);

TEST_P(Advice, WorksWhenPasted) {
  std::ofstream(tree_ / "conf") << "x";
  as_root("chown -R 4242:4242 $T");
  let_settle();
  expect_useful("cp $T/conf $T/absolute", "absolute");
  expect_useful("cd $T; cp conf relative.bak", "relative.bak");
  expect_useful("cd $T; touch 'a b; c$(d)'", "a b; c$(d)");
  expect_useful("cd $T; sh -c 'echo x > redirected; sleep 0.3; :'", "redirected");
}

}  // namespace
}  // namespace guard::test
