// What guardd reports to the service manager, and when.
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
  incident.by_outcome[static_cast<std::size_t>(Outcome::kFixed)] = 3;
  return incident;
}

StatusFacts usual() {
  StatusFacts facts;
  facts.policies = 1;
  facts.trees = 12;
  facts.backend = Backend::kLsm;
  return facts;
}

TEST(StatusLine, ShowsPoliciesTreesAndTheLastIncident) {
  auto facts = usual();
  EXPECT_EQ(status_line(facts, std::nullopt),
            "1 policy in 12 trees through lsm; no incident since the start");
  facts.pending = 2;
  EXPECT_EQ(status_line(facts, last_incident(git_incident(), false)),
            "1 policy in 12 trees through lsm, 2 not there yet; last incident 2026-11-20 14:03:07 "
            "UTC: alice as root (git pull) in shop, ongoing");
  EXPECT_THAT(status_line(facts, last_incident(git_incident(), true)),
              EndsWith("alice as root (git pull) in shop, 3 fixed"));
}

TEST(StatusLine, BeginsWithWhatNeedsAttention) {
  auto facts = usual();
  facts.shortcomings = {"cannot write\nthe audit trail", "another", "and another"};
  facts.paused = {"shop", "mail"};
  EXPECT_EQ(status_line(facts, std::nullopt),
            "Degraded: cannot write\\nthe audit trail (and 2 more). Paused: shop, mail. "
            "1 policy in 12 trees through lsm; no incident since the start");
  facts.shortcomings = {std::string(1000, 'x')};
  EXPECT_LT(status_line(facts, std::nullopt).size(), 400U);
  facts.disabled = "/run/guardd/disable is there";
  EXPECT_THAT(status_line(facts, std::nullopt),
              StartsWith("Enforces nothing: /run/guardd/disable is there. 1 policy"));
}

TEST(StatusLine, SaysWhatToDoWithoutPolicies) {
  EXPECT_EQ(status_line({}, std::nullopt),
            "nothing is guarded: there is no policy; guardctl suggest proposes policies for "
            "/etc/guardd/policies.d");
}

TEST(AnswerProgress, IsFineWhileNoOpenWaitsTooLong) {
  AnswerProgress progress;
  const SteadyTime start{};
  EXPECT_TRUE(progress.is_fine({0, 0}, start, 500ms));
  EXPECT_TRUE(progress.is_fine({10, 10}, start + 5s, 500ms));
  // A new open may wait for its answer.
  EXPECT_TRUE(progress.is_fine({11, 10}, start + 10s, 500ms));
  EXPECT_TRUE(progress.is_behind());
  EXPECT_TRUE(progress.is_fine({11, 10}, start + 10500ms, 500ms));
  EXPECT_FALSE(progress.is_fine({11, 10}, start + 10501ms, 500ms));
  EXPECT_FALSE(progress.is_fine({90, 10}, start + 11s, 500ms));
  // A busy machine always has waiting opens, but not the same ones.
  EXPECT_TRUE(progress.is_fine({91, 11}, start + 12s, 500ms));
  EXPECT_FALSE(progress.is_behind());
}

class ServiceManagerTest : public testing::Test {
 protected:
  void turn(std::chrono::milliseconds later) {
    now_ += later;
    manager_.work(now_);
  }
  std::vector<std::string> sent() { return std::exchange(sent_, {}); }

  std::vector<std::string> sent_;
  SteadyTime now_{std::chrono::hours(1)};
  ServiceManager manager_{[this](const std::string& state) { sent_.push_back(state); }, 10s};
};

TEST_F(ServiceManagerTest, GetsOnlyWatchdogPingsBeforeGuarddIsReady) {
  manager_.set_status(usual());
  turn(0ms);
  EXPECT_THAT(sent(), ElementsAre("WATCHDOG=1"));
  manager_.notify_ready();
  EXPECT_THAT(sent(), ElementsAre("READY=1\nSTATUS=" + status_line(usual(), std::nullopt)));
}

TEST_F(ServiceManagerTest, GetsIncidentsOnceASecondAndNoLineTwice) {
  manager_.set_status(usual());
  manager_.notify_ready();
  turn(0ms);
  (void)sent();
  manager_.set_status(usual());
  turn(2s);
  EXPECT_THAT(sent(), IsEmpty());
  manager_.incident_opened(git_incident());
  turn(1s);
  EXPECT_THAT(sent(), ElementsAre(EndsWith("ongoing")));
  manager_.incident_closed(git_incident());
  turn(200ms);
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(manager_.next(), now_ + 800ms);
  turn(800ms);
  EXPECT_THAT(sent(), ElementsAre(EndsWith("3 fixed")));
}

TEST_F(ServiceManagerTest, GetsNoPingWhileAnswersAreMissing) {
  AnswerCounters counters;
  manager_.count_answers(counters);
  manager_.set_longest_answer(500ms);
  counters.events = 1;
  turn(0ms);
  EXPECT_THAT(sent(), ElementsAre("WATCHDOG=1"));
  EXPECT_EQ(manager_.next(), now_ + 500ms);
  turn(500ms);
  EXPECT_THAT(sent(), ElementsAre("WATCHDOG=1"));
  turn(500ms);
  EXPECT_THAT(sent(), IsEmpty());
  turn(20s);
  EXPECT_THAT(sent(), IsEmpty());
  counters.answers = 1;
  turn(500ms);
  EXPECT_THAT(sent(), ElementsAre("WATCHDOG=1"));
  EXPECT_EQ(manager_.next(), now_ + 5s);
}

TEST_F(ServiceManagerTest, ThatDoesNotListenCausesNoWakeups) {
  ServiceManager absent(nullptr, 10s);
  absent.set_status(usual());
  absent.notify_ready();
  absent.incident_opened(git_incident());
  EXPECT_EQ(absent.next(), std::nullopt);
  absent.work(now_);
}

TEST_F(ServiceManagerTest, GetsNothingAfterTheStop) {
  manager_.notify_ready();
  manager_.notify_reloading();
  manager_.notify_reloaded();
  manager_.notify_stopping();
  EXPECT_THAT(sent(), ElementsAre(StartsWith("READY=1\n"), StartsWith("RELOADING=1\nMONOTONIC_"),
                                  StartsWith("READY=1\n"), StartsWith("STOPPING=1\n")));
  turn(20s);
  EXPECT_THAT(sent(), IsEmpty());
}

}  // namespace
}  // namespace guard
