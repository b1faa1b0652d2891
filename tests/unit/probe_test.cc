#include "bpf/probe.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

namespace guard {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A machine where everything works; each test breaks one thing.
LsmFacts good() {
  LsmFacts facts;
  facts.modules = {"lockdown", "capability", "landlock", "yama", "apparmor", "bpf"};
  facts.btf = true;
  facts.privileged = true;
  facts.load = Status();
  facts.attach = Status();
  facts.canary = Status();
  return facts;
}

LsmFacts denying(int code) {
  auto facts = good();
  facts.load = Error::from_errno(code, "load the LSM programs");
  facts.attach.reset();
  facts.canary.reset();
  return facts;
}

TEST(JudgeLsm, WorksOnlyWhenTheCanaryWasDenied) {
  const auto support = judge_lsm(good());
  EXPECT_EQ(support.level, LsmLevel::kWorks);
  EXPECT_THAT(support.repair, IsEmpty());
}

TEST(JudgeLsm, WorksWithoutAListIfTheTrialSucceeds) {
  auto facts = good();
  facts.modules.reset();
  EXPECT_EQ(judge_lsm(facts).level, LsmLevel::kWorks);
}

TEST(JudgeLsm, NotListedShowsTheWholeOption) {
  auto facts = good();
  facts.modules = {"lockdown", "capability", "yama", "apparmor", "ima"};
  const auto support = judge_lsm(facts);
  EXPECT_EQ(support.level, LsmLevel::kNotListed);
  EXPECT_THAT(support.repair, HasSubstr("lsm=lockdown,yama,apparmor,ima,integrity,bpf to"));
}

TEST(JudgeLsm, NotListedIsDecidedWithoutPrivilegeOrTypes) {
  LsmFacts facts;
  facts.modules = {"capability"};
  const auto support = judge_lsm(facts);
  EXPECT_EQ(support.level, LsmLevel::kNotListed);
  EXPECT_THAT(support.repair, HasSubstr("lsm=integrity,bpf to"));
}

TEST(JudgeLsm, NoOptionHelpsAKernelBuiltWithoutIt) {
  auto facts = good();
  facts.modules = {"capability"};
  facts.built_in = false;
  const auto support = judge_lsm(facts);
  EXPECT_EQ(support.level, LsmLevel::kNotBuilt);
  EXPECT_THAT(support.repair, Not(HasSubstr("lsm=")));
}

TEST(JudgeLsm, NoTypes) {
  auto facts = good();
  facts.btf = false;
  EXPECT_EQ(judge_lsm(facts).level, LsmLevel::kNoBtf);
}

TEST(JudgeLsm, UntriedIfListedButNotRoot) {
  LsmFacts facts;
  facts.modules = {"bpf"};
  facts.btf = true;
  const auto support = judge_lsm(facts);
  EXPECT_EQ(support.level, LsmLevel::kUntried);
  EXPECT_THAT(support.repair, HasSubstr("root"));
}

TEST(JudgeLsm, UnknownIfNothingCanBeReadOrTried) {
  LsmFacts facts;
  facts.btf = true;
  EXPECT_EQ(judge_lsm(facts).level, LsmLevel::kUnknown);
}

TEST(JudgeLsm, DeniedNamesPossibleCauses) {
  auto facts = denying(EPERM);
  facts.seccomp = true;
  facts.lockdown = "integrity";
  const auto support = judge_lsm(facts);
  EXPECT_EQ(support.level, LsmLevel::kDenied);
  EXPECT_THAT(support.text, HasSubstr("EPERM"));
  EXPECT_THAT(support.text, HasSubstr("although bpf is among"));
  EXPECT_THAT(support.text, HasSubstr("seccomp"));
  EXPECT_THAT(support.text, HasSubstr("lockdown is \"integrity\""));
}

TEST(JudgeLsm, DeniedNamesNoCauseThatIsAbsent) {
  auto facts = denying(EACCES);
  facts.modules.reset();
  facts.lockdown = "none";
  const auto support = judge_lsm(facts);
  EXPECT_EQ(support.level, LsmLevel::kDenied);
  EXPECT_EQ(support.text, "the kernel does not permit loading an LSM program (EACCES)");
}

TEST(JudgeLsm, AnotherLoadErrorIsAFailureWithItsLog) {
  auto facts = denying(EINVAL);
  facts.load =
      Error("load the LSM programs: Invalid argument\n  R1 is what?\n  processed 3", EINVAL);
  const auto support = judge_lsm(facts);
  EXPECT_EQ(support.level, LsmLevel::kFailed);
  EXPECT_EQ(support.text, "load the LSM programs: Invalid argument");
  EXPECT_EQ(support.detail, "  R1 is what?\n  processed 3");
}

TEST(JudgeLsm, FailsIfAttachingFails) {
  auto facts = good();
  facts.attach = Error::from_errno(ENOTSUP, "attach the LSM programs");
  facts.canary.reset();
  EXPECT_EQ(judge_lsm(facts).level, LsmLevel::kFailed);
}

TEST(JudgeLsm, FailsIfTheCanaryIsNotDenied) {
  auto facts = good();
  facts.canary = Error("the kernel calls no attached LSM program, or ignores its denial");
  EXPECT_EQ(judge_lsm(facts).level, LsmLevel::kFailed);
  facts.modules.reset();
  EXPECT_THAT(judge_lsm(facts).text, HasSubstr("bpf may be missing from"));
}

TEST(JudgeLsm, EveryLevelHasAName) {
  EXPECT_EQ(to_string(LsmLevel::kNotListed), "not-listed");
  EXPECT_EQ(to_string(LsmLevel::kUnknown), "unknown");
}

class ObserveLsm : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(directory_.data()), nullptr); }
  void TearDown() override {
    for (const auto* name : {"lsm", "lockdown", "status"})
      (void)::unlink((directory_ + "/" + name).c_str());
    (void)::rmdir(directory_.c_str());
  }

  // Without BTF, so that nothing is tried.
  ProbePaths write(const std::string& modules, const std::string& lockdown,
                   const std::string& status) {
    std::ofstream(directory_ + "/lsm") << modules;
    std::ofstream(directory_ + "/lockdown") << lockdown;
    std::ofstream(directory_ + "/status") << status;
    return {directory_ + "/lsm", directory_ + "/no-btf", directory_ + "/lockdown",
            directory_ + "/status", false};
  }

 private:
  std::string directory_ = testing::TempDir() + "probe.XXXXXX";
};

TEST_F(ObserveLsm, ReadsTheFilesOfTheKernel) {
  const auto facts = observe_lsm(write("lockdown,capability,bpf\n", "none [integrity] secret\n",
                                       "Name:\tx\nCapEff:\t0000000000200000\nSeccomp:\t2\n"));
  ASSERT_TRUE(facts.modules);
  EXPECT_THAT(*facts.modules, testing::ElementsAre("lockdown", "capability", "bpf"));
  EXPECT_EQ(facts.lockdown, "integrity");
  EXPECT_TRUE(facts.privileged);
  EXPECT_TRUE(facts.seccomp);
  EXPECT_FALSE(facts.btf);
  EXPECT_FALSE(facts.load);
}

TEST_F(ObserveLsm, MissingFilesAreUnknown) {
  ProbePaths paths = write("", "", "CapEff:\t00000000001fffff\n");
  paths.modules += ".missing";
  const auto facts = observe_lsm(paths);
  EXPECT_FALSE(facts.modules);
  EXPECT_FALSE(facts.privileged);
  EXPECT_FALSE(facts.seccomp);
  EXPECT_EQ(judge_lsm(facts).level, LsmLevel::kNoBtf);
}

}  // namespace
}  // namespace guard
