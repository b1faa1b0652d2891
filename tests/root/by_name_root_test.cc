// A scan opens files by name only where no user but root can put anything at that name. It fixes
// such a directory after its files, and opens nothing but regular files.
#include <fcntl.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "guardd/repair/scan.h"
#include "tests/root/app_tree.h"

namespace guard::test {
namespace {

using std::chrono::milliseconds;

class ByName : public AppTreeTest {
 protected:
  void SetUp() override {
    AppTreeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    std::filesystem::create_directory(tree_ / "a");
    task_.policy = &policy_;
    task_.fix = true;
    options_.threads = 1;
  }

  void files(int count, mode_t mode = 0644) {
    for (int i = 0; i < count; ++i) make("a/" + std::to_string(i), S_IFREG | mode);
  }
  void make(const std::string& name, mode_t mode, dev_t device = 0) {
    ASSERT_EQ(::mknod((tree_ / name).c_str(), mode, device), 0) << name;
    ASSERT_EQ(::chmod((tree_ / name).c_str(), mode & 07777U), 0) << name;
  }
  uid_t owner(const std::string& name) const {
    struct stat facts {};
    EXPECT_EQ(::lstat((tree_ / name).c_str(), &facts), 0) << name;
    return facts.st_uid;
  }

  void scan(const std::function<void(const Finding&)>& found = {},
            const std::stop_token& stop = {}) {
    auto opened = open_tree(tree_);
    ASSERT_TRUE(opened) << opened.error().text();
    ScanProgress progress;
    auto report = guard::scan(
        *opened, task_, options_,
        [&](const Finding& finding) {
          order_.emplace_back(finding.path);
          if (finding.outcome) skips_[order_.back()] = finding.outcome->skip;
          if (found) found(finding);
        },
        stop, progress);
    ASSERT_TRUE(report) << report.error().text();
  }

  ScanTask task_;
  ScanOptions options_;
  std::vector<std::string> order_;
  std::map<std::string, Skip> skips_;
};
GUARD_ON_EVERY_FS(ByName);

// The names in a directory that are opened for more than O_PATH.
class Opens {
 public:
  explicit Opens(const std::filesystem::path& directory) {
    EXPECT_GE(::inotify_add_watch(events_.get(), directory.c_str(), IN_OPEN), 0);
  }
  std::size_t of(const std::string& name) {
    alignas(inotify_event) std::array<char, 1U << 16U> room;
    for (ssize_t size = 0; (size = ::read(events_.get(), room.data(), room.size())) > 0;) {
      for (ssize_t at = 0; at < size;) {
        const auto& event = *reinterpret_cast<const inotify_event*>(room.data() + at);
        if (event.len > 0) ++counts_[event.name];
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    }
    return counts_[name];
  }

 private:
  Fd events_{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  std::map<std::string, std::size_t> counts_;
};

TEST_P(ByName, ADirectoryOfRootsIsFixedAfterItsFiles) {
  files(200);
  std::filesystem::create_directory(tree_ / "a/below");
  options_.threads = 2;
  scan();
  ASSERT_EQ(order_.size(), 202U);
  const auto place = std::find(order_.begin(), order_.end(), "a") - order_.begin();
  for (int i = 0; i < 200; ++i) {
    const auto name = "a/" + std::to_string(i);
    EXPECT_LT(std::find(order_.begin(), order_.end(), name) - order_.begin(), place) << name;
    EXPECT_EQ(owner(name), kApp) << name;
  }
  EXPECT_EQ(owner("a"), kApp);
  EXPECT_EQ(owner("a/below"), kApp);
}

TEST_P(ByName, OnlyRegularFilesAreOpened) {
  files(3);
  make("a/fifo", S_IFIFO | 0644);
  make("a/null", S_IFCHR | 0644, makedev(1, 3));
  ASSERT_EQ(::symlink("0", (tree_ / "a/link").c_str()), 0);
  Opens opens(tree_ / "a");
  scan();
  EXPECT_GT(opens.of("0"), 0U);
  for (const char* name : {"fifo", "null"}) {
    EXPECT_EQ(opens.of(name), 0U) << name;
    EXPECT_EQ(skips_["a/" + std::string(name)], Skip::kSpecial) << name;
  }
  EXPECT_EQ(owner("a/link"), kApp);
}

TEST_P(ByName, EveryReasonToLeaveAFileHolds) {
  files(2);
  make("a/setuid", S_IFREG | 04755);
  make("a/secret", S_IFREG | 0600);
  make("a/written", S_IFREG | 0644);
  make("a/linked", S_IFREG | 0644);
  ASSERT_EQ(::link((tree_ / "a/linked").c_str(), (tree_ / "a/other").c_str()), 0);
  const Fd writer(::open((tree_ / "a/written").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(writer);
  scan();
  const std::map<std::string, Skip> skips{{"a", Skip::kNone},
                                          {"a/0", Skip::kNone},
                                          {"a/1", Skip::kNone},
                                          {"a/setuid", Skip::kSetId},
                                          {"a/secret", Skip::kNoEvidence},
                                          {"a/written", Skip::kBusy},
                                          {"a/linked", Skip::kHardLink},
                                          {"a/other", Skip::kHardLink}};
  EXPECT_EQ(skips_, skips);
  for (const auto& [name, skip] : skips) EXPECT_EQ(owner(name), skip == Skip::kNone ? kApp : 0U);
}

// Root gives the directory to another user in the middle of the scan, who puts FIFOs in the place
// of files that the scan has already listed.
TEST_P(ByName, EndsWhenTheDirectoryIsAnotherUsers) {
  constexpr int kFiles = 50;
  files(kFiles);
  Opens opens(tree_ / "a");
  std::string first;
  scan([&](const Finding& finding) {
    if (!first.empty()) return;
    first = finding.path.substr(2);
    ASSERT_EQ(::chown((tree_ / "a").c_str(), kApp, kApp), 0);
    for (int i = 0; i < kFiles; ++i) {
      const auto name = std::to_string(i);
      if (name == first) continue;
      ASSERT_EQ(::unlink((tree_ / "a" / name).c_str()), 0);
      make("a/" + name, S_IFIFO | 0644);
    }
    std::this_thread::sleep_for(2 * milliseconds(Directory::kOwnerMoment / milliseconds(1)));
  });
  for (int i = 0; i < kFiles; ++i) {
    const auto name = std::to_string(i);
    if (name == first) continue;
    EXPECT_EQ(opens.of(name), 0U) << name;
    EXPECT_EQ(owner("a/" + name), 0U) << name;
  }
}

TEST_P(ByName, AStoppedScanLeavesTheDirectory) {
  files(200);
  std::stop_source stop;
  scan([&](const Finding&) { stop.request_stop(); }, stop.get_token());
  EXPECT_EQ(owner("a"), 0U);
  scan();
  EXPECT_EQ(owner("a"), kApp);
}

// Directories that the walk does not keep open are fixed before the rest of their files.
TEST_P(ByName, FixesADeepTree) {
  std::string deepest = "a";
  for (int i = 0; i < 30; ++i) {
    deepest += "/d";
    std::filesystem::create_directory(tree_ / deepest);
    for (const char* name : {"/before", "/z"}) make(deepest + name, S_IFREG | 0644);
  }
  scan();
  EXPECT_EQ(order_.size(), 1U + 30 * 3);
  for (const auto& path : order_) EXPECT_EQ(owner(path), kApp) << path;
}

TEST_P(ByName, AFileThatIsNone) {
  make("a/fifo", S_IFIFO | 0644);
  const auto tree = open_tree(tree_);
  ASSERT_TRUE(tree);
  const Fd directory(::open((tree_ / "a").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto opened = open_file(*tree, directory.get(), "fifo");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), EISDIR);
}

}  // namespace
}  // namespace guard::test
