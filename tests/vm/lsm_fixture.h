// A tmpfs in a private mount namespace with a guarded tree, a directory beside it and things of
// root to bring in, and the LSM programs attached.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "bpf/lsm.h"
#include "bpf/probe.h"
#include "policy/base/handle.h"

namespace guard {

namespace fs = std::filesystem;

constexpr std::uint32_t kOwner = 4242;
constexpr std::uint32_t kOther = 4243;

// This thread acts as somebody else where it touches files.
class ActingAs {
 public:
  explicit ActingAs(std::uint32_t uid) : before_(static_cast<uid_t>(::setfsuid(uid))) {}
  ~ActingAs() { (void)::setfsuid(before_); }
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;

 private:
  uid_t before_;
};

class LsmTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::getenv("GUARD_KERNEL") == nullptr) {
      const auto support = probe_lsm();
      if (support.level != LsmLevel::kWorks) GTEST_SKIP() << support.text;
    }
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("scratch", kScratch, "tmpfs", 0, "mode=0755"), 0);
    tree_ = make_directory("tree", kOwner);
    outside_ = make_directory("outside", kOwner);
    source_ = make_directory("source", kOwner);
    ASSERT_EQ(::mkdirat(source_.get(), "dir", 0755), 0);
    ASSERT_EQ(::fchmodat(source_.get(), "dir", 0777, 0), 0);  // or others cannot move it
    const Fd file(::openat(source_.get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_EQ(::fchmod(file.get(), 0666), 0);  // or fs.protected_hardlinks forbids others to link
    ASSERT_TRUE(shared()) << shared().error().text();
    lsm_ = &*shared();
    before_ = *lsm_->counters();
    tag(tree_, kOwner);
  }

  void TearDown() override { (void)::umount2(kScratch, MNT_DETACH); }

  static Fd open_directory(const fs::path& path) {
    Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_TRUE(directory) << path;
    return directory;
  }

  static Fd make_directory(const fs::path& below_scratch, std::uint32_t owner) {
    const auto path = kScratch / below_scratch;
    fs::create_directories(path);
    EXPECT_EQ(::chown(path.c_str(), owner, owner), 0);
    return open_directory(path);
  }

  Fd make_directory_as_owner(const fs::path& below_scratch) {
    const ActingAs owner(kOwner);
    fs::create_directories(kScratch / below_scratch);
    return open_directory(kScratch / below_scratch);
  }

  void tag(const Fd& directory, std::uint32_t owner, TreeAction action = kTreeActionDeny) {
    TreeTag tag{};
    tag.tree = ++last_tree_;
    tag.owner = owner;
    tag.action = action;
    const auto status = lsm_->tag(directory.get(), tag);
    ASSERT_TRUE(status) << status.error().text();
  }

  // Since the beginning of the test.
  LsmCounters counters() const {
    const auto now = *lsm_->counters();
    return {now.refused - before_.refused, now.passed - before_.passed,
            now.unknown - before_.unknown};
  }

  static std::vector<std::string> names(const Fd& directory) {
    std::vector<std::string> names;
    for (const auto& entry :
         fs::directory_iterator("/proc/self/fd/" + std::to_string(directory.get())))
      names.push_back(entry.path().filename());
    return names;
  }

  static constexpr const char* kScratch = "/mnt";
  Fd tree_, outside_, source_;
  Lsm* lsm_ = nullptr;

 private:
  // One for all tests: loading and attaching takes a second in emulation. What a test tagged is
  // gone with its tmpfs.
  static Result<Lsm>& shared() {
    static Result<Lsm> lsm = [] {
      auto loaded = Lsm::load();
      if (!loaded) return loaded;
      if (auto attached = loaded->attach(); !attached)
        return Result<Lsm>(std::move(attached).error());
      return loaded;
    }();
    return lsm;
  }

  LsmCounters before_;
  std::uint64_t last_tree_ = 0;
};

}  // namespace guard
