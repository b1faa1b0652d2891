// What takes its time, and reloads, which are of that kind.

#include "guardd/errands.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "guardd/reloads.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

void finish_one(Errands& errands) {
  pollfd ready{errands.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&ready, 1, 5'000), 1) << "nothing comes back";
  errands.finish();
}

void wait_for(const std::atomic<bool>& what) {
  for (int tries = 0; tries < 500 && !what; ++tries) std::this_thread::sleep_for(10ms);
  ASSERT_TRUE(what);
}

class ErrandsOf : public ::testing::TestWithParam<Errands::Descriptors> {};

TEST_P(ErrandsOf, AreDoneElsewhereAndFinishedOnTheLoop) {
  Errands errands(2, GetParam());
  const auto loop = std::this_thread::get_id();
  std::thread::id worked;
  std::thread::id finished;
  ASSERT_TRUE(errands.send([&](const Errands::Place& /*place*/) {
    worked = std::this_thread::get_id();
    return [&] { finished = std::this_thread::get_id(); };
  }));
  finish_one(errands);
  EXPECT_NE(worked, loop);
  EXPECT_EQ(finished, loop);
}

TEST_P(ErrandsOf, TellWhileTheyGoOn) {
  Errands errands(1, GetParam());
  std::vector<int> told;
  std::atomic<bool> go_on = false;
  ASSERT_TRUE(errands.send([&](const Errands::Place& place) {
    place.tell([&] { told.push_back(1); });
    while (!go_on) std::this_thread::sleep_for(1ms);
    return [&] { told.push_back(2); };
  }));
  finish_one(errands);
  EXPECT_THAT(told, ElementsAre(1));
  go_on = true;
  finish_one(errands);
  EXPECT_THAT(told, ElementsAre(1, 2));
}

INSTANTIATE_TEST_SUITE_P(Both, ErrandsOf,
                         ::testing::Values(Errands::Descriptors::kShared,
                                           Errands::Descriptors::kOwn));

TEST(Errands, OneThatTakesLongHoldsUpNoOther) {
  Errands errands(2, Errands::Descriptors::kShared);
  std::atomic<bool> go_on = false;
  ASSERT_TRUE(errands.send([&](const Errands::Place& /*place*/) {
    while (!go_on) std::this_thread::sleep_for(1ms);
    return Errands::Finish();
  }));
  bool is_done = false;
  ASSERT_TRUE(
      errands.send([&](const Errands::Place& /*place*/) { return [&] { is_done = true; }; }));
  finish_one(errands);
  EXPECT_TRUE(is_done);
  go_on = true;
}

TEST(Errands, WhatHasNoRoomIsRefused) {
  Errands errands(1, Errands::Descriptors::kShared);
  std::atomic<bool> has_begun = false;
  std::atomic<bool> go_on = false;
  const auto wait = [&](const Errands::Place& /*place*/) {
    has_begun = true;
    while (!go_on) std::this_thread::sleep_for(1ms);
    return Errands::Finish();
  };
  ASSERT_TRUE(errands.send(wait));
  wait_for(has_begun);
  for (std::size_t i = 0; i < Errands::kMostWaiting; ++i) ASSERT_TRUE(errands.send(wait));
  EXPECT_FALSE(errands.send(wait));
  go_on = true;
}

TEST(Errands, WhatNobodyWantsAnyMoreIsToldToEndAndNotFinished) {
  Errands errands(1, Errands::Descriptors::kShared);
  std::stop_source wanted;
  std::atomic<bool> has_begun = false;
  std::atomic<bool> has_ended = false;
  bool is_finished = false;
  ASSERT_TRUE(errands.send(
      [&](const Errands::Place& place) {
        has_begun = true;
        while (!place.stop().stop_requested()) std::this_thread::sleep_for(1ms);
        has_ended = true;
        return [&] { is_finished = true; };
      },
      wanted.get_token()));
  wait_for(has_begun);
  wanted.request_stop();
  wait_for(has_ended);
  // The next one shows that its end would have come.
  bool is_next = false;
  ASSERT_TRUE(
      errands.send([&](const Errands::Place& /*place*/) { return [&] { is_next = true; }; }));
  while (!is_next) finish_one(errands);
  EXPECT_FALSE(is_finished);
}

TEST(Errands, EndWithTheirHouse) {
  std::atomic<bool> has_begun = false;
  std::atomic<bool> has_ended = false;
  {
    Errands errands(1, Errands::Descriptors::kOwn);
    ASSERT_TRUE(errands.send([&](const Errands::Place& place) {
      has_begun = true;
      while (!place.stop().stop_requested()) std::this_thread::sleep_for(1ms);
      has_ended = true;
      return Errands::Finish();
    }));
    wait_for(has_begun);
  }
  EXPECT_TRUE(has_ended);
}

class ReloadsOf : public ::testing::Test {
 protected:
  Reloads::Read prepare() {
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
    reloads_.ask([this](const ReloadNews& news) { answers_.push_back(news.generation); });
  }
  void begun(int number) {
    for (int tries = 0; tries < 500 && reads_ < number; ++tries) std::this_thread::sleep_for(10ms);
    ASSERT_EQ(reads_, number);
  }

  std::atomic<int> reads_ = 0;
  std::atomic<bool> holds_ = false;
  std::uint64_t generation_ = 0;
  std::vector<std::uint64_t> answers_;
  Errands errands_{2, Errands::Descriptors::kShared};
  Reloads reloads_{errands_, [this] { return prepare(); },
                   [this](const RulesRead& /*read*/) { return take_over(); }};
};

TEST_F(ReloadsOf, WhoAsksWhileOneIsReadIsAnsweredByTheNext) {
  holds_ = true;
  ask();
  begun(1);
  ask();
  ask();
  holds_ = false;
  finish_one(errands_);
  EXPECT_THAT(answers_, ElementsAre(1));
  finish_one(errands_);
  EXPECT_THAT(answers_, ElementsAre(1, 2, 2));
  EXPECT_EQ(reads_, 2);
}

TEST_F(ReloadsOf, AskedForWithoutEndSomeAreRefusedAndToldSo) {
  holds_ = true;
  ask();
  begun(1);
  int refused = 0;
  for (int i = 0; i < 100; ++i)
    reloads_.ask([&](const ReloadNews& news) { refused += news.done ? 0 : 1; });
  EXPECT_EQ(refused, 36);
  holds_ = false;
}

}  // namespace
}  // namespace guard
