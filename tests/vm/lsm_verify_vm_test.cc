// What the verifier of this kernel makes of the LSM programs.
#include <cstdio>

#include "tests/vm/lsm_fixture.h"

namespace guard {
namespace {

// Of 1,000,000: what a later kernel's verifier makes of the same program may be twice as much.
constexpr std::uint32_t kMostInstructions = 300'000;

TEST_F(LsmTest, EveryHookIsCheapToVerify) {
  ASSERT_FALSE(lsm_->hooks().empty());
  for (const auto& hook : lsm_->hooks()) {
    std::printf("%-20s %7u %s\n", hook.name.c_str(), hook.verified_instructions,
                hook.why_not.c_str());
    if (!hook.loaded) continue;
    EXPECT_GT(hook.verified_instructions, 0U) << hook.name;
    EXPECT_LT(hook.verified_instructions, kMostInstructions) << hook.name;
    RecordProperty(hook.name, static_cast<int>(hook.verified_instructions));
  }
}

// On every kernel that we know, a guard gets all that it should.
TEST_F(LsmTest, NoGuardLacksAHook) {
  std::size_t attributes = 0;
  for (const auto& hook : lsm_->hooks()) {
    EXPECT_TRUE(hook.loaded || hook.guards == 0) << hook.name << ": " << hook.why_not;
    if (hook.name == "inode_setattr" && hook.loaded) ++attributes;
  }
  EXPECT_EQ(attributes, 1U);
}

}  // namespace
}  // namespace guard
