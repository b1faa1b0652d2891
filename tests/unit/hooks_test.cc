#include "bpf/hooks.h"

#include <gmock/gmock.h>

#include <set>

namespace guard {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const KnownHook& known(std::string_view program) {
  return *find_hook(program, kKnownHooks);
}

TEST(Hooks, FitIfTheArgumentsAreTheSame) {
  for (const auto& hook : kKnownHooks)
    EXPECT_THAT(misfit(hook, hook.arguments), IsEmpty()) << hook.program;
}

TEST(Hooks, AMissingHookIsNamed) {
  EXPECT_THAT(misfit(known("guard_inode_link"), std::nullopt), HasSubstr("no LSM hook inode_link"));
}

TEST(Hooks, AnotherNumberOfArgumentsDoesNotFit) {
  EXPECT_THAT(misfit(known("guard_inode_mkdir"), 4), HasSubstr("takes 4 arguments"));
}

TEST(Hooks, AnUnknownProgramIsNotFound) {
  EXPECT_EQ(find_hook("guard_inode_listsecurity", kKnownHooks), nullptr);
}

// The two programs for inode_setattr: every kernel has the hook in one of two forms.
TEST(Hooks, OfTwoProgramsForOneHookExactlyOneFits) {
  const auto& plain = known("guard_inode_setattr");
  const auto& mapped = known("guard_inode_setattr_mapped");
  EXPECT_EQ(plain.hook, mapped.hook);
  for (const unsigned arguments : {2U, 3U})
    EXPECT_NE(misfit(plain, arguments).empty(), misfit(mapped, arguments).empty()) << arguments;
}

TEST(Hooks, EachProgramIsListedOnceAndNeededByAGuard) {
  std::set<std::string_view> programs;
  for (const auto& hook : kKnownHooks) {
    EXPECT_TRUE(programs.insert(hook.program).second) << hook.program;
    EXPECT_NE(hook.guards, 0U) << hook.program;
  }
}

}  // namespace
}  // namespace guard
