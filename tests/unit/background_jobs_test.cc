// Background jobs, and reloads, which use them.

#include "guardd/base/background_jobs.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "guardd/control/reloader.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

void finish_one(BackgroundJobs& jobs) {
  pollfd ready{jobs.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&ready, 1, 5'000), 1) << "no result arrives";
  jobs.finish();
}

void wait_for(const std::atomic<bool>& what) {
  for (int tries = 0; tries < 500 && !what; ++tries) std::this_thread::sleep_for(10ms);
  ASSERT_TRUE(what);
}

// A job that lasts until go_on is set.
struct LongJob {
  std::atomic<bool> has_begun = false;
  std::atomic<bool> go_on = false;

  BackgroundJobs::Work work() {
    return [this](const BackgroundJobs::JobContext& /*context*/) {
      has_begun = true;
      while (!go_on) std::this_thread::sleep_for(1ms);
      return BackgroundJobs::Finish();
    };
  }
};

TEST(BackgroundJobs, RunOnAThreadAndFinishOnTheLoop) {
  BackgroundJobs jobs(2);
  const auto loop = std::this_thread::get_id();
  std::thread::id worked;
  std::thread::id finished;
  ASSERT_TRUE(jobs.send([&](const BackgroundJobs::JobContext& /*context*/) {
    worked = std::this_thread::get_id();
    return [&] { finished = std::this_thread::get_id(); };
  }));
  finish_one(jobs);
  EXPECT_NE(worked, loop);
  EXPECT_EQ(finished, loop);
}

TEST(BackgroundJobs, PostWhileTheyRun) {
  BackgroundJobs jobs(1);
  std::vector<int> posted;
  std::atomic<bool> go_on = false;
  ASSERT_TRUE(jobs.send([&](const BackgroundJobs::JobContext& context) {
    context.post([&] { posted.push_back(1); });
    while (!go_on) std::this_thread::sleep_for(1ms);
    return [&] { posted.push_back(2); };
  }));
  finish_one(jobs);
  EXPECT_THAT(posted, ElementsAre(1));
  go_on = true;
  finish_one(jobs);
  EXPECT_THAT(posted, ElementsAre(1, 2));
}

TEST(BackgroundJobs, ALongOneDoesNotBlockOthers) {
  LongJob job;
  BackgroundJobs jobs(2);
  ASSERT_TRUE(jobs.send(job.work()));
  bool is_done = false;
  ASSERT_TRUE(jobs.send(
      [&](const BackgroundJobs::JobContext& /*context*/) { return [&] { is_done = true; }; }));
  finish_one(jobs);
  EXPECT_TRUE(is_done);
  job.go_on = true;
}

TEST(BackgroundJobs, AreRejectedWhenTheQueueIsFull) {
  LongJob job;
  BackgroundJobs jobs(1);
  ASSERT_TRUE(jobs.send(job.work()));
  wait_for(job.has_begun);
  for (std::size_t i = 0; i < BackgroundJobs::kMostWaiting; ++i) ASSERT_TRUE(jobs.send(job.work()));
  EXPECT_FALSE(jobs.send(job.work()));
  job.go_on = true;
}

TEST(BackgroundJobs, OtherUsersLeaveAThreadForRoot) {
  LongJob job;
  BackgroundJobs jobs(2);
  for (std::size_t i = 0; i < BackgroundJobs::kMostOfAUser; ++i)
    ASSERT_TRUE(jobs.send(job.work(), {}, Uid{1000}));
  bool is_done = false;
  ASSERT_TRUE(jobs.send(
      [&](const BackgroundJobs::JobContext& /*context*/) { return [&] { is_done = true; }; }));
  finish_one(jobs);
  EXPECT_TRUE(is_done);
  job.go_on = true;
}

TEST(BackgroundJobs, OneUserCannotFillTheQueue) {
  LongJob job;
  BackgroundJobs jobs(2);
  ASSERT_TRUE(jobs.send(job.work(), {}, Uid{1000}));
  wait_for(job.has_begun);
  for (std::size_t i = 0; i < BackgroundJobs::kMostOfAUser; ++i)
    ASSERT_TRUE(jobs.send(job.work(), {}, Uid{1000}));
  EXPECT_FALSE(jobs.send(job.work(), {}, Uid{1000}));
  EXPECT_TRUE(jobs.send(job.work(), {}, Uid{1001}));
  job.go_on = true;
}

TEST(BackgroundJobs, ACancelledOneIsStoppedAndNotFinished) {
  BackgroundJobs jobs(1);
  std::stop_source wanted;
  std::atomic<bool> has_begun = false;
  std::atomic<bool> has_ended = false;
  bool is_finished = false;
  ASSERT_TRUE(jobs.send(
      [&](const BackgroundJobs::JobContext& context) {
        has_begun = true;
        while (!context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
        has_ended = true;
        return [&] { is_finished = true; };
      },
      wanted.get_token()));
  wait_for(has_begun);
  wanted.request_stop();
  wait_for(has_ended);
  // When the next one has finished, the first would have, too.
  bool is_next = false;
  ASSERT_TRUE(jobs.send(
      [&](const BackgroundJobs::JobContext& /*context*/) { return [&] { is_next = true; }; }));
  while (!is_next) finish_one(jobs);
  EXPECT_FALSE(is_finished);
}

TEST(BackgroundJobs, EndWithTheirOwner) {
  std::atomic<bool> has_begun = false;
  std::atomic<bool> has_ended = false;
  {
    BackgroundJobs jobs(1);
    ASSERT_TRUE(jobs.send([&](const BackgroundJobs::JobContext& context) {
      has_begun = true;
      while (!context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
      has_ended = true;
      return BackgroundJobs::Finish();
    }));
    wait_for(has_begun);
  }
  EXPECT_TRUE(has_ended);
}

class ReloaderTest : public ::testing::Test {
 protected:
  Reloader::Read prepare() {
    return [this] {
      ++reads_;
      while (holds_) std::this_thread::sleep_for(1ms);
      return RulesRead();
    };
  }
  ReloadNews take_over() {
    ReloadNews news;
    news.done = true;
    news.generation = ++generation_;
    return news;
  }
  void ask() {
    reloader_.ask([this](const ReloadNews& news) { answers_.push_back(news.generation); });
  }
  void wait_for_read(int number) {
    for (int tries = 0; tries < 500 && reads_ < number; ++tries) std::this_thread::sleep_for(10ms);
    ASSERT_EQ(reads_, number);
  }

  std::atomic<int> reads_ = 0;
  std::atomic<bool> holds_ = false;
  std::uint64_t generation_ = 0;
  std::vector<std::uint64_t> answers_;
  BackgroundJobs jobs_{2};
  Reloader reloader_{
      jobs_, [this] { return prepare(); },
      [this](const RulesRead& /*read*/, const Reloader::Completion& done) { done(take_over()); }};
};

TEST_F(ReloaderTest, ARequestDuringAReloadGetsTheNextOne) {
  holds_ = true;
  ask();
  wait_for_read(1);
  ask();
  ask();
  holds_ = false;
  finish_one(jobs_);
  EXPECT_THAT(answers_, ElementsAre(1));
  finish_one(jobs_);
  EXPECT_THAT(answers_, ElementsAre(1, 2, 2));
  EXPECT_EQ(reads_, 2);
}

TEST_F(ReloaderTest, RejectsRequestsBeyondTheBound) {
  holds_ = true;
  ask();
  wait_for_read(1);
  int denied = 0;
  for (int i = 0; i < 100; ++i)
    reloader_.ask([&](const ReloadNews& news) { denied += news.done ? 0 : 1; });
  EXPECT_EQ(denied, 36);
  holds_ = false;
}

}  // namespace
}  // namespace guard
