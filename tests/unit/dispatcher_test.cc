// What is said of our health: each thing once, and never that we are better or worse than we are.
#include "guardd/publish/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/direct_port.h"

namespace guard {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HealthRecorder : public Publisher {
 public:
  void news(News news) noexcept override {
    if (const auto* health = std::get_if<const HealthNews*>(&news))
      heard.push_back(std::string(word((*health)->health)) + ": " + (*health)->reason);
  }

  void fixed_files(const Violation& first, const FixedFiles& files,
                   const Incident& incident) noexcept override {
    heard.push_back(first.path + " and more: " + std::to_string(files.count()) + " of " +
                    std::to_string(incident.count));
  }

  void violation(const Violation& violation, const Incident& /*incident*/) noexcept override {
    heard.push_back(violation.path + " of " + violation.actor->login_user.value_or("nobody"));
  }

  std::vector<std::string> heard;
};

class DispatcherTest : public ::testing::Test {
 protected:
  using Pauses = std::map<std::string, std::string>;

  DispatcherTest() { dispatcher_.add(recorder_); }

  std::vector<std::string> health(std::vector<std::string> shortcomings, Pauses pauses = {},
                                  const std::optional<std::string>& disabled = {}) {
    dispatcher_.health(disabled, std::move(shortcomings), std::move(pauses));
    return std::exchange(recorder_.heard, {});
  }

  const Pauses paused_{{"shop", "shop is paused"}};
  HealthRecorder recorder_;
  DirectPort port_;
  Dispatcher dispatcher_{port_};
};

TEST_F(DispatcherTest, PublishesEachShortcomingOnceAndTheEndOfAll) {
  EXPECT_THAT(health({}), IsEmpty());
  EXPECT_THAT(health({"a"}), ElementsAre("degraded: a"));
  EXPECT_THAT(health({"a", "b"}), ElementsAre("degraded: b"));
  EXPECT_THAT(health({"b"}), IsEmpty());
  EXPECT_THAT(health({}), ElementsAre("ok: all policies are enforced again"));
}

TEST_F(DispatcherTest, PublishesAPauseAndItsEnd) {
  EXPECT_THAT(health({}, paused_), ElementsAre("paused: shop is paused"));
  EXPECT_EQ(dispatcher_.health(), Health::kPaused);
  EXPECT_THAT(dispatcher_.health_reasons(), ElementsAre("shop is paused"));
  EXPECT_THAT(health({}, paused_), IsEmpty());
  EXPECT_THAT(health({}, {{"shop", "for longer"}}), ElementsAre("paused: for longer"));
  EXPECT_THAT(health({}), ElementsAre("ok: policy \"shop\" is no longer paused"));
  EXPECT_THAT(dispatcher_.health_reasons(), IsEmpty());
}

TEST_F(DispatcherTest, AShortcomingIsWorseThanAPause) {
  EXPECT_THAT(health({}, paused_), ElementsAre("paused: shop is paused"));
  EXPECT_THAT(health({"a"}, paused_), ElementsAre("degraded: a"));
  EXPECT_THAT(dispatcher_.health_reasons(), ElementsAre("a", "shop is paused"));
  EXPECT_THAT(health({}, paused_), ElementsAre("paused: shop is paused"));
  EXPECT_THAT(health({"a"}),
              ElementsAre("degraded: a", "degraded: policy \"shop\" is no longer paused"));
}

TEST_F(DispatcherTest, DisabledIsWorseThanAnythingElse) {
  EXPECT_THAT(health({}, paused_), ElementsAre("paused: shop is paused"));
  EXPECT_THAT(health({"a"}, paused_, "the file is there"),
              ElementsAre("disabled: the file is there"));
  EXPECT_THAT(health({}, paused_), ElementsAre("paused: shop is paused"));
}

// It waits as long as the look-ups say, and no longer; those behind it wait, too.
TEST_F(DispatcherTest, AViolationWaitsForItsActor) {
  dispatcher_.ready({});
  port_.be_silent();
  Violation first;
  first.path = "/srv/a";
  first.actor.edit().login_uid = kRoot;
  dispatcher_.violation(first);
  Violation second;
  second.path = "/srv/b";
  dispatcher_.violation(second);
  EXPECT_THAT(recorder_.heard, IsEmpty());
  port_.answer();
  dispatcher_.add_actor_facts();
  EXPECT_THAT(std::exchange(recorder_.heard, {}),
              ElementsAre("/srv/a of root", "/srv/b of nobody"));
  first.actor.edit().login_uid = Uid{0x7ffffff};
  dispatcher_.violation(first);
  EXPECT_THAT(recorder_.heard, IsEmpty());
  const auto due = dispatcher_.next_due();
  ASSERT_TRUE(due);
  std::this_thread::sleep_until(*due);
  dispatcher_.close_due(*due);
  EXPECT_THAT(recorder_.heard, ElementsAre("/srv/a of nobody"));
}

TEST_F(DispatcherTest, PublishesAListOnceAndCountsItsFiles) {
  FixedFiles files;
  for (const auto* path : {"/srv/a", "/srv/b", "/srv/c"}) files.add(path, {});
  Violation first;
  first.path = "/srv/a";
  first.action = Outcome::kFixed;
  dispatcher_.fixed_files(first, files);
  EXPECT_THAT(recorder_.heard, IsEmpty());  // not ready yet
  dispatcher_.ready({});
  EXPECT_THAT(std::exchange(recorder_.heard, {}), ElementsAre("/srv/a and more: 3 of 3"));
  dispatcher_.fixed_files(first, files);
  EXPECT_THAT(recorder_.heard, ElementsAre("/srv/a and more: 3 of 6"));
  EXPECT_EQ(dispatcher_.counters().fixed, 6U);
  EXPECT_EQ(dispatcher_.counters().violations, 6U);
}

}  // namespace
}  // namespace guard
