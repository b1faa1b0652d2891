// What it costs the verifier of this kernel to accept the LSM programs.
#include <bpf/bpf.h>

#include <cstdio>

#include "tests/vm/lsm_fixture.h"

namespace guard {
namespace {

// Of 1,000,000. Another kernel can need twice as many for the same program.
constexpr std::uint32_t kMostInstructions = 300'000;

TEST_F(LsmTest, EveryProgramIsCheapToVerify) {
  std::size_t programs = 0;
  for (std::uint32_t id = 0; bpf_prog_get_next_id(id, &id) == 0;) {
    const Fd program(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) continue;
    const std::string name = info.name;  // cut off after 15 characters
    if (!name.starts_with("guard_")) continue;
    ++programs;
    std::printf("%-15s %7u\n", info.name, info.verified_insns);
    EXPECT_GT(info.verified_insns, 0U) << name;
    EXPECT_LT(info.verified_insns, kMostInstructions) << name;
  }
  EXPECT_GE(programs, static_cast<std::size_t>(
                          std::count_if(lsm_->hooks().begin(), lsm_->hooks().end(),
                                        [](const LsmHook& hook) { return hook.loaded; })));
}

// Every supported kernel has all hooks that the guards need.
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
