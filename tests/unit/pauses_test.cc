// A pause always ends by itself, whatever happens to the clock.
#include "guardd/control/pauses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::policy_text;
using testing::TemporaryDirectory;
using testing::World;

const Person kAlice{Uid{1000}, "alice"};

class PausesTest : public ::testing::Test {
 protected:
  void open() {
    auto store = Store::open(directory_.directory("state"));
    ASSERT_TRUE(store) << store.error().text();
    store_ = *std::move(store);
    pauses_.emplace(store_.get(), now_);
  }
  void again() {
    store_.reset();
    open();
  }
  std::string start(std::chrono::microseconds length, const std::string& policy = "shop",
                    const std::string& reason = "an upgrade") {
    const auto done = pauses_->start(*set_, policy, length, reason, kAlice, now_);
    return done ? "" : done.error().text();
  }
  std::vector<std::string> ended_after(std::chrono::nanoseconds time) {
    now_.wall += std::chrono::duration_cast<std::chrono::system_clock::duration>(time);
    now_.since_boot += time;
    return pauses_->take_ended(now_);
  }

  TemporaryDirectory directory_;
  std::shared_ptr<const PolicySet> set_ =
      World()
          .load_good(policy_text("action = \"fix\"") + policy_text("", "other", "/srv/other"))
          .set;
  Clocks now_{std::chrono::system_clock::time_point(1'700'000'000s), 100s};
  std::unique_ptr<Store> store_;
  std::optional<Pauses> pauses_{std::in_place, nullptr, now_};
};

TEST_F(PausesTest, EndsByItself) {
  EXPECT_EQ(start(10min), "");
  EXPECT_TRUE(pauses_->applied_to(set_)->find_policy("shop")->is_paused());
  EXPECT_FALSE(pauses_->applied_to(set_)->find_policy("other")->is_paused());
  EXPECT_THAT(ended_after(10min - 1us), IsEmpty());
  EXPECT_THAT(ended_after(1us), ElementsAre("shop"));
  EXPECT_THAT(ended_after(1us), IsEmpty());
  EXPECT_EQ(pauses_->applied_to(set_), set_);
}

TEST_F(PausesTest, ShowsUntilWhenByWhomAndWhy) {
  EXPECT_EQ(start(600s, "shop", "an \"upgrade\"\n"), "");
  const std::string words = "paused until 2023-11-14T22:23:20Z by alice: an \"upgrade\"\\n";
  EXPECT_EQ(pauses_->sentences().at("shop"), "policy \"shop\" is " + words);
  EXPECT_EQ(pauses_->applied_to(set_)->find_policy("shop")->excuse, "excused: " + words);
}

TEST_F(PausesTest, RejectsAnInvalidLengthPolicyOrReason) {
  for (const auto length : {0us, -1us, 999'999us, std::chrono::microseconds(30 * 24h) + 1us})
    EXPECT_THAT(start(length), HasSubstr("at least 1 second and at most 30 days"));
  EXPECT_EQ(start(1s), "");
  EXPECT_EQ(start(30 * 24h, "other"), "");
  EXPECT_THAT(start(1s, "shap"), HasSubstr("no policy is called \"shap\"; did you mean \"shop\"?"));
  EXPECT_THAT(start(1s, "shop", std::string(1'001, 'x')), HasSubstr("longer than 1000 bytes"));
}

TEST_F(PausesTest, ASecondOneReplacesTheFirst) {
  EXPECT_EQ(start(1h), "");
  EXPECT_EQ(start(1min, "shop", "another"), "");
  ASSERT_EQ(pauses_->all().size(), 1U);
  EXPECT_EQ(pauses_->all()[0].reason, "another");
  EXPECT_THAT(ended_after(1min), ElementsAre("shop"));
}

TEST_F(PausesTest, AClockThatIsSetBackDoesNotProlongIt) {
  EXPECT_EQ(start(10min), "");
  now_.wall -= 24h;
  EXPECT_THAT(ended_after(10min - 1us), IsEmpty());
  EXPECT_THAT(ended_after(1us), ElementsAre("shop"));
}

TEST_F(PausesTest, AClockThatIsSetForwardEndsIt) {
  EXPECT_EQ(start(10min), "");
  now_.wall += 10min;
  EXPECT_THAT(pauses_->take_ended(now_), ElementsAre("shop"));
}

TEST_F(PausesTest, AreCheckedInTime) {
  EXPECT_EQ(pauses_->next_due(now_), std::nullopt);
  EXPECT_EQ(start(10min), "");
  EXPECT_EQ(start(3s, "other"), "");
  EXPECT_EQ(pauses_->next_due(now_), 3s);
  EXPECT_THAT(ended_after(4s), ElementsAre("other"));
  EXPECT_EQ(pauses_->next_due(now_), Pauses::kLongestWait);
}

TEST_F(PausesTest, CanBeEnded) {
  EXPECT_FALSE(pauses_->end("shop"));
  EXPECT_EQ(start(10min), "");
  EXPECT_TRUE(pauses_->end("shop"));
  EXPECT_THAT(pauses_->all(), IsEmpty());
}

TEST_F(PausesTest, SurviveGuardd) {
  open();
  EXPECT_EQ(start(10min), "");
  EXPECT_EQ(start(10min, "other"), "");
  EXPECT_TRUE(pauses_->end("other"));
  now_.wall += 4min;
  now_.since_boot = 1s;  // another boot
  again();
  ASSERT_EQ(pauses_->all().size(), 1U);
  EXPECT_EQ(pauses_->all()[0].reason, "an upgrade");
  EXPECT_EQ(pauses_->all()[0].user, "alice");
  EXPECT_THAT(ended_after(6min - 1us), IsEmpty());
  EXPECT_THAT(ended_after(1us), ElementsAre("shop"));
  again();
  EXPECT_THAT(pauses_->all(), IsEmpty());
}

TEST_F(PausesTest, OneThatEndedMeanwhileEndsAtOnce) {
  open();
  EXPECT_EQ(start(10min), "");
  now_.wall += 11min;
  again();
  EXPECT_THAT(pauses_->take_ended(now_), ElementsAre("shop"));
}

TEST_F(PausesTest, LastNoLongerThanRequestedIfTheClockIsLost) {
  open();
  EXPECT_EQ(start(10min), "");
  now_.wall = {};
  again();
  EXPECT_THAT(ended_after(10min), ElementsAre("shop"));
}

TEST_F(PausesTest, AReloadEndsThoseWithoutAPolicy) {
  EXPECT_EQ(start(10min), "");
  EXPECT_EQ(start(10min, "other"), "");
  pauses_->keep_those_of(*World().load_good(policy_text()).set);
  EXPECT_THAT(pauses_->sentences(), ElementsAre(::testing::Key("shop")));
}

}  // namespace
}  // namespace guard
