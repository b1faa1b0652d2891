// Look-ups that may take long.
#include "guardd/who/actor_lookup.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "tests/unit/direct_port.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

class ActorLookupTest : public testing::Test {
 protected:
  ActorLookupTest() {
    std::string name = testing::TempDir() + "guard-actor-lookup-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    std::ofstream(directory_ / "passwd") << "root:x:0:0:root:/root:/bin/bash\n"
                                            "alice:x:1000:1000:,,,:/home/alice:/bin/bash\n";
  }
  ~ActorLookupTest() override { std::filesystem::remove_all(directory_); }

  DirectPort port(InquiryHelper::NameOf name_of = {}) const {
    return DirectPort({directory_ / "proc", directory_ / "passwd", std::move(name_of)});
  }

  static Actor login(Uid uid) {
    Actor actor;
    actor.login_uid = uid;
    return actor;
  }

  void process(int pid, const std::string& environment, int start = 500) {
    const auto text = std::to_string(pid);
    const auto place = directory_ / "proc" / text;
    std::filesystem::create_directories(place);
    std::ofstream(place / "stat") << pid << " (name) S 1 1 1 0 0 0 0 0 0 0 0 0 0 0 20 0 1 0 "
                                  << start << " 0 0\n";
    std::ofstream(place / "environ") << environment;
  }

  std::filesystem::path directory_;
};

TEST_F(ActorLookupTest, LocalUsersNeedNoDirectoryService) {
  auto inquiry = port([](Uid) -> std::optional<std::string> { return "nss"; });
  ActorLookup lookup(inquiry);
  auto alice = login(Uid{1000});
  ASSERT_TRUE(lookup.complete(alice));
  EXPECT_EQ(alice.login_user, "alice");
  EXPECT_EQ(alice.human, "alice");
  EXPECT_EQ(alice.human_source, "loginuid");
  auto again = login(Uid{1000});
  EXPECT_TRUE(lookup.complete(again));
  EXPECT_EQ(again.human, "alice");
  EXPECT_EQ(inquiry.asked, 1);
  auto other = login(Uid{2000});
  ASSERT_TRUE(lookup.complete(other));
  EXPECT_EQ(other.login_user, "nss");
}

TEST_F(ActorLookupTest, RecordsOfOneProcessShareTheirActor) {
  auto inquiry = port();
  ActorLookup lookup(inquiry);
  Violation first;
  first.actor = login(Uid{1000});
  auto second = first;
  auto other = first;
  other.actor.edit().session = 7;
  ASSERT_TRUE(lookup.complete(first));
  ASSERT_TRUE(lookup.complete(second));
  EXPECT_EQ(first.actor, second.actor) << "the same object";
  EXPECT_EQ(second.actor->human, "alice");
  ASSERT_TRUE(lookup.complete(other));
  EXPECT_EQ(other.actor->human, "alice");
  EXPECT_EQ(other.actor->session, 7U);
  EXPECT_FALSE(first.actor->session) << "an edit changes no other record";
}

// What comes too late for one record does not become the actor of another.
TEST_F(ActorLookupTest, ActorsOfDifferentProcessesStayApart) {
  auto inquiry = port([](Uid) -> std::optional<std::string> { return "late"; });
  ActorLookup lookup(inquiry);
  Violation alice;
  Violation other;
  alice.actor = login(Uid{1000});
  other.actor = login(Uid{2000});
  auto again = alice;
  ASSERT_TRUE(lookup.complete(alice));
  inquiry.be_silent();
  EXPECT_FALSE(lookup.complete(other));
  ASSERT_TRUE(lookup.complete(again));
  EXPECT_EQ(again.actor->human, "alice");
  EXPECT_EQ(other.actor->login_uid, Uid{2000});
  EXPECT_FALSE(other.actor->human);
  Violation unknown;
  EXPECT_TRUE(lookup.complete(unknown));
  EXPECT_FALSE(unknown.actor->login_uid);
}

TEST_F(ActorLookupTest, RootIsNoPersonAndUnknownUsersHaveNoName) {
  auto inquiry = port();
  ActorLookup lookup(inquiry);
  auto root = login(kRoot);
  ASSERT_TRUE(lookup.complete(root));
  EXPECT_EQ(root.login_user, "root");
  EXPECT_FALSE(root.human);
  EXPECT_FALSE(root.human_source);
  auto unknown = login(Uid{4711});
  ASSERT_TRUE(lookup.complete(unknown));
  EXPECT_FALSE(unknown.login_user);
  EXPECT_FALSE(unknown.human);
  Actor nobody;
  EXPECT_TRUE(lookup.complete(nobody)) << "nothing to look up";
  EXPECT_FALSE(nobody.human);
  nobody.cron_uid = Uid{1000};
  ASSERT_TRUE(lookup.complete(nobody));
  EXPECT_EQ(nobody.cron_user, "alice");
  EXPECT_FALSE(nobody.human);
}

TEST_F(ActorLookupTest, ADirectoryServiceThatHangsDelaysARecordForAMomentOnly) {
  auto inquiry = port([](Uid) -> std::optional<std::string> { return "late"; });
  inquiry.be_silent();
  ActorLookup lookup(inquiry, {.patience = 20ms});
  auto actor = login(Uid{2000});
  EXPECT_FALSE(lookup.complete(actor));
  std::this_thread::sleep_for(30ms);
  EXPECT_TRUE(lookup.complete(actor)) << "waiting longer is useless";
  EXPECT_FALSE(actor.login_user);
  EXPECT_EQ(inquiry.asked, 1) << "it is not asked again";
  inquiry.answer();
  EXPECT_TRUE(lookup.complete(actor));
  EXPECT_EQ(actor.login_user, "late");
  auto other = login(Uid{2001});
  EXPECT_FALSE(lookup.complete(other));
  inquiry.time_out();
  EXPECT_TRUE(lookup.complete(other));
  EXPECT_FALSE(other.login_user);
}

// On a busy machine a helper waits for a processor, and answers long after a directory service
// would be given up.
TEST_F(ActorLookupTest, ARecordWaitsForWhatAHelperReadsItself) {
  auto inquiry = port([](Uid) -> std::optional<std::string> { return "late"; });
  inquiry.be_silent();
  ActorLookup lookup(inquiry, {.patience = 20ms, .patience_with_helpers = 2s});
  Violation violation;
  violation.uid_wanted = Uid{999};
  auto& actor = violation.actor.edit();
  actor.login_uid = Uid{2000};
  actor.fsuid = Uid{2000};
  actor.container = std::string(64, 'c');
  actor.cgroup = "/system.slice/docker-" + *actor.container + ".scope";
  const auto asked = std::chrono::steady_clock::now();
  EXPECT_FALSE(lookup.complete(violation));
  EXPECT_GE(lookup.until(), asked + 2s);
  std::this_thread::sleep_for(30ms);
  EXPECT_FALSE(lookup.complete(violation)) << "the container may still have a name for the owner";
  EXPECT_LE(lookup.until(), asked + 2500ms) << "it does not wait longer than for the first try";
  inquiry.answer();
  EXPECT_TRUE(lookup.complete(violation));
  EXPECT_EQ(violation.actor->login_user, "late");
}

TEST_F(ActorLookupTest, ARecordDoesNotWaitForAHelperForEver) {
  auto inquiry = port();
  inquiry.be_silent();
  process(9, "SUDO_USER=alice\0"s);
  ActorLookup lookup(inquiry, {.patience_with_helpers = 20ms});
  Actor actor;
  actor.pid = 9;
  actor.start_time = 5'000'000'000;
  EXPECT_FALSE(lookup.complete(actor));
  std::this_thread::sleep_for(30ms);
  EXPECT_TRUE(lookup.complete(actor));
  EXPECT_LE(lookup.until(), std::chrono::steady_clock::now());
}

TEST_F(ActorLookupTest, StaysWithinItsBounds) {
  auto inquiry = port([](Uid) -> std::optional<std::string> { return "name"; });
  ActorLookup lookup(inquiry, {.names = 8});
  for (std::uint32_t uid = 3000; uid < 3020; ++uid) {
    auto actor = login(Uid{uid});
    ASSERT_TRUE(lookup.complete(actor));
    EXPECT_EQ(actor.login_user, "name");
  }
  const auto asked = inquiry.asked;
  auto last = login(Uid{3019});
  EXPECT_TRUE(lookup.complete(last));
  EXPECT_EQ(inquiry.asked, asked);
  auto first = login(Uid{3000});
  EXPECT_TRUE(lookup.complete(first));
  EXPECT_EQ(inquiry.asked, asked + 1) << "forgotten";
}

TEST_F(ActorLookupTest, AnOldNameIsUsedDuringTheNextLookUp) {
  int count = 0;
  auto inquiry = port([&](Uid) { return std::optional("name" + std::to_string(++count)); });
  ActorLookup lookup(inquiry, {.good_for = 0s});
  auto actor = login(Uid{2000});
  ASSERT_TRUE(lookup.complete(actor));
  EXPECT_EQ(actor.login_user, "name1");
  inquiry.be_silent();
  EXPECT_TRUE(lookup.complete(actor));
  EXPECT_EQ(actor.login_user, "name1");
  inquiry.answer();
  EXPECT_TRUE(lookup.complete(actor));
  EXPECT_EQ(actor.login_user, "name2");
}

TEST_F(ActorLookupTest, HintsAreThoseOfTheNearestProcess) {
  process(9, "HOME=/root\0SUDO_USER=alice\0"s);
  process(8, "SUDO_USER=bob\0SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22\0"s);
  process(7, "SUDO_USER=eve\0"s, 600);
  auto inquiry = port();
  ActorLookup lookup(inquiry);
  Actor actor;
  actor.pid = 9;
  actor.start_time = 5'000'000'000;
  actor.lineage = {{8, 5'000'000'000, "sudo", "", ""}, {1, 0, "systemd", "", ""}};
  ASSERT_TRUE(lookup.complete(actor));
  EXPECT_EQ(actor.hint_sudo_user, "alice");
  EXPECT_EQ(actor.hint_ssh, "192.0.2.7 50000 192.0.2.1 22");
  EXPECT_FALSE(actor.human) << "a hint does not name the person";

  Actor gone;
  gone.pid = 7;
  gone.start_time = 5'000'000'000;  // the process that has the number now started later
  ASSERT_TRUE(lookup.complete(gone));
  EXPECT_FALSE(gone.hint_sudo_user);
  EXPECT_FALSE(gone.hint_ssh);
}

TEST(Hints, AreReadFromAnyEnvironment) {
  EXPECT_EQ(hints_in("").ssh, "");
  EXPECT_EQ(hints_in("SSH_CLIENT=192.0.2.7 1 22").ssh, "192.0.2.7 1 22");
  EXPECT_EQ(hints_in("SSH_CONNECTION=a\0SSH_CLIENT=b\0"s).ssh, "a");
  EXPECT_EQ(hints_in("XSUDO_USER=a\0=\0\0SUDO_USER\0SUDO_USER="s).sudo_user, "");
  EXPECT_EQ(hints_in("SUDO_USER=" + std::string(5000, 'x')).sudo_user, "");
}

}  // namespace
}  // namespace guard
