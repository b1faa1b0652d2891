// Look-ups that may take long.
#include "guardd/who/actor_lookup.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>

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

  ActorLookup::Options options() {
    ActorLookup::Options options;
    options.accounts = directory_ / "passwd";
    options.proc = directory_ / "proc";
    return options;
  }

  static Actor login(Uid uid) {
    Actor actor;
    actor.login_uid = uid;
    return actor;
  }

  // Waits as the daemon's loop does.
  static bool wait(ActorLookup& lookup, Actor& actor, std::chrono::milliseconds most = 5s) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (!lookup.complete(actor)) {
      if (std::chrono::steady_clock::now() > end) return false;
      pollfd wake{lookup.fd(), POLLIN, 0};
      (void)::poll(&wake, 1, 100);
      lookup.clear();
    }
    return true;
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
  auto given = options();
  given.name_of = [](Uid) -> std::optional<std::string> { return "nss"; };
  ActorLookup lookup(given);
  auto alice = login(Uid{1000});
  EXPECT_FALSE(lookup.complete(alice)) << "not known yet";
  ASSERT_TRUE(wait(lookup, alice));
  EXPECT_EQ(alice.login_user, "alice");
  EXPECT_EQ(alice.human, "alice");
  EXPECT_EQ(alice.human_source, "loginuid");
  auto again = login(Uid{1000});
  EXPECT_TRUE(lookup.complete(again));
  EXPECT_EQ(again.human, "alice");
  EXPECT_EQ(lookup.counters().asked, 1U);
  auto other = login(Uid{2000});
  ASSERT_TRUE(wait(lookup, other));
  EXPECT_EQ(other.login_user, "nss");
}

TEST_F(ActorLookupTest, RootIsNoPersonAndUnknownUsersHaveNoName) {
  ActorLookup lookup(options());
  auto root = login(kRoot);
  ASSERT_TRUE(wait(lookup, root));
  EXPECT_EQ(root.login_user, "root");
  EXPECT_FALSE(root.human);
  EXPECT_FALSE(root.human_source);
  auto unknown = login(Uid{4711});
  ASSERT_TRUE(wait(lookup, unknown));
  EXPECT_FALSE(unknown.login_user);
  EXPECT_FALSE(unknown.human);
  Actor nobody;
  EXPECT_TRUE(lookup.complete(nobody)) << "nothing to look up";
  EXPECT_FALSE(nobody.human);
  nobody.cron_uid = Uid{1000};
  ASSERT_TRUE(wait(lookup, nobody));
  EXPECT_EQ(nobody.cron_user, "alice");
  EXPECT_FALSE(nobody.human);
}

TEST_F(ActorLookupTest, ADirectoryServiceThatHangsBlocksNoCaller) {
  std::promise<void> hangs;
  auto hung = std::make_shared<std::shared_future<void>>(hangs.get_future());
  auto given = options();
  given.patience = 20ms;
  given.name_of = [hung](Uid) -> std::optional<std::string> {
    hung->wait();
    return "late";
  };
  {
    ActorLookup lookup(given);
    auto actor = login(Uid{2000});
    const auto before = std::chrono::steady_clock::now();
    EXPECT_FALSE(lookup.complete(actor));
    EXPECT_LT(std::chrono::steady_clock::now() - before, 10s) << "the caller was not blocked";
    std::this_thread::sleep_for(60ms);
    EXPECT_TRUE(lookup.complete(actor)) << "waiting longer is useless";
    EXPECT_FALSE(actor.login_user);
    auto other = login(Uid{1000});
    EXPECT_TRUE(lookup.complete(other)) << "nor for the next look-up";
  }
  hangs.set_value();  // the destructor did not wait for it
}

TEST_F(ActorLookupTest, StaysWithinItsBounds) {
  std::promise<void> hangs;
  auto hung = std::make_shared<std::shared_future<void>>(hangs.get_future());
  auto given = options();
  given.questions = 4;
  given.names = 8;
  given.name_of = [hung](Uid) -> std::optional<std::string> {
    hung->wait();
    return "name";
  };
  ActorLookup lookup(given);
  for (std::uint32_t uid = 2000; uid < 2100; ++uid) {
    auto actor = login(Uid{uid});
    (void)lookup.complete(actor);
    (void)lookup.complete(actor);  // the second call adds no look-up
  }
  EXPECT_EQ(lookup.counters().asked, 4U);
  EXPECT_GE(lookup.counters().rejected, 96U);
  hangs.set_value();
  auto answered = login(Uid{2003});
  for (int i = 0; i < 500 && !answered.login_user; ++i) {
    (void)lookup.complete(answered);
    std::this_thread::sleep_for(10ms);
  }
  for (std::uint32_t uid = 3000; uid < 3020; ++uid) {
    auto actor = login(Uid{uid});
    ASSERT_TRUE(wait(lookup, actor));
  }
  const auto asked = lookup.counters().asked;
  auto last = login(Uid{3019});
  EXPECT_TRUE(lookup.complete(last));
  auto first = login(Uid{3000});
  EXPECT_FALSE(lookup.complete(first)) << "forgotten";
  EXPECT_EQ(lookup.counters().asked, asked + 1);
}

TEST_F(ActorLookupTest, AnOldNameIsUsedDuringTheNextLookUp) {
  std::atomic<int> count = 0;
  auto given = options();
  given.good_for = 0s;
  given.name_of = [&](Uid) { return std::optional("name" + std::to_string(++count)); };
  ActorLookup lookup(given);
  auto actor = login(Uid{2000});
  ASSERT_TRUE(wait(lookup, actor));
  for (int i = 0; i < 500 && actor.login_user == "name1"; ++i) {
    EXPECT_TRUE(lookup.complete(actor));
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_NE(actor.login_user, "name1");
}

TEST_F(ActorLookupTest, HintsAreThoseOfTheNearestProcess) {
  process(9, "HOME=/root\0SUDO_USER=alice\0"s);
  process(8, "SUDO_USER=bob\0SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22\0"s);
  process(7, "SUDO_USER=eve\0"s, 600);
  ActorLookup lookup(options());
  Actor actor;
  actor.pid = 9;
  actor.start_time = 5'000'000'000;
  actor.lineage = {{8, 5'000'000'000, "sudo", "", ""}, {1, 0, "systemd", "", ""}};
  ASSERT_TRUE(wait(lookup, actor));
  EXPECT_EQ(actor.hint_sudo_user, "alice");
  EXPECT_EQ(actor.hint_ssh, "192.0.2.7 50000 192.0.2.1 22");
  EXPECT_FALSE(actor.human) << "a hint does not name the person";

  Actor gone;
  gone.pid = 7;
  gone.start_time = 5'000'000'000;  // the process that has the number now started later
  ASSERT_TRUE(wait(lookup, gone));
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
