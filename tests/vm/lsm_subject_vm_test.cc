// Exemptions by user, group, login, program, unit and label, a process's own and inherited.
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include <chrono>
#include <thread>

#include "tests/vm/lsm_fixture.h"

namespace guard {
namespace {

using testing::IsEmpty;

constexpr std::uint64_t kBit = 1;
constexpr std::uint64_t kPackages = std::uint64_t{1} << kPackageManagers;
constexpr std::uint32_t kGroup = 4300;

using Need = std::pair<__u64 Exemptions::*, __u64>;
Exemptions exemptions(std::initializer_list<Need> what) {
  Exemptions all{};
  for (const auto& [member, bits] : what) all.*member = bits;
  return all;
}

int make_new() {
  return errno_of(::mkdir("/mnt/tree/new", 0700));
}

int log_in(std::uint32_t login) {
  const Fd file(::open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC));
  const auto text = std::to_string(login);
  return ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0
                                                                                            : 250;
}

// Gives this process a terminal of its own.
int take_terminal() {
  const int other_side = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (::grantpt(other_side) != 0 || ::unlockpt(other_side) != 0 || ::setsid() < 0) return 251;
  const int terminal = ::open(::ptsname(other_side), O_RDWR | O_NOCTTY);
  return ::ioctl(terminal, TIOCSCTTY, 0) == 0 ? 0 : 252;
}

class LsmSubject : public LsmTest {
 protected:
  void SetUp() override {
    LsmTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(::fchmod(tree_.get(), 0777), 0);
    auto exempting = tag_for(kOwner);
    exempting.allows = kBit;
    tag(tree_, exempting);
    fs::copy_file("/bin/sh", kShell, fs::copy_options::overwrite_existing);
    fs::copy_file("/bin/mkdir", kMkdir, fs::copy_options::overwrite_existing);
    fs::permissions(kShell, fs::perms{0755});
    fs::permissions(kMkdir, fs::perms{0755});
  }
  void TearDown() override {
    if (lsm_ != nullptr)
      for (const auto& key : programs_) (void)lsm_->drop_program(key);
    LsmTest::TearDown();
  }

  void set_program(const char* path, const Program& program) {
    struct stat facts {};
    ASSERT_EQ(::stat(path, &facts), 0);
    const ProgramKey key{facts.st_ino, major(facts.st_dev) << 20U | minor(facts.st_dev),
                         facts.st_uid};
    ASSERT_TRUE(lsm_->set_program(key, program));
    programs_.push_back(key);
  }

  void expect_exempt(int outcome) {
    EXPECT_EQ(outcome, 0);
    EXPECT_EQ(::rmdir("/mnt/tree/new"), 0);
    EXPECT_EQ(counters().denied, 0U);
    EXPECT_GE(counters().passed, 1U);
    EXPECT_FALSE(take_events().events.empty());
  }
  void expect_denied(int outcome) {
    EXPECT_NE(outcome, 0);
    EXPECT_NE(::access("/mnt/tree/new", F_OK), 0);
    EXPECT_GE(counters().denied, 1U);
    EXPECT_EQ(counters().passed, 0U);
  }

  static int shell(const char* program, const std::string& script) {
    const auto command = std::string(program) + " -c '" + script + "' 2>/dev/null";
    return WEXITSTATUS(std::system(command.c_str()));
  }

  static constexpr const char* kShell = "/mnt/outside/shell";
  static constexpr const char* kMkdir = "/mnt/outside/makes";

 private:
  std::vector<ProgramKey> programs_;
};

TEST_F(LsmSubject, AUserIsExempt) {
  lsm_->exempt(exemptions({{&Exemptions::need_user, kBit}}));
  ASSERT_TRUE(lsm_->set_subject({kSubjectUser, kOther}, kBit));
  {
    const ActingAs other(kOther);
    EXPECT_EQ(make_new(), 0);
  }
  expect_exempt(0);
}

TEST_F(LsmSubject, AnotherUserIsNotExempt) {
  lsm_->exempt(exemptions({{&Exemptions::need_user, kBit}}));
  ASSERT_TRUE(lsm_->set_subject({kSubjectUser, kOther}, kBit));
  expect_denied(make_new());
}

TEST_F(LsmSubject, ASupplementaryGroupIsExempt) {
  lsm_->exempt(exemptions({{&Exemptions::need_group, kBit}}));
  ASSERT_TRUE(lsm_->set_subject({kSubjectGroup, kGroup}, kBit));
  expect_exempt(in_child([] {
    const gid_t groups[] = {7, 8, kGroup, 70000};
    return ::setgroups(4, groups) == 0 ? make_new() : 255;
  }));
}

TEST_F(LsmSubject, ThePrimaryGroupIsExempt) {
  lsm_->exempt(exemptions({{&Exemptions::need_group, kBit}}));
  ASSERT_TRUE(lsm_->set_subject({kSubjectGroup, kGroup}, kBit));
  expect_exempt(in_child([] { return ::setgid(kGroup) == 0 ? make_new() : 255; }));
}

TEST_F(LsmSubject, OtherGroupsAreNotExempt) {
  lsm_->exempt(exemptions({{&Exemptions::need_group, kBit}}));
  ASSERT_TRUE(lsm_->set_subject({kSubjectGroup, kGroup}, kBit));
  expect_denied(make_new());
}

TEST_F(LsmSubject, ALoginIsExemptWithAnyUser) {
  lsm_->exempt(exemptions({{&Exemptions::need_login, kBit}}));
  ASSERT_TRUE(lsm_->set_subject({kSubjectLogin, 1000}, kBit));
  expect_denied(in_child([] { return log_in(1001) + make_new(); }));
  const auto denied = counters().denied;
  EXPECT_EQ(in_child([] { return log_in(1000) + make_new(); }), 0);
  EXPECT_EQ(counters().denied, denied);
  EXPECT_EQ(counters().passed, 1U);
}

// An exemption with two properties is granted only to a process that has both.
TEST_F(LsmSubject, AnExemptionNeedsAllItsProperties) {
  lsm_->exempt(exemptions({{&Exemptions::need_user, kBit}, {&Exemptions::need_login, kBit}}));
  ASSERT_TRUE(lsm_->set_subject({kSubjectUser, kOther}, kBit));
  ASSERT_TRUE(lsm_->set_subject({kSubjectLogin, 1002}, kBit));
  expect_denied(in_child([] { return log_in(1002) + make_new(); }));
  EXPECT_EQ(in_child([] {
              const ActingAs other(kOther);
              return make_new();
            }),
            EPERM);
  EXPECT_EQ(in_child([] {
              const int failed = log_in(1002);
              const ActingAs other(kOther);
              return failed + make_new();
            }),
            0);
}

TEST_F(LsmSubject, AProgramIsExemptByItsInode) {
  lsm_->exempt(exemptions({{&Exemptions::need_program, kBit}}));
  expect_denied(shell("/bin/sh", "/mnt/outside/makes /mnt/tree/new"));
  set_program(kMkdir, {kBit, 0, 0});
  fs::rename(kMkdir, "/mnt/outside/renamed");
  EXPECT_EQ(shell("/bin/sh", "/mnt/outside/renamed /mnt/tree/new"), 0);
  EXPECT_EQ(counters().passed, 1U);
}

// Another user can have a file of the same inode number, in a subvolume of btrfs.
TEST_F(LsmSubject, AProgramOfAnotherUserIsAnother) {
  lsm_->exempt(exemptions({{&Exemptions::need_program, kBit}}));
  set_program(kMkdir, {kBit, 0, 0});
  ASSERT_EQ(::chown(kMkdir, kOther, kOther), 0);
  expect_denied(shell("/bin/sh", std::string(kMkdir) + " /mnt/tree/new"));
}

TEST_F(LsmSubject, ChildrenAreNotExemptByDefault) {
  lsm_->exempt(exemptions({{&Exemptions::need_program, kBit}}));
  set_program(kShell, {kBit, 0, 0});
  expect_denied(shell(kShell, "/bin/mkdir /mnt/tree/new; exit $?"));
}

TEST_F(LsmSubject, ChildrenAreExemptIfTheExemptionSaysSo) {
  lsm_->exempt(exemptions({{&Exemptions::need_program, kBit}, {&Exemptions::for_children, kBit}}));
  set_program(kShell, {kBit, 0, 0});
  expect_exempt(shell(kShell, "/bin/sh -c \"/bin/mkdir /mnt/tree/new; exit \\$?\"; exit $?"));
}

// All its ancestors have ended by then.
TEST_F(LsmSubject, ChildrenStayExemptAfterTheirParentHasEnded) {
  lsm_->exempt(exemptions({{&Exemptions::need_program, kBit}, {&Exemptions::for_children, kBit}}));
  set_program(kShell, {kBit, 0, 0});
  ASSERT_EQ(shell(kShell,
                  "(exec /bin/sh -c \"(sleep 1; /bin/mkdir /mnt/tree/new; :) & exit 0\") & exit 0"),
            0);
  for (int tries = 0; tries < 80 && ::access("/mnt/tree/new", F_OK) != 0; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  expect_exempt(0);
}

// The thread replaces the first thread, whose tag is lost.
TEST_F(LsmSubject, ChildrenStayExemptIfAThreadCallsExec) {
  lsm_->exempt(exemptions({{&Exemptions::need_user, kBit}, {&Exemptions::for_children, kBit}}));
  ASSERT_TRUE(lsm_->set_subject({kSubjectUser, kOther}, kBit));
  EXPECT_EQ(
      in_child([] {
        (void)::setfsuid(kOther);
        const pid_t parent = ::getpid();
        if (::fork() != 0) return 0;
        (void)::setfsuid(0);
        while (::getppid() == parent) ::usleep(1000);
        std::thread([] { (void)::execl("/bin/mkdir", "mkdir", "/mnt/tree/new", nullptr); }).join();
        return 1;
      }),
      0);
  for (int tries = 0; tries < 50 && ::access("/mnt/tree/new", F_OK) != 0; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  expect_exempt(0);
}

TEST_F(LsmSubject, ChildrenOfOtherProgramsAreNotExempt) {
  lsm_->exempt(exemptions({{&Exemptions::need_program, kBit}, {&Exemptions::for_children, kBit}}));
  set_program(kShell, {kBit, 0, 0});
  expect_denied(shell("/bin/sh", "/bin/mkdir /mnt/tree/new; exit $?"));
}

TEST_F(LsmSubject, PackageManagersAreExempt) {
  Exemptions all =
      exemptions({{&Exemptions::need_label, kPackages}, {&Exemptions::for_children, kPackages}});
  all.of_label[0] = kPackages;
  lsm_->exempt(all);
  set_program(kShell, {0, 1, 0});
  expect_exempt(shell(kShell, "/bin/mkdir /mnt/tree/new; exit $?"));
}

TEST_F(LsmSubject, PackageManagersAreNotExemptInAStrictTree) {
  auto strict = tag_for(kOwner);
  strict.flags = kTreeStrict;
  tag(tree_, strict);
  Exemptions all =
      exemptions({{&Exemptions::need_label, kPackages}, {&Exemptions::for_children, kPackages}});
  all.of_label[0] = kPackages;
  lsm_->exempt(all);
  set_program(kShell, {0, 1, 0});
  expect_denied(shell(kShell, "/bin/mkdir /mnt/tree/new; exit $?"));
}

// The kernel runs the interpreter; the process has the name of the script.
TEST_F(LsmSubject, AScriptHasItsLabel) {
  Exemptions all =
      exemptions({{&Exemptions::need_label, kPackages}, {&Exemptions::for_children, kPackages}});
  all.of_label[0] = kPackages;
  lsm_->exempt(all);
  set_program(kShell, {0, 0, 1});
  ASSERT_TRUE(lsm_->set_script("upgrades", 1));
  for (const char* name : {"/mnt/outside/upgrades", "/mnt/outside/another"}) {
    std::ofstream(name) << "#!" << kShell << "\n/bin/mkdir /mnt/tree/new\nexit $?\n";
    fs::permissions(name, fs::perms{0755});
  }
  expect_denied(shell("/bin/sh", "/mnt/outside/another; exit $?"));
  EXPECT_EQ(shell("/bin/sh", "/mnt/outside/upgrades; exit $?"), 0);
}

TEST_F(LsmSubject, OnlyInteractiveProcessesAreDenied) {
  auto interactive = tag_for(kOwner);
  interactive.flags = kTreeOnlyInteractive;
  tag(tree_, interactive);
  expect_exempt(make_new());
  EXPECT_EQ(in_child([] { return log_in(1000) + make_new(); }), 0);
  ASSERT_EQ(::rmdir("/mnt/tree/new"), 0);
  EXPECT_EQ(in_child([] { return take_terminal() + make_new(); }), 0);
  ASSERT_EQ(::rmdir("/mnt/tree/new"), 0);
  EXPECT_EQ(in_child([] { return log_in(1000) + take_terminal() + make_new(); }), EPERM);
}

class LsmUnit : public LsmSubject {
 protected:
  void SetUp() override {
    LsmSubject::SetUp();
    if (!fs::exists("/sys/fs/cgroup/cgroup.procs")) GTEST_SKIP() << "no unified hierarchy here";
  }
  void TearDown() override {
    if (lsm_ != nullptr) {
      EXPECT_TRUE(lsm_->set_unit("guard-test.service", 0));
    }
    (void)::rmdir(kInner);
    (void)::rmdir(kUnit);
    LsmSubject::TearDown();
  }
  static int make_in(const char* group) {
    return in_child([&] {
      fs::create_directories(group);
      std::ofstream(std::string(group) + "/cgroup.procs") << ::getpid() << std::flush;
      return make_new();
    });
  }
  static constexpr const char* kUnit = "/sys/fs/cgroup/guard-test.service";
  static constexpr const char* kInner = "/sys/fs/cgroup/guard-test.service/payload";
};

TEST_F(LsmUnit, IsExemptByItsName) {
  lsm_->exempt(exemptions({{&Exemptions::need_unit, kBit}}));
  ASSERT_TRUE(lsm_->set_unit("guard-test.service", kBit));
  expect_exempt(make_in(kUnit));
  EXPECT_EQ(make_new(), EPERM);
}

TEST_F(LsmUnit, IsTheInnermostGroupWithAUnitName) {
  lsm_->exempt(exemptions({{&Exemptions::need_unit, kBit}}));
  ASSERT_TRUE(lsm_->set_unit("guard-test.service", kBit));
  expect_exempt(make_in(kInner));
}

TEST_F(LsmUnit, AnotherUnitIsNotExempt) {
  lsm_->exempt(exemptions({{&Exemptions::need_unit, kBit}}));
  ASSERT_TRUE(lsm_->set_unit("guard-other.service", kBit));
  expect_denied(make_in(kUnit));
}

TEST_F(LsmUnit, AnyUnitIsExemptIfThePatternIsUnknown) {
  lsm_->exempt(exemptions({{&Exemptions::need_unit, kBit}, {&Exemptions::any_unit, kBit}}));
  expect_exempt(make_in(kUnit));
}

class LsmContainer : public LsmUnit {
 protected:
  void TearDown() override {
    if (lsm_ != nullptr && id_ != 0) {
      EXPECT_TRUE(lsm_->set_container(id_, 0));
    }
    LsmUnit::TearDown();
  }
  // The kernel's id of a control group, which is also its inode.
  void exempt(const char* group) {
    fs::create_directories(group);
    struct stat facts {};
    ASSERT_EQ(::stat(group, &facts), 0);
    id_ = facts.st_ino;
    lsm_->exempt(exemptions({{&Exemptions::need_container, kBit}}));
    ASSERT_TRUE(lsm_->set_container(id_, kBit));
  }
  std::uint64_t id_ = 0;
};

TEST_F(LsmContainer, IsExemptByItsControlGroup) {
  exempt(kUnit);
  expect_exempt(make_in(kUnit));
  EXPECT_EQ(make_new(), EPERM);
}

TEST_F(LsmContainer, IncludesTheGroupsBelow) {
  exempt(kUnit);
  expect_exempt(make_in(kInner));
}

TEST_F(LsmContainer, AnotherGroupIsNotExempt) {
  exempt(kInner);
  expect_denied(make_in(kUnit));
}

// ---- limits of exemptions

TEST_F(LsmSubject, IgnoredEventsAreNotReported) {
  auto ignoring = tag_for(kOwner);
  ignoring.ignores = kBit;
  tag(tree_, ignoring);
  lsm_->exempt(exemptions({{&Exemptions::need_user, kBit}}));
  ASSERT_TRUE(lsm_->set_subject({kSubjectUser, kOther}, kBit));
  {
    const ActingAs other(kOther);
    EXPECT_EQ(make_new(), 0);
  }
  EXPECT_EQ(counters(), LsmCounters{});
  EXPECT_THAT(take_events().events, IsEmpty());
}

TEST_F(LsmSubject, TheExemptionOfAnotherPolicyDoesNotApply) {
  lsm_->exempt(exemptions({{&Exemptions::need_user, kBit | kBit << 1}}));
  ASSERT_TRUE(lsm_->set_subject({kSubjectUser, 0}, kBit << 1));
  expect_denied(make_new());
  ASSERT_TRUE(lsm_->set_subject({kSubjectUser, 0}, 0));
}

TEST_F(LsmSubject, GuarddIsNeverJudged) {
  auto everything = tag_for(kOwner, kTreeActionDeny, kEveryGuard);
  tag(tree_, everything);
  EXPECT_EQ(in_child([&] { return lsm_->exempt_self() ? make_new() : 255; }), 0);
  EXPECT_EQ(counters(), LsmCounters{});
  EXPECT_THAT(take_events().events, IsEmpty());
  EXPECT_EQ(make_new(), EEXIST);
  EXPECT_EQ(errno_of(::rmdir("/mnt/tree/new")), EPERM);
}

}  // namespace
}  // namespace guard
