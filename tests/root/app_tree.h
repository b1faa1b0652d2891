// A tree that belongs to a service, and a policy that fixes what is in it, for tests without a
// daemon.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "policy/policy_set.h"
#include "tests/root/scratch_fs.h"

namespace guard::test {

inline constexpr uid_t kApp = 4242;

class AppTreeTest : public ScratchFsTest {
 protected:
  void SetUp() override {
    ScratchFsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    tree_ = root() / "tree";
    std::filesystem::create_directory(tree_);
    ASSERT_EQ(::chown(tree_.c_str(), kApp, kApp), 0);
    policy_.said.action.value = Action::kFix;
    policy_.said.guards.value = {Guard::kOwnership};
    policy_.wanted.owner = {Uid{kApp}, "app"};
    policy_.wanted.group = {Gid{kApp}, "app"};
  }

  std::filesystem::path tree_;
  Policy policy_;
};

}  // namespace guard::test
