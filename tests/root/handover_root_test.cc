// Pinned links, on a private BPF file system. The only link of the right kind that any kernel
// offers is that to the forks of processes, which the tracer also has.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bpf/kept_link.h"
#include "bpf/tracer.h"
#include "guardd/service/handover.h"

namespace guard {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// main.cc gives each test a mount namespace of its own.
constexpr auto kMount = "/mnt";
constexpr auto kDirectory = "/mnt/guardd";

class Pins : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto tracer = Tracer::load();
    if (!tracer) GTEST_SKIP() << tracer.error().text();
    tracer_.emplace(*std::move(tracer));
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      const int fd = std::stoi(entry.path().filename());
      if (check_kept_link(fd)) links_.push_back(fd);
      std::error_code gone;
      if (fs::read_symlink(entry.path(), gone).native().find("bpf-prog") != std::string::npos)
        program_ = fd;
    }
    if (links_.empty()) GTEST_SKIP() << "the tracer has no link to forks here";
    if (::mount("bpf", kMount, "bpf", 0, "mode=0700") != 0) GTEST_SKIP() << "no bpffs here";
    is_mounted_ = true;
  }
  void TearDown() override {
    if (is_mounted_) (void)::umount2(kMount, MNT_DETACH);
  }

  std::vector<std::pair<std::string, int>> named() const {
    return {{"guard_fork", links_.front()}};
  }
  static std::vector<std::string> there() {
    std::vector<std::string> paths;
    for (const auto& entry : fs::recursive_directory_iterator(kDirectory))
      if (!entry.is_directory()) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    return paths;
  }
  static Handover handover(const std::string& directory) {
    std::vector<std::unique_ptr<DescriptorStore>> stores;
    stores.push_back(std::make_unique<BpffsStore>(directory));
    return Handover(std::move(stores));
  }

  std::optional<Tracer> tracer_;
  std::vector<int> links_;
  int program_ = -1;
  bool is_mounted_ = false;
};

TEST_F(Pins, AreLinksOfTheKindThatTheLsmUses) {
  EXPECT_EQ(links_.size(), 1U);
  EXPECT_FALSE(check_kept_link(program_));
  EXPECT_FALSE(check_kept_link(-1));
}

TEST_F(Pins, SurviveTheirProcessAndAreReplaced) {
  const std::string directory = kDirectory;
  {
    auto first = handover(directory);
    ASSERT_TRUE(first.take());
    EXPECT_FALSE(first.holds());
    const auto kept = first.store(named());
    ASSERT_TRUE(kept) << kept.error().text();
    EXPECT_THAT(there(), ElementsAre(directory + "/1/guard_fork"));
  }
  tracer_.reset();
  SetUp();  // mounts over the first file system
  ASSERT_EQ(::umount2(kMount, MNT_DETACH), 0);
  auto second = handover(directory);
  const auto taken = second.take();
  ASSERT_TRUE(taken) << taken.error().text();
  EXPECT_TRUE(second.holds());
  const Fd group(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY));
  auto all = named();
  all.front().second = links_.back();
  all.emplace_back("pins", group.get());
  const auto kept = second.store(all);
  ASSERT_TRUE(kept) << kept.error().text();
  EXPECT_THAT(there(), ElementsAre(directory + "/2/guard_fork"));
  EXPECT_FALSE(fs::exists(directory + "/1"));
  second.release();
  EXPECT_THAT(there(), IsEmpty());
  EXPECT_FALSE(fs::exists(directory + "/2"));
}

TEST_F(Pins, ForeignLinksAreUnpinned) {
  const std::string directory = kDirectory;
  ASSERT_TRUE(handover(directory).store(named()));
  ASSERT_TRUE(pin_link(program_, directory + "/1/other"));
  auto next = handover(directory);
  const auto taken = next.take();
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().text(), HasSubstr("other"));
  EXPECT_FALSE(next.holds());
  EXPECT_THAT(there(), IsEmpty());
}

TEST_F(Pins, AreStoredOnlyWhereRootAloneCanWrite) {
  const std::string directory = kDirectory;
  ASSERT_EQ(::mkdir(directory.c_str(), 0700), 0);
  ASSERT_EQ(::chmod(directory.c_str(), 0777), 0);
  auto open = handover(directory);
  const auto kept = open.store(named());
  ASSERT_FALSE(kept);
  EXPECT_THAT(kept.error().text(), HasSubstr("other users than root"));
  auto elsewhere = handover("/proc");
  EXPECT_TRUE(elsewhere.take());
  EXPECT_FALSE(elsewhere.store(named()));
}

}  // namespace
}  // namespace guard
