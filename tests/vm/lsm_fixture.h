// A file system in a private mount namespace with a guarded tree, a directory outside of it,
// objects of root to move into the tree, and attached LSM programs.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "bpf/lsm.h"
#include "bpf/probe.h"
#include "guardd/host/superblock.h"
#include "policy/base/handle.h"
#include "tests/root/scratch_fs.h"

namespace guard {

namespace fs = std::filesystem;

constexpr std::uint32_t kOwner = 4242;
constexpr std::uint32_t kOther = 4243;
constexpr std::uint32_t kEveryGuard =
    kOwnershipBit | kContentBit | kDeleteBit | kAttributesBit | kReadBit;

// Sets the fsuid and fsgid of this thread to the same number.
class ActingAs {
 public:
  explicit ActingAs(std::uint32_t id)
      : group_(static_cast<gid_t>(::setfsgid(id))), user_(static_cast<uid_t>(::setfsuid(id))) {}
  ~ActingAs() {
    (void)::setfsuid(user_);
    (void)::setfsgid(group_);
  }
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;

 private:
  gid_t group_;
  uid_t user_;
};

// A copy of a reported event.
struct ReportedEvent {
  EventRecord what;
  std::string path;
  bool is_whole;
  std::optional<std::string> old_path;
};

inline std::ostream& operator<<(std::ostream& out, const ReportedEvent& event) {
  return out << "operation " << event.what.operation << " guard " << event.what.guard << " answer "
             << event.what.answer << " flags " << event.what.flags << " path " << event.path;
}

struct EventLog {
  std::vector<ReportedEvent> events;
  std::vector<CloseRecord> closes;
};

class Recorder : public LsmListener {
 public:
  void on_event(const LsmEvent& event) noexcept override {
    log.events.push_back({event.what, event.path, event.is_whole, event.old_path});
  }
  void on_close(const CloseRecord& one) noexcept override { log.closes.push_back(one); }

  EventLog log;
};

// The errno of the work, run in a child; 0 if it succeeded.
template <typename Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

inline int errno_of(long result) {
  return result < 0 ? errno : 0;
}

class LsmTest : public testing::Test {
 protected:
  void SetUp() override { set_up_on(test::FsType::kTmpfs); }

  void set_up_on(test::FsType type) {
    if (::getenv("GUARD_KERNEL") == nullptr) {
      const auto support = probe_lsm();
      if (support.level != LsmLevel::kWorks) GTEST_SKIP() << support.text;
    }
    enter_own_namespace();
    mount_scratch(type);
    if (HasFatalFailure() || IsSkipped()) return;
    tree_ = make_directory("tree", kOwner);
    outside_ = make_directory("outside", kOwner);
    source_ = make_directory("source", kOwner);
    ASSERT_EQ(::mkdirat(source_.get(), "dir", 0755), 0);
    ASSERT_EQ(::fchmodat(source_.get(), "dir", 0777, 0), 0);  // or other users cannot move it
    make_file(source_, "file", "");
    ASSERT_TRUE(shared()) << shared().error().text();
    lsm_ = &*shared();
    lsm_->exempt({});
    (void)take_events();
    before_ = *lsm_->counters();
    tag(tree_, kOwner);
  }

  void TearDown() override {
    for (const auto& [directory, inode] : tagged_)
      if (lsm_->is_tagged(directory.get())) (void)lsm_->untag(directory.get(), inode);
    tagged_.clear();
    (void)::umount2(kScratch, MNT_DETACH);
  }

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

  // A file that other users can write and link.
  static void make_file(const Fd& in, const char* name, std::string_view content) {
    const Fd file(::openat(in.get(), name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_TRUE(file) << name;
    ASSERT_EQ(::fchmod(file.get(), 0666),
              0);  // or fs.protected_hardlinks prevents links by other users
    ASSERT_EQ(::write(file.get(), content.data(), content.size()),
              static_cast<ssize_t>(content.size()));
  }
  static void make_file_as_owner(const Fd& in, const char* name, std::string_view content) {
    const ActingAs owner(kOwner);
    make_file(in, name, content);
  }

  static TaggedInode inode_of(const Fd& directory) {
    struct stat facts {};
    EXPECT_EQ(::fstat(directory.get(), &facts), 0);
    return {facts.st_ino, superblock_of(directory.get()), 0, 0};
  }
  static std::uint64_t number_of(const Fd& in, const char* name) {
    struct stat facts {};
    EXPECT_EQ(::fstatat(in.get(), name, &facts, AT_SYMLINK_NOFOLLOW), 0) << name;
    return facts.st_ino;
  }

  static TreeTag tag_for(std::uint32_t owner, TreeAction action = kTreeActionDeny,
                         std::uint32_t guards = kOwnershipBit) {
    TreeTag tag{};
    tag.terms = {owner, owner, kAnyMode, kAnyMode, static_cast<std::uint32_t>(action)};
    tag.guards = guards;
    return tag;
  }

  // A tag without a tree number gets the next one.
  void tag(const Fd& directory, TreeTag tag) {
    if (tag.tree == 0) tag.tree = ++last_tree_;
    const auto inode = inode_of(directory);
    const auto status = lsm_->tag(directory.get(), inode, tag);
    ASSERT_TRUE(status) << status.error().text();
    tagged_.emplace_back(Fd(::dup(directory.get())), inode);
    guards_ |= tag.guards;
    lsm_->set_guards_in_use(guards_);
  }
  void tag(const Fd& directory, std::uint32_t owner, TreeAction action = kTreeActionDeny,
           std::uint32_t guards = kOwnershipBit) {
    tag(directory, tag_for(owner, action, guards));
  }
  void untag(const Fd& directory) {
    ASSERT_TRUE(lsm_->untag(directory.get(), inode_of(directory)));
  }

  // Since the start of the test.
  LsmCounters counters() const {
    const auto now = *lsm_->counters();
    return {now.denied - before_.denied,   now.passed - before_.passed,
            now.unknown - before_.unknown, now.undecided - before_.undecided,
            now.folded - before_.folded,   now.lost - before_.lost};
  }

  // The events since the last call.
  EventLog take_events() const {
    Recorder recorder;
    while (lsm_->dispatch(recorder, 1000)) {
    }
    return std::move(recorder.log);
  }

  static std::vector<std::string> names(const Fd& directory) {
    std::vector<std::string> names;
    for (const auto& entry :
         fs::directory_iterator("/proc/self/fd/" + std::to_string(directory.get())))
      names.push_back(entry.path().filename());
    return names;
  }

  // The visible state of an object, to check whether it changed.
  static std::string state_of(const Fd& in, const char* name) {
    const ActingAs owner(kOwner);  // who may read it under every guard
    struct stat facts {};
    if (::fstatat(in.get(), name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return "none";
    std::ostringstream out;
    out << facts.st_mode << ' ' << facts.st_uid << ' ' << facts.st_gid << ' ' << facts.st_nlink
        << ' ' << facts.st_size << ' ' << facts.st_mtim.tv_sec << '.' << facts.st_mtim.tv_nsec
        << ' ' << facts.st_ctim.tv_sec << '.' << facts.st_ctim.tv_nsec << ' ';
    if (S_ISREG(facts.st_mode)) {
      const Fd file(::openat(in.get(), name, O_RDONLY | O_CLOEXEC));
      char content[4096];
      const auto size = ::pread(file.get(), content, sizeof content, 0);
      if (size > 0) out << std::string_view(content, static_cast<std::size_t>(size));
    }
    return out.str();
  }

  static constexpr const char* kScratch = "/mnt";
  Fd tree_, outside_, source_;
  Lsm* lsm_ = nullptr;

 private:
  static void enter_own_namespace() {
    static bool entered = false;
    if (std::exchange(entered, true)) return;
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  }

  // A new tmpfs; or a directory for each test on one shared file system of the other types.
  void mount_scratch(test::FsType type) {
    if (type == test::FsType::kTmpfs) {
      ASSERT_EQ(::mount("scratch", kScratch, "tmpfs", 0, "mode=0755"), 0);
      return;
    }
    static std::map<test::FsType, std::unique_ptr<test::ScratchFs>> all;
    if (!all.contains(type)) {
      if (const auto why = test::why_no_scratch_fs(type); !why.empty()) GTEST_SKIP() << why;
      auto made = test::ScratchFs::make(type);
      ASSERT_TRUE(made) << made.error().text();
      all[type] = *std::move(made);
    }
    static int count = 0;
    const auto own = all[type]->root() / std::to_string(++count);
    ASSERT_TRUE(fs::create_directory(own));
    ASSERT_EQ(::mount(own.c_str(), kScratch, nullptr, MS_BIND, nullptr), 0);
  }

  // Shared by all tests, because loading and attaching takes a second in emulation.
  static Result<Lsm>& shared() {
    static Result<Lsm> lsm = [] {
      auto loaded = Lsm::load();
      if (!loaded) return loaded;
      if (auto attached = loaded->attach(kEverything); !attached)
        return Result<Lsm>(std::move(attached).error());
      return loaded;
    }();
    return lsm;
  }

  LsmCounters before_;
  std::uint64_t last_tree_ = 0;
  std::uint32_t guards_ = 0;
  std::vector<std::pair<Fd, TaggedInode>> tagged_;
};

class LsmOnEveryFs : public LsmTest, public testing::WithParamInterface<test::FsType> {
 protected:
  void SetUp() override { set_up_on(GetParam()); }
};

}  // namespace guard
