// The repair process: what hangs in it or ends it costs nothing but the trees concerned, and never
// the main process.
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/root/daemon_fixture.h"
#include "tests/root/frozen_fs.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class RepairProcess : public DaemonTest {
 protected:
  // Of the daemon.
  std::optional<pid_t> repair_process() const {
    const auto found = children_of(daemon(), "guardd: repair");
    return found.empty() ? std::nullopt : std::optional(found.front());
  }
  bool has_another_than(pid_t before) const {
    const auto now = repair_process();
    return now && *now != before;
  }

  // A tree on a file system of its own, which can freeze.
  fs::path cold_tree(const std::string& name) {
    auto made = ScratchFs::make(FsType::kExt4);
    EXPECT_TRUE(made);
    cold_.push_back(*std::move(made));
    const auto tree = cold_.back()->root() / name;
    fs::create_directory(tree);
    std::ofstream(tree / "own").close();
    for (const auto& each : {tree, tree / "own"}) EXPECT_EQ(::chown(each.c_str(), kApp, kApp), 0);
    std::ofstream(root() / "policies" / (name + ".toml"))
        << "[[policy]]\nname = \"" << name << "\"\npaths = [\"" << tree.string()
        << "\"]\nowner = 4242\ngroup = 4242\naction = \"fix\"\nsettle = \"600ms\"\n";
    return tree;
  }

  // Guards two of them and $T; a file in each of the two is still to be fixed.
  std::vector<fs::path> start_with_cold_trees() {
    std::vector<fs::path> trees{cold_tree("first"), cold_tree("second")};
    guard_app("fix", "20ms");
    start();
    for (const auto& tree : trees) std::ofstream(tree / "file").close();
    return trees;
  }

  bool is_named(const fs::path& tree) const {
    const auto all = of_type("health");
    return std::any_of(all.begin(), all.end(), [&](const Json& each) {
      return each.value("health_reason", "").find(tree.string() + "\" does not respond") !=
             std::string::npos;
    });
  }

  std::vector<std::unique_ptr<ScratchFs>> cold_;
};

GUARD_ON_EVERY_FS(RepairProcess);

TEST_P(RepairProcess, HasOnlyTheRightsThatItNeeds) {
  guard_app("fix");
  start();
  const auto process = repair_process();
  ASSERT_TRUE(process);
  // chown, fowner, dac_read_search and lease
  constexpr unsigned long kWanted = 1U << 0U | 1U << 3U | 1U << 2U | 1U << 28U;
  for (const char* key : {"CapPrm", "CapEff"})
    EXPECT_EQ(std::stoul(process_status(*process, key), nullptr, 16), kWanted) << key;
  EXPECT_EQ(process_status(*process, "Seccomp"), "2");
}

// The main process changes no owner, and acts as no other user.
TEST_P(RepairProcess, AloneChangesOwners) {
  guard_app("fix");
  start();
  const auto usable = std::stoul(process_status(daemon(), "CapEff"), nullptr, 16);
  for (const unsigned each : {0U, 1U, 7U, 28U})  // chown, dac_override, setuid, lease
    EXPECT_EQ(usable & (1UL << each), 0U) << each;
  as_root("touch $T/file");
  EXPECT_TRUE(becomes_apps("file"));
}

TEST_P(RepairProcess, IsReplacedWhenItEnds) {
  guard_app("fix", "200ms");
  start();
  for (int i = 0; i < 3; ++i) {
    const auto name = "file" + std::to_string(i);
    const auto process = repair_process();
    ASSERT_TRUE(process);
    as_root("for i in $(seq 200); do : > $T/" + name + ".$i; done; touch $T/" + name);
    ::kill(*process, SIGKILL);
    EXPECT_TRUE(eventually([&] { return has_another_than(*process); }));
    EXPECT_TRUE(becomes_apps(name));
    EXPECT_TRUE(becomes_apps(name + ".200"));
  }
}

TEST_P(RepairProcess, IsReplacedWhenItDoesNotAnswer) {
  if (GetParam() != FsType::kTmpfs) GTEST_SKIP() << "the same on each file system";
  guard_app("fix");
  start();
  const auto process = repair_process();
  ASSERT_TRUE(process);
  ::kill(*process, SIGSTOP);
  as_root("touch $T/file");
  EXPECT_TRUE(eventually([&] { return has_another_than(*process); }));
  EXPECT_TRUE(becomes_apps("file"));
}

TEST_P(RepairProcess, AFrozenFileSystemDoesNotBlockOthers) {
  const auto cold_type =
      GetParam() == FsType::kXfs ? FsType::kXfs : FsType::kExt4;  // no tmpfs freezes
  if (const auto why = why_no_scratch_fs(cold_type); !why.empty()) GTEST_SKIP() << why;
  auto other = ScratchFs::make(cold_type);
  ASSERT_TRUE(other);
  const auto cold = (*other)->root() / "cold";
  fs::create_directory(cold);
  ASSERT_EQ(::chown(cold.c_str(), kApp, kApp), 0);
  guard_app("fix");
  std::ofstream(root() / "policies" / "cold.toml")
      << "[[policy]]\nname = \"cold\"\npaths = [\"" << cold.string()
      << "\"]\nowner = 4242\ngroup = 4242\naction = \"fix\"\nsettle = \"200ms\"\n";
  start();
  for (int i = 0; i < 10; ++i) std::ofstream(cold / std::to_string(i)).close();
  {
    const FrozenFileSystem frozen((*other)->root());
    std::this_thread::sleep_for(500ms);
    EXPECT_EQ(owner(cold / "0"), 0U);
    as_root("touch $T/file");
    EXPECT_TRUE(becomes_apps("file"));
    ::kill(daemon(), SIGHUP);
    EXPECT_TRUE(eventually([&] { return !of_type("reload").empty(); }));
  }
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(eventually([&] { return owner(cold / std::to_string(i)) == kApp; })) << i;
}

// A repair of each hangs, and so does a scan of one: all others go on, and the two trees are named.
TEST_P(RepairProcess, TwoFrozenFileSystemsDelayNoOther) {
  if (const auto why = why_no_scratch_fs(FsType::kExt4); !why.empty()) GTEST_SKIP() << why;
  const auto trees = start_with_cold_trees();
  {
    const FrozenFileSystem one(cold_[0]->root());
    const FrozenFileSystem two(cold_[1]->root());
    for (int i = 0; i < 20; ++i) {
      const auto name = "file" + std::to_string(i);
      as_root("touch $T/" + name);
      EXPECT_TRUE(becomes_apps(name)) << name;
    }
    for (const auto& tree : trees) {
      EXPECT_EQ(owner(tree / "file"), 0U);
      EXPECT_TRUE(eventually([&] { return is_named(tree); }));
    }
    // A scan of a frozen tree hangs, too. Those of others do not wait for it for long.
    std::ofstream(root() / "policies" / "first.toml", std::ios::app) << "file_mode = \"0600\"\n";
    const auto third = root() / "third";
    fs::create_directory(third);
    std::ofstream(third / "found").close();
    std::ofstream(root() / "policies" / "third.toml")
        << "[[policy]]\nname = \"third\"\npaths = [\"" << third.string()
        << "\"]\nowner = 4242\ngroup = 4242\naction = \"fix\"\n";
    ::kill(daemon(), SIGHUP);
    EXPECT_TRUE(eventually([&] { return owner(third / "found") == kApp; }));
  }
  for (const auto& tree : trees)
    EXPECT_TRUE(eventually([&] { return owner(tree / "file") == kApp; })) << tree;
  EXPECT_TRUE(eventually([&] { return of_type("health").back()["health"] == "ok"; }))
      << of_type("health").back();
}

// A repair hangs on each of two file systems, and a scan on one: guardd ends at once, and another
// works on all other trees while they are still frozen.
TEST_P(RepairProcess, HoldsUpNoEndOfGuardd) {
  if (const auto why = why_no_scratch_fs(FsType::kExt4); !why.empty()) GTEST_SKIP() << why;
  const auto trees = start_with_cold_trees();
  {
    const FrozenFileSystem one(cold_[0]->root());
    const FrozenFileSystem two(cold_[1]->root());
    for (const auto signal : {SIGKILL, SIGTERM}) {
      std::this_thread::sleep_for(1s);  // the repairs have begun by then
      for (const auto& tree : trees) EXPECT_EQ(owner(tree / "file"), 0U);
      const auto before = std::chrono::steady_clock::now();
      if (signal == SIGKILL)
        kill_it();
      else
        EXPECT_EQ(stop(), 0);
      EXPECT_LT(std::chrono::steady_clock::now() - before, signal == SIGKILL ? kKilled : 1s);
      const auto again = std::chrono::steady_clock::now();
      start();
      EXPECT_LT(std::chrono::steady_clock::now() - again, 2s);
      const auto name = "file" + std::to_string(signal);
      as_root("touch $T/" + name);
      EXPECT_TRUE(becomes_apps(name));
    }
  }
  for (const auto& tree : trees)
    EXPECT_TRUE(eventually([&] { return owner(tree / "file") == kApp; })) << tree;
}

}  // namespace
}  // namespace guard::test
