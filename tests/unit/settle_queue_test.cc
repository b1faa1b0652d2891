#include "guardd/settle/settle_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace guard {
namespace {

using namespace std::chrono_literals;

FileId file_id(int number) {
  return {"filesystem", 1, std::to_string(number)};
}

class SettleQueueTest : public testing::Test {
 protected:
  static constexpr auto kSettle = 250ms;

  WatchedDirectory& directory(int number, WatchedDirectory* parent, const std::string& name) {
    return directories_.add(file_id(number), 0, parent, name);
  }
  void made(WatchedDirectory& in, const std::string& name, bool is_directory = false,
            FileId object = {}, Operation operation = Operation::kCreate) {
    settle_.seen(in, name, {operation, nullptr, std::move(object), is_directory}, kSettle, now_);
  }
  std::string taken() {
    const auto due = settle_.take(now_);
    if (!due) return "nothing";
    const auto path = WatchedDirectories::path_of(*directories_.find(due->directory), due->name);
    return due->look ? "look at " + path : path;
  }

  SteadyTime now_{1h};
  WatchedDirectories directories_;
  WatchedDirectory& root_ = directory(1, nullptr, "");
  SettleQueue settle_{directories_, 8};
};

TEST_F(SettleQueueTest, TakesNothingBeforeItHasSettled) {
  made(root_, "a");
  now_ += 249ms;
  EXPECT_EQ(taken(), "nothing");
  now_ += 1ms;
  EXPECT_EQ(taken(), "a");
  EXPECT_EQ(taken(), "nothing");
  EXPECT_FALSE(settle_.next());
}

TEST_F(SettleQueueTest, AStormInOneTreeTakesNoRoomFromOthers) {
  auto& other = directories_.add(file_id(100), 1, nullptr, "");
  for (int i = 0; i < 50; ++i) made(root_, std::to_string(i));
  for (int i = 0; i < 8; ++i) made(other, "o" + std::to_string(i));
  EXPECT_EQ(settle_.storms(), 1U);
  EXPECT_EQ(settle_.waiting(), 17U);
  EXPECT_EQ(settle_.take_merged(), (std::map<std::uint32_t, std::uint64_t>{{0, 42}}));
  EXPECT_TRUE(settle_.take_merged().empty());
  now_ += 250ms;
  // And the trees take turns.
  EXPECT_EQ(taken(), "0");
  EXPECT_EQ(taken(), "o0");
  EXPECT_EQ(taken(), "1");
  EXPECT_EQ(taken(), "o1");
  const auto due = settle_.take(now_, {root_.home->id});
  ASSERT_TRUE(due);
  EXPECT_EQ(due->name, "o2");
  EXPECT_EQ(due->home, other.home->id);
}

TEST_F(SettleQueueTest, DeepFilesWaitNoLongerThanOthers) {
  auto* above = &root_;
  std::string path;
  for (int level = 2; level < 8; ++level) {
    made(*above, "d", true);
    above = &directory(level, above, "d");
    path += path.empty() ? "d" : "/d";
  }
  made(*above, "file");
  now_ += 250ms;
  EXPECT_EQ(taken(), path + "/file");
  for (; !path.empty(); path.resize(path.size() < 2 ? 0 : path.size() - 2))
    EXPECT_EQ(taken(), path);
}

TEST_F(SettleQueueTest, EachNewNoticeRestartsTheWait) {
  made(root_, "a");
  for (int i = 0; i < 10; ++i) {
    now_ += 200ms;
    EXPECT_EQ(taken(), "nothing");
    settle_.stirred(root_, "a", now_);
  }
  now_ += 250ms;
  EXPECT_EQ(taken(), "a");
}

TEST_F(SettleQueueTest, TakesADirectoryAfterItsContents) {
  auto& below = directory(2, &root_, "d");
  made(root_, "d", true);
  now_ += 200ms;
  made(below, "f");
  now_ += 200ms;
  EXPECT_EQ(taken(), "nothing");
  now_ += 50ms;
  EXPECT_EQ(taken(), "d/f");
  now_ += 250ms;
  EXPECT_EQ(taken(), "d");
}

TEST_F(SettleQueueTest, ADirectoryWaitsForAFileThatIsStillOpen) {
  auto& below = directory(2, &root_, "d");
  made(root_, "d", true);
  made(below, "f");
  for (int i = 0; i < 5; ++i) {
    now_ += 1s;
    auto due = settle_.take(now_);
    ASSERT_TRUE(due);
    EXPECT_EQ(due->name, "f");
    EXPECT_EQ(due->tries, static_cast<unsigned>(i));
    ++due->tries;
    settle_.put_back(*std::move(due), now_ + 1s);
    EXPECT_EQ(taken(), "nothing");
  }
  now_ += 1s;
  EXPECT_EQ(taken(), "d/f");
  now_ += 1s;
  EXPECT_EQ(taken(), "d");
  EXPECT_EQ(root_.waiting_below, 0U);
}

TEST_F(SettleQueueTest, TakesAFileThatNeverSettles) {
  made(root_, "log");
  const auto begun = now_;
  while (taken() == "nothing") {
    now_ += 100ms;
    settle_.stirred(root_, "log", now_);
    ASSERT_LE(now_ - begun, SettleQueue::kLongestWait);
  }
  EXPECT_EQ(now_ - begun, SettleQueue::kLongestWait);
}

TEST_F(SettleQueueTest, TakesADirectoryThatNeverSettles) {
  auto& below = directory(2, &root_, "d");
  made(root_, "d", true);
  const auto begun = now_;
  int i = 0;
  for (auto found = taken(); found != "d"; found = taken()) {
    if (found != "nothing") continue;
    now_ += 100ms;
    made(below, std::to_string(++i));
    ASSERT_LE(now_ - begun, SettleQueue::kLongestWaitBelow + kSettle);
  }
  EXPECT_GE(now_ - begun, SettleQueue::kLongestWaitBelow);
}

TEST_F(SettleQueueTest, ACloseByTheOwnerDelaysTheFileButNotTheDirectoriesAbove) {
  auto& below = directory(2, &root_, "d");
  made(root_, "d", true);
  made(below, "f");
  now_ += 200ms;
  settle_.closed(below, "f", now_);
  now_ += 200ms;
  EXPECT_EQ(taken(), "nothing");
  now_ += 50ms;
  EXPECT_EQ(taken(), "d/f");
  EXPECT_EQ(taken(), "d");
}

TEST_F(SettleQueueTest, AChangeThatIsPutBackKeepsItsOrigin) {
  made(root_, "a", false, file_id(7));
  now_ += 250ms;
  auto due = settle_.take(now_);
  ASSERT_TRUE(due);
  made(root_, "a", false, file_id(7), Operation::kChown);
  settle_.put_back(*std::move(due), now_);
  now_ += 250ms;
  due = settle_.take(now_);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->seen.operation, Operation::kCreate);
}

TEST_F(SettleQueueTest, ReportsTheObjectsWhoseChangesItDropped) {
  auto& below = directory(2, &root_, "d");
  made(root_, "a", false, file_id(7));
  made(below, "b", false, file_id(8));
  made(root_, "c");
  settle_.replaced(root_, "a");
  settle_.replaced(root_, "c");
  directories_.forget(below);
  now_ += 1s;
  EXPECT_EQ(taken(), "nothing");
  EXPECT_EQ(settle_.take_dropped(), (std::vector<FileId>{file_id(7), file_id(8)}));
  EXPECT_TRUE(settle_.take_dropped().empty());
}

TEST_F(SettleQueueTest, KeepsTheOriginUntilAnotherObjectIsThere) {
  made(root_, "a", false, file_id(7));
  made(root_, "a", false, file_id(7), Operation::kChown);
  now_ += kSettle;
  EXPECT_EQ(settle_.take(now_)->seen.operation, Operation::kCreate);

  made(root_, "a", false, file_id(7));
  made(root_, "a", false, file_id(8), Operation::kChown);
  now_ += kSettle;
  EXPECT_EQ(settle_.take(now_)->seen.operation, Operation::kChown);

  made(root_, "a");
  settle_.replaced(root_, "a");
  now_ += kSettle;
  EXPECT_EQ(taken(), "nothing");
}

TEST_F(SettleQueueTest, AStormBecomesALookAtTheDirectory) {
  auto& below = directory(2, &root_, "d");
  for (int i = 0; i < 8; ++i) made(root_, std::to_string(i));
  for (int i = 0; i < 1000; ++i) made(below, std::to_string(i));
  EXPECT_EQ(settle_.waiting(), 9U);
  EXPECT_EQ(settle_.storms(), 1U);
  now_ += kSettle;
  for (int i = 0; i < 8; ++i) EXPECT_EQ(taken(), std::to_string(i));
  EXPECT_EQ(taken(), "look at d");
  EXPECT_TRUE(settle_.take_overflowed().empty());
}

TEST_F(SettleQueueTest, ForgetsChangesInARemovedDirectory) {
  auto& below = directory(2, &root_, "d");
  made(below, "f");
  directories_.forget(below);
  EXPECT_EQ(root_.waiting_below, 0U);
  now_ += kSettle;
  EXPECT_EQ(taken(), "nothing");
  EXPECT_EQ(settle_.waiting(), 0U);
}

TEST_F(SettleQueueTest, ChangesWaitOnInAMovedDirectory) {
  auto& a = directory(2, &root_, "a");
  auto& b = directory(3, &root_, "b");
  auto& d = directory(4, &a, "d");
  made(d, "f");
  EXPECT_EQ(a.waiting_below, 1U);
  WatchedDirectories::move(d, b, "e");
  EXPECT_EQ(a.waiting_below, 0U);
  EXPECT_EQ(b.waiting_below, 1U);
  EXPECT_EQ(root_.waiting_below, 1U);
  now_ += kSettle;
  EXPECT_EQ(taken(), "b/e/f");
  EXPECT_EQ(root_.waiting_below, 0U);
}

TEST_F(SettleQueueTest, ForgettingATreeLeavesNothingWaiting) {
  made(root_, "a");
  settle_.forget_tree(0);
  EXPECT_EQ(settle_.waiting(), 0U);
  EXPECT_FALSE(settle_.next());
}

// rsync creates its files under a temporary name.
TEST_F(SettleQueueTest, ARenameTakesTheChangeToTheNewName) {
  made(root_, ".a.tmp", false, file_id(9));
  NoticedChange seen;
  seen.operation = Operation::kRename;
  seen.object = file_id(9);
  settle_.renamed(root_, ".a.tmp", seen);
  EXPECT_EQ(seen.operation, Operation::kCreate);
  EXPECT_EQ(settle_.find(root_, ".a.tmp"), nullptr);
}

TEST_F(SettleQueueTest, ARenameDoesNotTakeAChangeToAnotherObject) {
  made(root_, "a", false, file_id(9));
  NoticedChange seen;
  seen.operation = Operation::kRename;
  seen.object = file_id(10);
  settle_.renamed(root_, "a", seen);
  EXPECT_EQ(seen.operation, Operation::kRename);
}

}  // namespace
}  // namespace guard
