// Advice for what happens in containers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "guardd/publish/advice.h"
#include "guardd/publish/phrases.h"
#include "guardd/publish/sentences.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

using ::testing::HasSubstr;

class ContainerAdvice : public ::testing::Test {
 protected:
  ContainerAdvice() {
    violation_.owner_wanted = "www-data";
    violation_.uid_wanted = Uid{33};
    auto& actor = violation_.actor.edit();
    actor = {};
    actor.fsuid = kRoot;
    actor.container = std::string(64, 'a');
    actor.container_runtime = "docker";
    actor.container_name = "web";
    actor.cgroup = "/system.slice/docker-" + *actor.container + ".scope";
    actor.unit = "docker-" + *actor.container + ".scope";
  }
  std::string advice(const char* cmdline = "touch /data/x", const char* comm = "touch") const {
    auto violation = violation_;
    violation.actor.edit().command = {7, 0, comm, "", cmdline};
    const auto found = advice_for(violation).commands;
    return found.empty() ? "" : found.front();
  }

  Violation violation_ = git_violation();
};

TEST_F(ContainerAdvice, IsTheSameCommandAsTheOwner) {
  EXPECT_EQ(advice(), "docker exec -u www-data web touch /data/x");
  EXPECT_EQ(who_text(violation_), "container web as root");
  violation_.owner_wanted = "999";
  violation_.uid_wanted = Uid{999};
  violation_.actor.edit().container_runtime = "podman";
  EXPECT_EQ(advice(), "podman exec -u 999 web touch /data/x");
}

TEST_F(ContainerAdvice, AMappedNumberIsUnknownInTheContainer) {
  violation_.owner_wanted = "100998";
  violation_.uid_wanted = Uid{100998};
  EXPECT_EQ(advice(), "docker exec web touch /data/x");
}

TEST_F(ContainerAdvice, IsSafeToPaste) {
  EXPECT_EQ(advice("sh -c 'touch x; reboot'", "sh"),
            "docker exec -u www-data web sh -c 'touch x; reboot'");
  EXPECT_EQ(advice("sh", "sh"), "docker exec -it -u www-data web sh");
  EXPECT_EQ(advice("sh -c 'touch x; reb…", "sh"), "docker exec -it -u www-data web sh");
  violation_.actor.edit().container_name = "a; reboot";
  EXPECT_EQ(advice(), "docker exec -u www-data aaaaaaaaaaaa touch /data/x");
  violation_.actor.edit().container_name.reset();
  EXPECT_EQ(advice(), "docker exec -u www-data aaaaaaaaaaaa touch /data/x");
}

TEST_F(ContainerAdvice, ThereIsNoneForContainersThatRootDoesNotEnter) {
  violation_.actor.edit().container_runtime = "cri-o";
  EXPECT_EQ(advice(), "");
  violation_.actor.edit().container_runtime = "podman";
  violation_.actor.edit().cgroup = "/user.slice/user-1000.slice/user@1000.service/libpod-x.scope";
  EXPECT_EQ(advice(), "");
}

TEST_F(ContainerAdvice, AnOwnerWithoutANameHereHasOneThere) {
  violation_.owner_wanted = "100998";
  violation_.uid_wanted = Uid{100998};
  violation_.owner_in_container = "postgres";
  EXPECT_EQ(advice(), "docker exec -u postgres web touch /data/x");
  EXPECT_EQ(wanted_owner_text(violation_), "uid 100998 (postgres in container web)");
  EXPECT_THAT(sentence_of(violation_),
              HasSubstr("instead of 100998:shop (postgres in container web)"));
  violation_.action = Outcome::kDenied;
  EXPECT_THAT(sentence_of(violation_),
              HasSubstr("; only uid 100998 (postgres in container web) may do that"));
  violation_.owner_wanted = "www-data";
  EXPECT_EQ(wanted_owner_text(violation_), "www-data (postgres in container web)");
  violation_.owner_in_container = "www-data";
  EXPECT_EQ(wanted_owner_text(violation_), "www-data");
  violation_.owner_in_container.clear();
  violation_.owner_wanted = "100998";
  EXPECT_EQ(wanted_owner_text(violation_), "uid 100998");
}

TEST_F(ContainerAdvice, ItsRootCanBeAnotherUserHere) {
  violation_.actor.edit().fsuid = Uid{100000};
  EXPECT_EQ(who_text(violation_), "container web as uid 100000");
  violation_.user_in_container = "root";
  EXPECT_EQ(who_text(violation_), "container web as uid 100000 (root in the container)");
  violation_.actor.edit().fsuid = kRoot;
  EXPECT_EQ(who_text(violation_), "container web as root");
}

}  // namespace
}  // namespace guard
