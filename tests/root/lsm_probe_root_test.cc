// The probe on this machine: its result must match the facts.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "bpf/lsm.h"
#include "bpf/probe.h"

namespace guard {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(LsmProbe, ReportsWhyTheKernelDenies) {
  const auto loaded = Lsm::load();
  if (loaded) GTEST_SKIP() << "LSM programs load here";
  if (loaded.error().code() != EPERM) GTEST_SKIP() << "no EPERM here: " << loaded.error().text();
  const auto facts = observe_lsm();
  if (!facts.btf) GTEST_SKIP() << "no BTF here";
  const auto support = judge_lsm(facts);
  EXPECT_EQ(support.level, LsmLevel::kDenied) << support.text;
  EXPECT_THAT(support.text, HasSubstr("EPERM"));
  EXPECT_THAT(support.text, Not(HasSubstr("\n")));
  EXPECT_THAT(support.repair, Not(IsEmpty()));
  EXPECT_THAT(support.detail, HasSubstr("libbpf"));
}

TEST(LsmProbe, LibbpfPrintsNothing) {
  testing::internal::CaptureStderr();
  (void)probe_lsm();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), IsEmpty());
}

TEST(LsmProbe, LeavesNothingOpen) {
  const auto open_files = [] {
    const std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
  };
  (void)probe_lsm();  // the first call may open files that stay open, such as locales
  const auto before = open_files();
  (void)probe_lsm();
  EXPECT_EQ(open_files(), before);
}

// Last, because it drops privileges for good.
TEST(LsmProbe, UntriedWithoutPrivilege) {
  const auto privileged = observe_lsm();
  ASSERT_EQ(::setresuid(4242, 4242, 4242), 0);
  const auto facts = observe_lsm();
  EXPECT_FALSE(facts.privileged);
  EXPECT_FALSE(facts.load);
  EXPECT_EQ(facts.modules, privileged.modules);
  if (!privileged.load) GTEST_SKIP() << judge_lsm(privileged).text;
  EXPECT_THAT(judge_lsm(facts).level, testing::AnyOf(LsmLevel::kUntried, LsmLevel::kUnknown));
}

}  // namespace
}  // namespace guard
