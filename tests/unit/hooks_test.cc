#include "bpf/hooks.h"

#include <gmock/gmock.h>

namespace guard {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(Hooks, FitWhereTheArgumentsAreTheSame) {
  for (const auto& hook : kKnownHooks)
    EXPECT_THAT(misfit(hook.name, hook.arguments, kKnownHooks), IsEmpty()) << hook.name;
}

TEST(Hooks, AHookThatTheKernelLacksIsNamed) {
  EXPECT_THAT(misfit("inode_link", std::nullopt, kKnownHooks), HasSubstr("no LSM hook inode_link"));
}

TEST(Hooks, AnotherNumberOfArgumentsDoesNotFit) {
  EXPECT_THAT(misfit("inode_mkdir", 4, kKnownHooks), HasSubstr("takes 4 arguments"));
}

TEST(Hooks, AProgramThatTheTableForgotIsNotTrusted) {
  EXPECT_THAT(misfit("inode_listsecurity", 3, kKnownHooks), HasSubstr("does not know"));
}

}  // namespace
}  // namespace guard
