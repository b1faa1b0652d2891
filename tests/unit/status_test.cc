// What the service manager is told of us, and when.
#include <gmock/gmock.h>

#include "guardd/service/notify.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;
using testing::StartsWith;

Incident git_incident() {
  Incident incident;
  incident.first = git_violation();
  incident.first_seen = moment();
  incident.command = process(300, "git", "git pull");
  incident.count = 3;
  incident.told[static_cast<std::size_t>(Outcome::kFixed)] = 3;
  return incident;
}

StatusFacts usual() {
  StatusFacts facts;
  facts.policies = 1;
  facts.trees = 12;
  facts.backend = Backend::kLsm;
  return facts;
}

TEST(StatusLine, SaysWhatIsGuardedAndWhatHappenedLast) {
  auto facts = usual();
  EXPECT_EQ(status_line(facts, std::nullopt),
            "1 policy in 12 trees through lsm; no incident since the start");
  facts.pending = 2;
  EXPECT_EQ(status_line(facts, last_incident(git_incident(), false)),
            "1 policy in 12 trees through lsm, 2 not there yet; last incident 2026-11-20 14:03:07 "
            "UTC: alice as root (git pull) in shop, going on");
  EXPECT_THAT(status_line(facts, last_incident(git_incident(), true)),
              EndsWith("alice as root (git pull) in shop, 3 fixed"));
}

TEST(StatusLine, BeginsWithWhatAsksForAttention) {
  auto facts = usual();
  facts.shortcomings = {"the audit trail\ncannot be written", "another", "and another"};
  facts.paused = {"shop", "mail"};
  EXPECT_EQ(status_line(facts, std::nullopt),
            "Degraded: the audit trail\\ncannot be written (and 2 more). Paused: shop, mail. "
            "1 policy in 12 trees through lsm; no incident since the start");
  facts.shortcomings = {std::string(1000, 'x')};
  EXPECT_LT(status_line(facts, std::nullopt).size(), 400U);
  facts.disabled = "/run/guardd/disable is there";
  EXPECT_THAT(status_line(facts, std::nullopt),
              StartsWith("Enforces nothing: /run/guardd/disable is there. 1 policy"));
}

TEST(StatusLine, WithoutPoliciesSaysWhatToDo) {
  EXPECT_EQ(status_line({}, std::nullopt),
            "nothing is guarded: there is no policy; write one in /etc/guardd/policies.d, see "
            "guardd-policy(5)");
}

TEST(AnswerProgress, IsWellWhileNobodyWaitsTooLong) {
  AnswerProgress progress;
  const SteadyTime start{};
  EXPECT_TRUE(progress.is_well({0, 0}, start, 500ms));
  EXPECT_TRUE(progress.is_well({10, 10}, start + 5s, 500ms));
  // One has just come: that it is not answered yet says nothing.
  EXPECT_TRUE(progress.is_well({11, 10}, start + 10s, 500ms));
  EXPECT_TRUE(progress.is_behind());
  EXPECT_TRUE(progress.is_well({11, 10}, start + 10500ms, 500ms));
  EXPECT_FALSE(progress.is_well({11, 10}, start + 10501ms, 500ms));
  EXPECT_FALSE(progress.is_well({90, 10}, start + 11s, 500ms));
  // There are always some who wait on a busy machine, but others than before.
  EXPECT_TRUE(progress.is_well({91, 11}, start + 12s, 500ms));
  EXPECT_FALSE(progress.is_behind());
}

class ServiceManagerTest : public testing::Test {
 protected:
  void turn(std::chrono::milliseconds later) {
    now_ += later;
    manager_.work(now_);
  }
  std::vector<std::string> told() { return std::exchange(told_, {}); }

  std::vector<std::string> told_;
  SteadyTime now_{std::chrono::hours(1)};
  ServiceManager manager_{[this](const std::string& state) { told_.push_back(state); }, 10s};
};

TEST_F(ServiceManagerTest, HearsNothingBeforeWeAreReadyButThatWeLive) {
  manager_.stands(usual());
  turn(0ms);
  EXPECT_THAT(told(), ElementsAre("WATCHDOG=1"));
  manager_.is_ready();
  EXPECT_THAT(told(), ElementsAre("READY=1\nSTATUS=" + status_line(usual(), std::nullopt)));
}

TEST_F(ServiceManagerTest, HearsOfIncidentsOnceASecondAndNothingTwice) {
  manager_.stands(usual());
  manager_.is_ready();
  turn(0ms);
  (void)told();
  manager_.stands(usual());
  turn(2s);
  EXPECT_THAT(told(), IsEmpty());
  manager_.incident_opened(git_incident());
  turn(1s);
  EXPECT_THAT(told(), ElementsAre(EndsWith("going on")));
  manager_.incident_closed(git_incident());
  turn(200ms);
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(manager_.next(), now_ + 800ms);
  turn(800ms);
  EXPECT_THAT(told(), ElementsAre(EndsWith("3 fixed")));
}

TEST_F(ServiceManagerTest, IsNotToldThatWeLiveWhileAnswersAreMissing) {
  AnswerCounters counters;
  manager_.count_answers(&counters);
  manager_.set_longest_answer(500ms);
  counters.events = 1;
  turn(0ms);
  EXPECT_THAT(told(), ElementsAre("WATCHDOG=1"));
  EXPECT_EQ(manager_.next(), now_ + 500ms);
  turn(500ms);
  EXPECT_THAT(told(), ElementsAre("WATCHDOG=1"));
  turn(500ms);
  EXPECT_THAT(told(), IsEmpty());
  turn(20s);
  EXPECT_THAT(told(), IsEmpty());
  counters.answers = 1;
  turn(500ms);
  EXPECT_THAT(told(), ElementsAre("WATCHDOG=1"));
  EXPECT_EQ(manager_.next(), now_ + 5s);
}

TEST_F(ServiceManagerTest, ThatIsNotThereWakesNobody) {
  ServiceManager nobody(nullptr, 10s);
  nobody.stands(usual());
  nobody.is_ready();
  nobody.incident_opened(git_incident());
  EXPECT_EQ(nobody.next(), std::nullopt);
  nobody.work(now_);
}

TEST_F(ServiceManagerTest, HearsNothingAfterTheEnd) {
  manager_.is_ready();
  manager_.reloads();
  manager_.has_reloaded();
  manager_.stops();
  EXPECT_THAT(told(), ElementsAre(StartsWith("READY=1\n"), StartsWith("RELOADING=1\nMONOTONIC_"),
                                  StartsWith("READY=1\n"), StartsWith("STOPPING=1\n")));
  turn(20s);
  EXPECT_THAT(told(), IsEmpty());
}

}  // namespace
}  // namespace guard
