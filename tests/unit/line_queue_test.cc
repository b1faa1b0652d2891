// Readers that are slow, gone, back or missing: nothing waits for them, and every loss is reported.
#include "guardd/publish/line_queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>

#include "policy/base/handle.h"

namespace guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string loss_line(std::uint64_t lost) {
  return "lost " + std::to_string(lost) + "\n";
}

struct Pipe {
  Fd from;
  Fd to;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

std::unique_ptr<LineQueue> start(const Fd& out, LineQueue::Limits limits = {}) {
  auto queue = LineQueue::start(out.get(), limits, loss_line);
  EXPECT_TRUE(queue);
  return queue ? *std::move(queue) : nullptr;
}

// Everything until the last writer closes.
std::string read_all(const Fd& from) {
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const auto got = ::read(from.get(), buffer.data(), buffer.size());
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

// Every number from 0 on is present in order, or counted by a line in its place.
void expect_complete(const std::string& text, std::uint64_t pushed) {
  std::istringstream lines(text);
  std::string word;
  std::uint64_t next = 0;
  while (lines >> word) {
    std::uint64_t number = 0;
    if (word == "lost") {
      ASSERT_TRUE(lines >> number);
      next += number;
    } else {
      ASSERT_EQ(std::stoull(word), next) << "after " << next;
      ++next;
    }
  }
  EXPECT_EQ(next, pushed);
}

TEST(LineQueue, LosesOnlyALineThatIsTooLong) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Fd from(ends[0]);
  Fd to(ends[1]);
  auto queue = start(to);
  to.reset();
  EXPECT_TRUE(queue->push(std::string(4U << 20U, 'x')));
  while (queue->lost() == 0) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_TRUE(queue->push("next\n"));
  EXPECT_FALSE(queue->stop(seconds(1)));
  queue.reset();
  EXPECT_EQ(read_all(from), "lost 1\nnext\n");
}

TEST(LineQueue, WritesAllLinesInOrder) {
  auto [from, to] = make_pipe();
  auto queue = start(to);
  to.reset();
  std::string text;
  std::thread reader([&, &end = from] { text = read_all(end); });  // clang 14 captures no bindings
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(queue->push(std::to_string(i) + '\n'));
  EXPECT_TRUE(queue->stop(seconds(10)));
  queue.reset();
  reader.join();
  expect_complete(text, 5000);
  EXPECT_EQ(text.find("lost"), std::string::npos);
}

TEST(LineQueue, ReportsLostLinesToASlowReader) {
  auto [from, to] = make_pipe();
  auto queue = start(to, {100, 1U << 20U});
  to.reset();
  const auto before = std::chrono::steady_clock::now();
  constexpr std::uint64_t kPushed = 200'000;  // more than a pipe holds
  for (std::uint64_t i = 0; i < kPushed; ++i) queue->push(std::to_string(i) + '\n');
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(20));
  EXPECT_GT(queue->lost(), 0U);
  std::string text;
  std::thread reader([&, &end = from] { text = read_all(end); });  // clang 14 captures no bindings
  queue->stop(seconds(10));
  queue.reset();
  reader.join();
  expect_complete(text, kPushed);
}

TEST(LineQueue, CountsLinesThatNeedNotBeBuilt) {
  auto [from, to] = make_pipe();
  auto queue = start(to, {100, 1U << 20U});
  to.reset();
  constexpr std::uint64_t kPushed = 200'000;
  std::uint64_t made = 0;
  for (std::uint64_t i = 0; i < kPushed; ++i) {
    if (queue->loses_next()) continue;
    queue->push(std::to_string(i) + '\n');
    ++made;
  }
  EXPECT_LT(made, kPushed / 2);
  std::string text;
  std::thread reader([&, &end = from] { text = read_all(end); });  // clang 14 captures no bindings
  queue->stop(seconds(10));
  queue.reset();
  reader.join();
  expect_complete(text, kPushed);
}

TEST(LineQueue, IsBoundedInBytesToo) {
  auto [from, to] = make_pipe();
  auto queue = start(to, {1000, 1000});
  EXPECT_FALSE(queue->push(std::string(2000, 'x')));
  EXPECT_EQ(queue->lost(), 1U);
}

TEST(LineQueue, StopsInTimeWithoutAReader) {
  auto [from, to] = make_pipe();
  auto queue = start(to);
  for (int i = 0; i < 10'000; ++i) queue->push(std::string(99, 'x') + '\n');
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(queue->stop(milliseconds(100)));
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(5));
  EXPECT_GT(queue->lost(), 8000U);
}

TEST(LineQueue, SurvivesAReaderThatHasGone) {
  auto [from, to] = make_pipe();
  auto queue = start(to);
  from.reset();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(queue->push("x\n"));
  std::this_thread::sleep_for(milliseconds(20));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(queue->stop(seconds(30)));  // does not wait for a missing reader
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(10));
  EXPECT_EQ(queue->lost(), 10U);
}

TEST(LineQueue, AReturningReaderGetsWholeLines) {
  std::string directory = testing::TempDir() + "line_queue_XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const auto path = directory + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  Fd first(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Fd to(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  auto queue = start(to);
  to.reset();
  // Longer than a pipe, so that the first reader leaves in the middle.
  const std::string line = std::string(200'000, 'x') + '\n';
  EXPECT_TRUE(queue->push(line));
  std::this_thread::sleep_for(milliseconds(50));
  first.reset();
  EXPECT_TRUE(queue->push("last\n"));
  Fd second(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::thread reader([&] { text = read_all(second); });
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_TRUE(queue->stop(seconds(10)));
  queue.reset();
  reader.join();
  // Data that the first reader left in the pipe can come first.
  ASSERT_GE(text.size(), line.size() + 5);
  EXPECT_TRUE(text.ends_with(line + "last\n"));
  std::filesystem::remove_all(directory);
}

TEST(LineQueue, CountsLinesLostOnAFullDisk) {
  Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  auto queue = start(full, {10, 1000});
  for (int i = 0; i < 100; ++i) queue->push("x\n");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(queue->stop(seconds(30)));
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(10));
  EXPECT_GE(queue->lost(), 100U);
}

TEST(LineQueue, WritesFilesAndSockets) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  Fd from(ends[0]);
  Fd to(ends[1]);
  auto queue = start(to);
  to.reset();
  EXPECT_TRUE(queue->push("0\n"));
  EXPECT_TRUE(queue->stop(seconds(10)));
  queue.reset();
  EXPECT_EQ(read_all(from), "0\n");

  std::string path = testing::TempDir() + "line_queue_XXXXXX";
  Fd file(::mkstemp(path.data()));
  queue = start(file);
  EXPECT_TRUE(queue->push("0\n"));
  EXPECT_TRUE(queue->stop(seconds(10)));
  ASSERT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(read_all(file), "0\n");
  ::unlink(path.c_str());
}

TEST(LineQueue, LeavesASharedDescriptorUnchanged) {
  auto [from, to] = make_pipe();
  auto queue = start(to);
  EXPECT_EQ(::fcntl(to.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(LineQueue, AcceptsLinesFromManyThreads) {
  auto [from, to] = make_pipe();
  auto queue = start(to);
  to.reset();
  std::string text;
  std::thread reader([&, &end = from] { text = read_all(end); });  // clang 14 captures no bindings
  std::array<std::thread, 4> pushers;
  for (auto& pusher : pushers)
    pusher = std::thread([&] {
      for (int i = 0; i < 1000; ++i) queue->push("x\n");
    });
  for (auto& pusher : pushers) pusher.join();
  EXPECT_TRUE(queue->stop(seconds(10)));
  queue.reset();
  reader.join();
  EXPECT_EQ(text.size(), 8000U);
}

TEST(LineQueue, RejectsAClosedDescriptor) {
  EXPECT_FALSE(LineQueue::start(-1, {}, loss_line));
}

}  // namespace
}  // namespace guard
