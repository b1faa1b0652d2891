// Advice for what happens in containers.

#include <gtest/gtest.h>

#include "guardd/publish/advice.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

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

}  // namespace
}  // namespace guard
