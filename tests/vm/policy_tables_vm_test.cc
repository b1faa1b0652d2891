// The kernel applies a policy as users write it: exemptions by program and label, excludes, a
// reload, and the end of guardd.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf/lsm.h"
#include "bpf/probe.h"
#include "guardd/host/superblock.h"
#include "guardd/kernel/policy_tables.h"
#include "guardd/service/handover.h"
#include "tests/unit/fakes.h"

namespace guard {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;
using testing::policy_text;
using testing::World;

constexpr auto kTree = "/mnt/shop";

bool can(const std::string& program, const std::string& path) {
  const auto child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)::dup2(null, 2);
    ::execl(program.c_str(), program.c_str(), path.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_NE(status, 127 << 8) << program;
  return status == 0;
}

class InTheKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::getenv("GUARD_KERNEL") == nullptr) GTEST_SKIP() << "runs only in a virtual machine";
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("scratch", "/mnt", "tmpfs", 0, "mode=0755"), 0);
    fs::create_directories(std::string(kTree) + "/cache");
    ASSERT_EQ(::chown(kTree, testing::kShop.value, testing::kShopGroup.value), 0);
    for (const auto* name : {"/mnt/tool", "/mnt/other"})
      fs::copy_file(fs::canonical("/usr/bin/touch"), name);
    root_ = Fd(::open(kTree, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat facts {};
    ASSERT_EQ(::fstat(root_.get(), &facts), 0);
    inode_ = {facts.st_ino, superblock_of(root_.get()), 0, 0};
    auto lsm = Lsm::load();
    ASSERT_TRUE(lsm) << lsm.error().text();
    lsm_ = std::make_unique<Lsm>(*std::move(lsm));
    policy_ = std::make_unique<PolicyTables>(*lsm_);
    const auto attached = lsm_->attach(kEverything);
    ASSERT_TRUE(attached) << attached.error().text();
  }
  void TearDown() override { (void)::umount2("/mnt", MNT_DETACH); }

  void enforce(const std::string& more) {
    const auto loaded =
        world_.load_good(policy_text("force = true\naction = \"deny\"\n" + more, "shop", kTree));
    ASSERT_TRUE(loaded.set);
    const auto prepared = policy_->prepare(*loaded.set);
    ASSERT_TRUE(prepared) << prepared.error().text();
    auto tag = policy_->tag_of(0);
    tag.tree = 1;
    ASSERT_TRUE(lsm_->tag(root_.get(), inode_, tag));
    lsm_->set_guards_in_use(policy_->guards());
    const auto finished = policy_->finish();
    ASSERT_TRUE(finished) << finished.error().text();
    EXPECT_THAT(policy_->shortcomings(), IsEmpty());
  }
  bool can_make(const std::string& program) {
    return can(program, std::string(kTree) + "/" + std::to_string(++last_));
  }

  World world_;
  std::unique_ptr<Lsm> lsm_;
  std::unique_ptr<PolicyTables> policy_;
  Fd root_;
  TaggedInode inode_{};

 private:
  int last_ = 0;
};

TEST_F(InTheKernel, TheKernelAppliesAPolicy) {
  enforce("exclude = [\"cache/**\"]\n[[policy.allow]]\nexe = \"/mnt/tool\"\n");
  EXPECT_TRUE(can_make("/mnt/tool"));
  EXPECT_FALSE(can_make("/mnt/other"));
  EXPECT_TRUE(can("/mnt/other", std::string(kTree) + "/cache/x"));

  fs::rename("/mnt/other", "/mnt/tool");
  EXPECT_FALSE(can_make("/mnt/tool"));
  ASSERT_TRUE(policy_->refresh_programs());
  EXPECT_TRUE(can_make("/mnt/tool"));

  enforce("exclude = [\"tmp/**\"]\n");
  EXPECT_FALSE(can_make("/mnt/tool"));
  EXPECT_FALSE(can("/mnt/tool", std::string(kTree) + "/cache/y"));
}

// On the root file system of the machine.
TEST_F(InTheKernel, PackageManagersAreKnownAsProgramsAndAsScripts) {
  const auto place = [](const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
  };
  fs::copy_file(fs::canonical("/usr/bin/touch"), "/usr/local/bin/zypper");
  place("/usr/local/bin/unattended-upgrades", "#!/bin/bash\necho >\"$1\"\n");
  place("/usr/local/bin/unattended", "#!/bin/bash\necho >\"$1\"\n");
  place("/usr/local/bin/yum", "#!/bin/bash\n/mnt/other \"$1\"\n");
  enforce("");
  EXPECT_TRUE(can_make("/usr/local/bin/zypper"));
  EXPECT_TRUE(can_make("/usr/local/bin/unattended-upgrades"));
  EXPECT_TRUE(can_make("/usr/local/bin/yum"));
  EXPECT_FALSE(can_make("/usr/local/bin/unattended"));
  enforce("strict = true\n");
  EXPECT_FALSE(can_make("/usr/local/bin/zypper"));
  for (const auto* name : {"zypper", "unattended-upgrades", "unattended", "yum"})
    fs::remove("/usr/local/bin/" + std::string(name));
}

TEST_F(InTheKernel, ProgramsKeepDenyingAfterAHandover) {
  enforce("");
  fs::create_directory("/mnt/bpf");
  ASSERT_EQ(::mount("bpf", "/mnt/bpf", "bpf", 0, "mode=0700"), 0);
  const auto handover = [] {
    std::vector<std::unique_ptr<DescriptorStore>> stores;
    stores.push_back(std::make_unique<BpffsStore>("/mnt/bpf/guardd"));
    return Handover(std::move(stores));
  };
  {
    const auto kept = handover().store(lsm_->links());
    ASSERT_TRUE(kept) << kept.error().text();
  }
  policy_.reset();
  lsm_.reset();
  EXPECT_FALSE(can_make("/mnt/other"));
  auto next = handover();
  const auto taken = next.take();
  ASSERT_TRUE(taken) << taken.error().text();
  EXPECT_TRUE(next.holds());
  EXPECT_FALSE(can_make("/mnt/other"));
  next.release();
  EXPECT_TRUE(can_make("/mnt/other"));
}

}  // namespace
}  // namespace guard
