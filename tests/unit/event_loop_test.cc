#include "guardd/base/event_loop.h"

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace guard {
namespace {

using namespace std::chrono_literals;

class EventLoopTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(loop_.open()); }

  EventLoop loop_;
  std::string log_;
};

std::optional<SteadyTime> never() {
  return std::nullopt;
}

TEST_F(EventLoopTest, PartsWorkInEveryTurnInTheirOrder) {
  int turns = 0;
  loop_.every_turn([] { return std::optional(SteadyTime()); },
                   [&](SteadyTime /*now*/) { log_ += 'a'; });
  loop_.every_turn(never, [&](SteadyTime /*now*/) {
    log_ += 'b';
    if (++turns == 3) loop_.end();
  });
  loop_.run();
  EXPECT_EQ(log_, "ababab");
}

TEST_F(EventLoopTest, SleepsUntilTheFirstPartIsDue) {
  const auto begun = std::chrono::steady_clock::now();
  SteadyTime ended;
  loop_.every_turn([&] { return std::optional(begun + 1h); }, [](SteadyTime /*now*/) {});
  loop_.every_turn([&] { return std::optional(begun + 50ms); },
                   [&](SteadyTime now) {
                     if (now < begun + 50ms) return;
                     ended = now;
                     loop_.end();
                   });
  loop_.run();
  EXPECT_GE(ended - begun, 50ms);
  EXPECT_LT(ended - begun, 30s);
}

TEST_F(EventLoopTest, DescriptorsAndSignalsWakeIt) {
  EventLoop::block({SIGUSR1});
  const Fd wake(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  loop_.every_turn(never, [](SteadyTime /*now*/) {});
  ASSERT_TRUE(loop_.on_readable(wake.get(), [&] {
    std::uint64_t count = 0;
    (void)::read(wake.get(), &count, sizeof count);
    log_ += "readable ";
    (void)::kill(::getpid(), SIGUSR1);
  }));
  ASSERT_TRUE(loop_.on_signal(SIGUSR1, [&] {
    log_ += "signal";
    loop_.end();
  }));
  loop_.run();
  EXPECT_EQ(log_, "readable signal");
}

TEST_F(EventLoopTest, ReportsADescriptorThatCannotBeWatched) {
  EXPECT_FALSE(loop_.on_readable(-1, [] {}));
}

}  // namespace
}  // namespace guard
