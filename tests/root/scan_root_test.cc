// A scan finds everything that is wrong and nothing else, in trees of any shape, and never leaves
// the tree.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "guardd/repair/scan.h"
#include "tests/root/app_tree.h"

namespace guard::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Pattern pattern(const std::string& text) {
  auto glob = Glob::compile(text);
  EXPECT_TRUE(glob) << text;
  return {*std::move(glob), {}};
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

class Scan : public AppTreeTest {
 protected:
  void SetUp() override {
    AppTreeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    task_.policy = &policy_;
    options_.threads = 2;
  }

  void file(const std::string& name, uid_t uid = 0, mode_t mode = 0644) {
    const auto path = (tree_ / name).string();
    { const Fd made(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }
    EXPECT_EQ(::chown(path.c_str(), uid, uid), 0);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0) << path;
  }
  void directory(const std::string& name, uid_t uid = kApp, mode_t mode = 0755) {
    std::filesystem::create_directory(tree_ / name);
    EXPECT_EQ(::chown((tree_ / name).c_str(), uid, uid), 0);
    EXPECT_EQ(::chmod((tree_ / name).c_str(), mode), 0);
  }
  static uid_t owner(const std::filesystem::path& path) {
    struct stat facts {};
    EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
    return facts.st_uid;
  }

  // Runs a scan and returns what it found; a path found twice is a failure.
  std::set<std::string> scan(const std::stop_token& stop = {}) {
    std::set<std::string> paths;
    skips_.clear();
    auto opened = open_tree(tree_);
    EXPECT_TRUE(opened) << opened.error().text();
    const auto before = open_descriptors();
    auto report = guard::scan(
        *opened, task_, options_,
        [&](const Finding& finding) {
          EXPECT_TRUE(paths.emplace(finding.path).second) << finding.path;
          if (finding.outcome) skips_[std::string(finding.path)] = finding.outcome->skip;
        },
        stop, progress());
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(report) << report.error().text();
    if (report) report_ = *std::move(report);
    return paths;
  }

  ScanProgress& progress() { return *progress_; }

  // A chain of directories, made and left open one after the other; the innermost is returned.
  Fd chain(int depth, const std::function<std::string(int)>& name) {
    Fd at(::open(tree_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < depth; ++i) {
      const auto each = name(i);
      EXPECT_EQ(::mkdirat(at.get(), each.c_str(), 0755), 0);
      at = Fd(::openat(at.get(), each.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    return at;
  }

  ScanTask task_;
  ScanOptions options_;
  ScanReport report_;
  std::map<std::string, Skip> skips_;
  std::unique_ptr<ScanProgress> progress_ = std::make_unique<ScanProgress>();
};
GUARD_ON_EVERY_FS(Scan);

using Paths = std::set<std::string>;

TEST_P(Scan, FindsEverythingWrongAndNothingElse) {
  directory("a");
  directory("a/b", 0);
  file("right", kApp);
  file("wrong");
  file("a/wrong", 5001);
  file("a/b/right", kApp);
  std::filesystem::create_symlink("/etc/shadow", tree_ / "link");
  file("odd\n\xff name");
  EXPECT_EQ(scan(), (Paths{"a/b", "a/wrong", "link", "odd\n\xff name", "wrong"}));
  EXPECT_TRUE(report_.complete);
  EXPECT_EQ(progress().objects, 9U);
  EXPECT_EQ(progress().directories, 3U);
  EXPECT_EQ(progress().wrong, 5U);
  EXPECT_EQ(owner(tree_ / "wrong"), 0U) << "a scan without fix has changed something";
}

TEST_P(Scan, IncludesTheRootOfTheTree) {
  ASSERT_EQ(::chown(tree_.c_str(), 0, 0), 0);
  EXPECT_EQ(scan(), Paths{""});
  task_.fix = true;
  EXPECT_EQ(scan(), Paths{""});
  EXPECT_EQ(owner(tree_), kApp);
}

TEST_P(Scan, AppliesRulesExcludesAndModes) {
  policy_.wanted.file_mode = Mode{0640};
  policy_.wanted.dir_mode = Mode{0755};
  policy_.exclude = {pattern("cache/**"), pattern("*.tmp")};
  Rule rule;
  rule.match = {pattern("conf/*.key")};
  rule.wanted = policy_.wanted;
  rule.wanted.owner = {kRoot, "root"};
  rule.action = Action::kLog;
  policy_.rules = {rule};
  for (const char* name : {"cache", "cache/deep", "conf", "x.tmp"}) directory(name);
  directory("narrow", kApp, 0700);
  file("cache/deep/wrong");
  file("y.tmp");
  file("x.tmp/wrong");  // only the directory itself is excluded
  file("wide", kApp, 0666);
  file("right", kApp, 0640);
  file("conf/its.key", kApp, 0640);
  file("conf/right.key", 0, 0640);
  ASSERT_EQ(::chown((tree_ / "conf/right.key").c_str(), 0, kApp), 0);
  EXPECT_EQ(scan(), (Paths{"conf/its.key", "narrow", "wide", "x.tmp/wrong"}));
  // An exclude of a whole directory keeps the scan out: tree, cache, conf, narrow, x.tmp.
  EXPECT_EQ(progress().directories, 5U);
}

TEST_P(Scan, LeavesNestedTreesToTheirPolicies) {
  directory("nested");
  directory("nested/deep");
  directory("nested_not");
  file("nested/deep/wrong");
  file("nested_not/wrong");
  ASSERT_EQ(::chown((tree_ / "nested").c_str(), 0, 0), 0);
  task_.nested = {"nested"};
  EXPECT_EQ(scan(), Paths{"nested_not/wrong"});
  task_.start = "nested/deep";
  EXPECT_EQ(scan(), Paths{});
}

TEST_P(Scan, BeginsAtTheGivenDirectory) {
  directory("a");
  directory("a/b", 0);
  directory("a/b/c");
  file("wrong");
  file("a/b/wrong");
  file("a/b/c/wrong");
  task_.start = "a/b";
  EXPECT_EQ(scan(), (Paths{"a/b", "a/b/c/wrong", "a/b/wrong"}));
  task_.below = false;
  EXPECT_EQ(scan(), (Paths{"a/b", "a/b/wrong"}));
}

TEST_P(Scan, FixesWhatItFinds) {
  directory("a", 0);
  file("a/public");
  file("a/secret", 0, 0600);
  file("a/setuid", 0, 04755);
  ASSERT_EQ(::mkfifo((tree_ / "fifo").c_str(), 0644), 0);
  ASSERT_EQ(::mknod((tree_ / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(::mknod((tree_ / "socket").c_str(), S_IFSOCK | 0666, 0), 0);
  std::ofstream(root() / "foreign").close();
  std::filesystem::create_hard_link(root() / "foreign", tree_ / "hard");
  task_.fix = true;
  EXPECT_EQ(scan().size(), 8U);
  EXPECT_EQ(owner(tree_ / "a"), kApp);
  EXPECT_EQ(owner(tree_ / "a/public"), kApp);
  const std::map<std::string, Skip> skips{
      {"a", Skip::kNone},         {"a/public", Skip::kNone}, {"a/secret", Skip::kNoEvidence},
      {"a/setuid", Skip::kSetId}, {"fifo", Skip::kSpecial},  {"hard", Skip::kHardLink},
      {"null", Skip::kSpecial},   {"socket", Skip::kSpecial}};
  EXPECT_EQ(skips_, skips);
  for (const char* name : {"a/secret", "a/setuid", "fifo", "hard", "null", "socket"})
    EXPECT_EQ(owner(tree_ / name), 0U) << name;
  EXPECT_EQ(progress().fixed, 2U);
  EXPECT_EQ(progress().skipped, 6U);
}

// A world-readable file in a directory that only root may enter is a secret.
TEST_P(Scan, WithoutEvidenceFixesNothingBelowAClosedDirectory) {
  directory("closed", 0, 0700);
  directory("closed/deep", 0);
  file("closed/deep/file");
  task_.fix = true;
  scan();
  for (const char* name : {"closed", "closed/deep", "closed/deep/file"}) {
    EXPECT_EQ(skips_[name], Skip::kNoEvidence) << name;
    EXPECT_EQ(owner(tree_ / name), 0U) << name;
  }
  task_.start = "closed/deep";
  scan();
  EXPECT_EQ(owner(tree_ / "closed/deep/file"), 0U);
  task_.is_requested = true;
  task_.start = "closed";
  scan();
  EXPECT_EQ(owner(tree_ / "closed/deep/file"), kApp);
  EXPECT_EQ(owner(tree_ / "closed"), kApp);
}

TEST_P(Scan, ADryRunChangesNothing) {
  file("wrong");
  task_.fix = task_.dry_run = true;
  EXPECT_EQ(scan(), Paths{"wrong"});
  EXPECT_EQ(progress().fixed, 1U);
  EXPECT_EQ(owner(tree_ / "wrong"), 0U);
}

TEST_P(Scan, CrossesNoMount) {
  directory("other");
  directory("bound");
  file("file_mount", kApp);
  std::filesystem::create_directory(root() / "foreign");
  std::ofstream(root() / "foreign" / "file").close();
  const auto mount_at = [&](const char* name, const char* from, const char* type, unsigned long f) {
    ASSERT_EQ(::mount(from, (tree_ / name).c_str(), type, f, nullptr), 0) << name;
  };
  mount_at("other", "none", "tmpfs", 0);
  mount_at("bound", (root() / "foreign").c_str(), nullptr, MS_BIND);
  mount_at("file_mount", (root() / "foreign/file").c_str(), nullptr, MS_BIND);
  std::ofstream(tree_ / "other" / "file").close();
  task_.fix = true;
  EXPECT_EQ(scan(), Paths{});
  EXPECT_EQ(progress().mounts, 3U);
  EXPECT_EQ(owner(root() / "foreign/file"), 0U);
  EXPECT_EQ(owner(tree_ / "other/file"), 0U);
  for (const char* name : {"other", "bound", "file_mount"})
    ASSERT_EQ(::umount2((tree_ / name).c_str(), MNT_DETACH), 0);
}

TEST_P(Scan, FollowsNoLink) {
  std::filesystem::create_directory(root() / "outside");
  std::ofstream(root() / "outside" / "file").close();
  std::filesystem::create_directory_symlink(root() / "outside", tree_ / "out");
  std::filesystem::create_directory_symlink(".", tree_ / "loop");
  task_.fix = true;
  EXPECT_EQ(scan(), (Paths{"loop", "out"}));
  EXPECT_EQ(owner(root() / "outside"), 0U);
  EXPECT_EQ(owner(root() / "outside/file"), 0U);
}

TEST_P(Scan, GoesDeeperThanAnyPath) {
  chain(60, [](int i) { return std::string(253, static_cast<char>('a' + i % 26)) + "\xff\n"; });
  task_.fix = true;
  EXPECT_EQ(scan().size(), 60U);
  EXPECT_EQ(progress().fixed, 60U);
  EXPECT_EQ(scan(), Paths{});
}

// Every level has a file before and after the next level, so that the walk comes back to it.
TEST_P(Scan, GoesDeeperThanItsDescriptors) {
  constexpr int kDepth = 5000;
  Fd at(::open(tree_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < kDepth; ++i) {
    for (const char* name : {"a", "z"}) ASSERT_EQ(::mknodat(at.get(), name, S_IFREG | 0644, 0), 0);
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    at = Fd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::uint64_t found = 0;
  auto opened = open_tree(tree_);
  ASSERT_TRUE(opened);
  for (const unsigned threads : {1U, 4U}) {
    found = 0;
    options_.threads = threads;
    const auto report = guard::scan(
        *opened, task_, options_, [&](const Finding&) { ++found; }, {}, progress());
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_TRUE(report->complete) << (report->troubles.empty() ? "" : report->troubles.front());
    EXPECT_EQ(found, 3U * kDepth) << threads << " threads";
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_P(Scan, SharesAWideDirectoryAndSkipsNothing) {
  constexpr unsigned kFiles = 100'000;
  directory("wide");
  const Fd at(::open((tree_ / "wide").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  unsigned made = 0;
  for (; made < kFiles; ++made) {
    const auto name = "file-" + std::to_string(made);
    if (::mknodat(at.get(), name.c_str(), S_IFREG | 0644, 0) < 0) break;
  }
  ASSERT_GT(made, 50'000U);  // a small file system may have fewer inodes
  const auto before = resident_bytes();
  std::uint64_t found = 0;
  auto opened = open_tree(tree_);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(guard::scan(
      *opened, task_, options_, [&](const Finding&) { ++found; }, {}, progress()));
  EXPECT_EQ(found, made);
  EXPECT_EQ(progress().objects, made + 2U);
#if !defined(GUARD_SANITIZED)
  EXPECT_LT(resident_bytes(), before + (4U << 20U));
#else
  (void)before;
#endif
}

TEST_P(Scan, StopsAtOnce) {
  for (int i = 0; i < 50; ++i) directory("d" + std::to_string(i));
  options_.rate = 2;  // would take 25 seconds
  std::stop_source stop;
  steady_clock::time_point requested;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(100));
    requested = steady_clock::now();
    stop.request_stop();
  });
  scan(stop.get_token());
  const auto took = steady_clock::now() - requested;
  EXPECT_LT(took, milliseconds(50));
  EXPECT_FALSE(report_.complete);
}

TEST_P(Scan, SlowsDownWhileTheTreeIsInUse) {
  for (int i = 0; i < 20'000; ++i) file("f" + std::to_string(i), kApp);
  TreeActivity activity;
  options_.activity = &activity;
  activity.note();
  const auto began = steady_clock::now();
  scan();
  // 20,000 at 100,000 a second, the first 20 ms free
  EXPECT_GE(steady_clock::now() - began, milliseconds(100));
  EXPECT_TRUE(report_.complete);
}

TEST_P(Scan, KeepsToItsRate) {
  for (int i = 0; i < 200; ++i) file("f" + std::to_string(i), kApp);
  options_.rate = 500;
  const auto began = steady_clock::now();
  scan();
  const auto took = steady_clock::now() - began;
  EXPECT_GE(took, milliseconds(330));  // the first 20 ms are free
  EXPECT_TRUE(report_.complete);
  EXPECT_EQ(progress().objects, 201U);
}

// A directory of the tree keeps turning into a link to the outside and back.
TEST_P(Scan, NeverLeavesTheTree) {
  const auto outside = root() / "outside";
  std::filesystem::create_directory(outside);
  for (int i = 0; i < 50; ++i) std::ofstream(outside / ("foreign" + std::to_string(i))).close();
  for (const char* name : {"swap", "swap/in"}) directory(name);
  for (int i = 0; i < 200; ++i) file("swap/in/mine" + std::to_string(i));
  const auto swap = tree_ / "swap";
  const auto aside = tree_ / "aside";
  std::jthread adversary([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (::rename(swap.c_str(), aside.c_str()) == 0) {
        (void)::symlink(outside.c_str(), swap.c_str());
        (void)::unlink(swap.c_str());
        (void)::rename(aside.c_str(), swap.c_str());
      }
    }
  });
  task_.fix = true;
  const auto end = steady_clock::now() + std::chrono::seconds(2);
  while (steady_clock::now() < end) {
    for (const auto& path : scan()) EXPECT_EQ(path.find("foreign"), std::string::npos) << path;
  }
  adversary.request_stop();
  adversary.join();
  EXPECT_EQ(owner(outside), 0U);
  for (const auto& each : std::filesystem::directory_iterator(outside))
    EXPECT_EQ(owner(each.path()), 0U) << each.path();
  scan();
  EXPECT_EQ(owner(swap / "in/mine0"), kApp);
}

// The policy does not apply to a directory that is moved out of the tree during the scan.
TEST_P(Scan, LeavesADirectoryThatMoves) {
  directory("going");
  for (int i = 0; i < 300; ++i) file("going/f" + std::to_string(i));
  options_.threads = 1;
  task_.start = "going";
  auto opened = open_tree(tree_);
  ASSERT_TRUE(opened);
  std::uint64_t found = 0;
  const auto report = guard::scan(
      *opened, task_, options_,
      [&](const Finding&) {
        if (++found != 1) return;
        EXPECT_EQ(::rename((tree_ / "going").c_str(), (root() / "gone").c_str()), 0);
        std::this_thread::sleep_for(milliseconds(20));
      },
      {}, progress());
  ASSERT_TRUE(report);
  EXPECT_EQ(found, 1U);
  EXPECT_FALSE(report->complete);
  EXPECT_EQ(progress().moved, 1U);
  ASSERT_EQ(report->troubles.size(), 1U);
}

}  // namespace
}  // namespace guard::test
