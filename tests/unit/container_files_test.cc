// What guardd learns of containers: their control groups, the files of their runtimes, and the
// memory of both.

#include "guardd/who/container_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "guardd/who/actor_lookup.h"
#include "guardd/who/container.h"
#include "guardd/who/container_accounts.h"
#include "guardd/who/containers.h"
#include "tests/unit/direct_port.h"
#include "tests/unit/fakes.h"

namespace guard {
namespace {

using testing::TemporaryDirectory;

const std::string kId(64, 'a');
const std::string kOther(64, 'b');
const std::string kDocker = "/system.slice/docker-" + kId + ".scope";
const std::string kPodman = "/machine.slice/libpod-" + kId + ".scope";

TEST(ContainerGroup, EndsWithTheInnermostContainer) {
  EXPECT_EQ(container_group(kDocker + "/init.scope/x"), kDocker);
  EXPECT_EQ(container_group(kDocker + "/docker/" + kOther + "/x"), kDocker + "/docker/" + kOther);
  EXPECT_EQ(container_group("/system.slice/ssh.service"), "");
  EXPECT_EQ(user_of_group("/user.slice/user-1000.slice/user@1000.service/app.slice"), Uid{1000});
  EXPECT_EQ(user_of_group("/user.slice/user-1000.slice/session-3.scope"), std::nullopt);
  EXPECT_EQ(user_of_group("/user@x.service"), std::nullopt);
}

// A machine in a directory, whose root is the user who runs the test.
class ContainerFilesTest : public ::testing::Test {
 protected:
  ContainerFilesTest() { make_group(""); }

  void make_group(const std::string& path) const { there_.directory("sys/fs/cgroup" + path); }
  void write(const std::string& path, std::string_view text) const {
    there_.directory(path.substr(0, path.rfind('/')));
    there_.write(path, text);
  }
  void add_docker(const std::string& name, const std::string& image) const {
    write("var/lib/docker/containers/" + kId + "/config.v2.json",
          R"({"State":{"Pid":7},"ID":")" + kId + R"(","Config":{"User":"app","Image":")" + image +
              R"("},"Image":"sha256:e7fe","Name":"/)" + name + R"("})");
  }
  // As containers/storage writes it.
  static std::string podman_list(const std::string& name) {
    return R"([{"id":")" + kOther + R"(","names":["x"],"metadata":"no json"},{"id":")" + kId +
           R"(","names":[")" + name +
           R"("],"image":"43e6","metadata":"{\"image-name\":\"localhost/test:1\",\"name\":\")" +
           name + R"(\"}"}])";
  }
  KnownContainer found(const std::string& group) const {
    return ContainerFiles(there_ / "", Uid{::geteuid()}).find(group).value_or(KnownContainer());
  }

  TemporaryDirectory there_;
};

TEST_F(ContainerFilesTest, DockerKeepsAFileForEach) {
  make_group(kDocker);
  add_docker("web", "nginx:1");
  const auto web = found(kDocker);
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(web.image, "nginx:1");
  EXPECT_EQ(web.allow_name, "web");
  EXPECT_TRUE(web.is_of_root);
  struct stat facts {};
  ASSERT_EQ(::stat((there_ / ("sys/fs/cgroup" + kDocker)).c_str(), &facts), 0);
  EXPECT_EQ(web.group, facts.st_ino);
}

TEST_F(ContainerFilesTest, DockerCanKeepItElsewhere) {
  write("var/lib/docker/231072.231072/containers/" + kId + "/config.v2.json",
        R"({"Name":"/remapped","Config":{"Image":"i"}})");
  EXPECT_EQ(found(kDocker).name, "remapped");
  write("etc/docker/daemon.json", R"({"data-root":"/srv/docker"})");
  write("srv/docker/containers/" + kId + "/config.v2.json", R"({"Name":"/moved"})");
  EXPECT_EQ(found(kDocker).name, "moved");
}

TEST_F(ContainerFilesTest, PodmanKeepsAList) {
  write("var/lib/containers/storage/overlay-containers/containers.json", podman_list("db"));
  EXPECT_EQ(found(kPodman).name, "db");
  EXPECT_EQ(found(kPodman).image, "localhost/test:1");
  std::filesystem::remove_all(there_ / "var/lib/containers");
  EXPECT_EQ(found(kPodman).name, "");
  write("run/containers/storage/vfs-containers/volatile-containers.json", podman_list("once"));
  EXPECT_EQ(found(kPodman).name, "once");
}

TEST_F(ContainerFilesTest, AUsersContainerIsNamedButDoesNotCountForExemptions) {
  const std::string group = "/user.slice/user-" + std::to_string(::geteuid()) + ".slice/user@" +
                            std::to_string(::geteuid()) + ".service/user.slice/libpod-" + kId +
                            ".scope";
  make_group(group);
  write("etc/passwd", "joe:x:" + std::to_string(::geteuid()) + ":1000::/home/joe:/bin/sh\n");
  write("home/joe/.local/share/containers/storage/overlay-containers/containers.json",
        podman_list("backup"));
  EXPECT_EQ(found(group).name, "backup");
  EXPECT_FALSE(found(group).is_of_root);
  // A user's group with the id of root's container does not even find root's files.
  add_docker("web", "nginx:1");
  const auto forged = group.substr(0, group.find("/libpod-")) + "/docker-" + kId + ".scope";
  make_group(forged);
  EXPECT_FALSE(found(forged).is_of_root);
  EXPECT_NE(found(forged).name, "web");
}

TEST_F(ContainerFilesTest, AGroupThatAUserCanMakeDoesNotCountForExemptions) {
  const auto group = "/system.slice/evil.service/docker-" + kId + ".scope";
  make_group(group);
  add_docker("web", "nginx:1");
  EXPECT_TRUE(found(group).is_of_root);
  ASSERT_EQ(::chmod((there_ / "sys/fs/cgroup/system.slice/evil.service").c_str(), 0777), 0);
  EXPECT_EQ(found(group).name, "web");
  EXPECT_FALSE(found(group).is_of_root);
}

TEST_F(ContainerFilesTest, AContainerInAContainerDoesNotCountForExemptions) {
  const auto group = kPodman + "/docker/" + kId;
  make_group(group);
  add_docker("web", "nginx:1");
  EXPECT_EQ(found(group).name, "web");
  EXPECT_FALSE(found(group).is_of_root);
}

TEST_F(ContainerFilesTest, KubernetesNamesThePodToo) {
  const auto group = "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + kId + ".scope";
  write("run/containerd/io.containerd.runtime.v2.task/k8s.io/" + kId + "/config.json",
        R"({"ociVersion":"1","annotations":{"io.kubernetes.cri.container-name":"db",)"
        R"("io.kubernetes.cri.image-name":"postgres:16","io.kubernetes.cri.sandbox-name":"db-0",)"
        R"("io.kubernetes.cri.sandbox-namespace":"shop"}})");
  EXPECT_EQ(found(group).name, "db");
  EXPECT_EQ(found(group).image, "postgres:16");
  EXPECT_EQ(found(group).pod, "shop/db-0");
  EXPECT_EQ(found(group).allow_name, "shop/db");
  const auto crio = "/kubepods.slice/kubepods-pod1.slice/crio-" + kOther + ".scope";
  write("run/containers/storage/overlay-containers/" + kOther + "/userdata/config.json",
        R"({"annotations":{"io.kubernetes.container.name":"web","io.kubernetes.pod.name":"web-1",)"
        R"("io.kubernetes.pod.namespace":"shop","io.kubernetes.cri-o.ImageName":"nginx:1"}})");
  EXPECT_EQ(found(crio).name, "web");
  EXPECT_EQ(found(crio).pod, "shop/web-1");
}

TEST_F(ContainerFilesTest, NoFileThatAnotherUserCouldChooseIsRead) {
  add_docker("web", "nginx:1");
  const auto path = there_ / ("var/lib/docker/containers/" + kId + "/config.v2.json");
  std::filesystem::rename(path, path + ".real");
  std::filesystem::create_symlink(path + ".real", path);
  EXPECT_EQ(found(kDocker).name, "");
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(found(kDocker).name, "");
  std::filesystem::remove(path);
  there_.write("var/lib/docker/containers/" + kId + "/config.v2.json", "[{\"Name\":");
  EXPECT_EQ(found(kDocker).name, "");
  EXPECT_FALSE(ContainerFiles(there_ / "").find("/system.slice/ssh.service"));
}

TEST_F(ContainerFilesTest, AMachineIsItsOwnName) {
  make_group("/machine.slice/machine-backup.scope");
  EXPECT_EQ(found("/machine.slice/machine-backup.scope").name, "backup");
}

// ---- the memory

class ContainersTest : public ContainerFilesTest {
 protected:
  ContainersTest()
      : port_({"/proc", "/etc/passwd", {}, "/etc/group", {}, there_ / ""}),
        containers_(port_, kOptions) {
    add_docker("web", "nginx:1");
  }
  std::string name_of(const std::string& cgroup) {
    const auto container = containers_.find(cgroup);
    return container ? container->name : "?";
  }

  static constexpr Containers::Options kOptions{2, std::chrono::milliseconds(60'000),
                                                std::chrono::milliseconds(60'000)};
  DirectPort port_;
  Containers containers_;
};

TEST_F(ContainersTest, EachIsLookedUpOnce) {
  if (::geteuid() != 0) GTEST_SKIP() << "the files of root are root's";
  int done = 0;
  for (const auto& cgroup : {kDocker, kDocker + "/below"})
    containers_.look_up(cgroup, [&] { ++done; });
  containers_.look_up("/system.slice/ssh.service", [&] { ++done; });
  EXPECT_EQ(done, 3);
  EXPECT_EQ(port_.asked, 1);
  EXPECT_EQ(name_of(kDocker + "/below"), "web");
  EXPECT_EQ(name_of("/"), "?");
}

TEST_F(ContainersTest, NobodyWaitsLongerThanTheHelper) {
  port_.be_silent();
  int done = 0;
  for (int i = 0; i < 3; ++i) containers_.look_up(kDocker, [&] { ++done; });
  EXPECT_EQ(done, 0);
  EXPECT_EQ(port_.asked, 1);
  port_.time_out();
  EXPECT_EQ(done, 3);
  EXPECT_EQ(name_of(kDocker), "?");
}

TEST_F(ContainersTest, TheNameStaysAfterTheContainer) {
  if (::geteuid() != 0) GTEST_SKIP() << "the files of root are root's";
  constexpr Containers::Options kAlways{2, std::chrono::milliseconds(0),
                                        std::chrono::milliseconds(0)};
  Containers containers(port_, kAlways);
  containers.look_up(kDocker);
  std::filesystem::remove_all(there_ / "var/lib/docker");
  containers.look_up(kDocker);
  EXPECT_EQ(containers.find(kDocker)->name, "web");
  EXPECT_EQ(port_.asked, 2);
}

TEST_F(ContainersTest, ThoseOfRootAreListedAndChangesReported) {
  if (::geteuid() != 0) GTEST_SKIP() << "the files of root are root's";
  int changes = 0;
  containers_.on_change([&] { ++changes; });
  make_group(kDocker);
  containers_.look_up(kDocker);
  ASSERT_EQ(containers_.of_root().size(), 1U);
  EXPECT_EQ(containers_.of_root()[0]->name, "web");
  EXPECT_EQ(changes, 1);
  containers_.look_up(kDocker);
  EXPECT_EQ(changes, 1);
}

TEST_F(ContainersTest, TheOldestIsForgottenIfThereAreTooMany) {
  port_.be_silent();
  int done = 0;
  for (const auto* digit : {"c", "d", "e", "f"})
    containers_.look_up("/docker/" + std::string(64, *digit), [&] { ++done; });
  port_.answer();
  EXPECT_EQ(done, 4);
}

// ---- what a container calls its users

TEST(AccountNames, AreNothingElse) {
  for (const auto* name : {"postgres", "www-data", "_apt", "7zip", "a.b", "Z"})
    EXPECT_TRUE(is_account_name(name)) << name;
  for (const auto* name : {"", "-u", ".", "999", "a b", "a;b", "a\n", "\xff", "\x1b[31m", "ü"})
    EXPECT_FALSE(is_account_name(name)) << name;
  EXPECT_FALSE(is_account_name(std::string(33, 'a')));
}

class ContainerAccounts : public ContainerFilesTest {
 protected:
  ContainerAccounts() {
    make_group(kDocker);
    process(70, "0::" + kDocker + "\n", "0 0 4294967295\n");
    there_.directory("proc/70/root/etc");
    there_.write("proc/70/root/etc/passwd", kPasswd);
  }
  void process(int pid, const std::string& cgroups, const std::string& map) const {
    const auto place = "proc/" + std::to_string(pid);
    there_.directory(place + "/root");
    there_.write(place + "/cgroup", cgroups);
    there_.write(place + "/uid_map", map);
    there_.write("sys/fs/cgroup" + kDocker + "/cgroup.procs", std::to_string(pid) + "\n");
  }
  std::optional<std::string> name(std::uint32_t user,
                                  const std::string& container = kDocker) const {
    return user_in_container(container, Uid{user}, there_ / "proc", there_ / "");
  }

  static constexpr const char* kPasswd =
      "root:x:0:0::/:/bin/sh\npostgres:x:999:998::/:/bin/sh\n-u:x:5:5::/:/bin/sh\n";
};

TEST_F(ContainerAccounts, AreThoseOfItsOwnFile) {
  EXPECT_EQ(name(999), "postgres");
  EXPECT_EQ(name(0), "root");
  EXPECT_EQ(name(1000), std::nullopt);
  EXPECT_EQ(name(5), std::nullopt) << "it is no name";
}

TEST_F(ContainerAccounts, AreMapped) {
  there_.write("proc/70/uid_map", "0 165536 65536\n");
  EXPECT_EQ(name(166535), "postgres");
  EXPECT_EQ(name(999), std::nullopt);
  there_.write("proc/70/uid_map", "");
  EXPECT_EQ(name(999), std::nullopt);
}

TEST_F(ContainerAccounts, AreNotThoseOfAnotherContainer) {
  there_.write("proc/70/cgroup", "0::/system.slice/docker-" + kOther + ".scope\n");
  EXPECT_EQ(name(999), std::nullopt);
  there_.write("proc/70/cgroup",
               "0::/system.slice/docker-" + kOther + ".scope\n4:memory:" + kDocker + "\n");
  EXPECT_EQ(name(999), std::nullopt) << "the actor's group is not read from such a line";
}

// systemd uses a hierarchy of its own there, and the unified one may not have the group.
TEST_F(ContainerAccounts, AreThereWithTheHierarchiesOfOld) {
  there_.write("proc/70/cgroup", "4:memory:/x\n1:name=systemd:" + kDocker + "\n0::/\n");
  EXPECT_EQ(name(999), "postgres");
  for (const auto* unified : {"unified", ""}) {
    SCOPED_TRACE(unified);
    std::filesystem::remove_all(there_ / "sys");
    write("sys/fs/cgroup/" + std::string(unified) + "/cgroup.procs", "");
    EXPECT_EQ(name(999), std::nullopt);
    write("sys/fs/cgroup/systemd" + kDocker + "/cgroup.procs", "70\n");
    EXPECT_EQ(name(999), "postgres");
  }
}

// systemd in a container divides its group; so does a runtime in it.
TEST_F(ContainerAccounts, AreThereIfTheContainerDividesItsGroup) {
  const auto group = "sys/fs/cgroup" + kDocker;
  there_.write(group + "/cgroup.procs", "");
  write(group + "/docker/" + kOther + "/cgroup.procs", "70\n");
  write("proc/70/cgroup", "0::" + kDocker + "/docker/" + kOther + "\n");
  EXPECT_EQ(name(999), std::nullopt) << "of a container in it";
  EXPECT_EQ(name(999, kDocker + "/docker/" + kOther), "postgres");
  write(group + "/init.scope/cgroup.procs", "71\n");
  write("proc/71/cgroup", "0::" + kDocker + "/init.scope\n");
  write("proc/71/uid_map", "0 0 4294967295\n");
  write("proc/71/root/etc/passwd", kPasswd);
  EXPECT_EQ(name(999), "postgres");
  for (int i = 0; i < 2000; ++i) make_group(kDocker + "/many/" + std::to_string(i));
  EXPECT_EQ(name(1000), std::nullopt) << "it is not searched for ever";
}

TEST_F(ContainerAccounts, AreNotThoseOfThisMachine) {
  std::filesystem::remove_all(there_ / "proc/70/root");
  std::filesystem::create_symlink("/", there_ / "proc/70/root");
  EXPECT_EQ(name(0), std::nullopt);
}

TEST_F(ContainerAccounts, NothingThatTheContainerMakesOfTheFileDoesHarm) {
  const auto passwd = there_ / "proc/70/root/etc/passwd";
  const auto replace = [&](auto make) {
    std::filesystem::remove_all(passwd);
    make();
    return name(999);
  };
  EXPECT_EQ(replace([] {}), std::nullopt);
  EXPECT_EQ(replace([&] { ::mkfifo(passwd.c_str(), 0600); }), std::nullopt);
  EXPECT_EQ(replace([&] { std::filesystem::create_directory(passwd); }), std::nullopt);
  there_.write("outside", kPasswd);
  EXPECT_EQ(replace([&] { std::filesystem::create_symlink("../../../../outside", passwd); }),
            std::nullopt)
      << "a link led out of the container";
  EXPECT_EQ(replace([&] { std::filesystem::create_symlink(there_ / "outside", passwd); }),
            std::nullopt);
  there_.write("proc/70/root/mine", kPasswd);
  EXPECT_EQ(replace([&] { std::filesystem::create_symlink("/mine", passwd); }), "postgres");
  const auto endless = std::string(1 << 20, '\n') + kPasswd;
  EXPECT_EQ(replace([&] { there_.write("proc/70/root/etc/passwd", endless); }), std::nullopt);
}

// A container can end before the change has settled.
TEST_F(ContainerAccounts, AreInTheRecordIfTheContainerHasEnded) {
  InquiryHelper::Places places;
  places.proc = there_ / "proc";
  places.containers = there_ / "";
  DirectPort port(places);
  ActorLookup lookup(port);
  Snapshot process;
  process.fsuid = kRoot;
  lookup.expect(process, Uid{999});
  process.control_group =
      std::make_shared<const ControlGroup>(ControlGroup{"/system.slice/ssh.service", {}, {}});
  lookup.expect(process, Uid{999});
  EXPECT_EQ(port.asked, 0) << "it is in no container";
  process.control_group = std::make_shared<const ControlGroup>(ControlGroup{kDocker, {}, {}});
  lookup.expect(process, Uid{999});
  std::filesystem::remove_all(there_ / "proc/70");
  Violation violation;
  violation.uid_wanted = Uid{999};
  violation.actor.edit().container = kId;
  violation.actor.edit().cgroup = kDocker;
  violation.actor.edit().fsuid = kRoot;
  ASSERT_TRUE(lookup.complete(violation));
  EXPECT_EQ(violation.owner_in_container, "postgres");
  EXPECT_EQ(violation.user_in_container, "root");
}

// Its root can keep a helper waiting, on a file system of its own: one helper, not all.
TEST(ContainerUserQuestions, AreDelayedByTheContainer) {
  class Port final : public HelperPort {
   public:
    void ask(HelperQuestion question, HelperReply /*reply*/) override {
      delayed_by = question.delayed_by;
    }
    std::uint64_t delayed_by = 0;
  } port;
  const auto delayed_by = [&](const std::string& container, Uid user) {
    ask_for_container_user(port, container, user, [](const auto& /*name*/) {});
    return port.delayed_by;
  };
  const auto one = delayed_by(kDocker, kRoot);
  EXPECT_GT(one, std::uint64_t{1} << 32U) << "neither a user nor the directory service";
  EXPECT_EQ(delayed_by(kDocker, Uid{999}), one);
  EXPECT_NE(delayed_by("/system.slice/docker-" + kOther + ".scope", kRoot), one);
  EXPECT_EQ(delayed_by("/user.slice/user-1000.slice/user@1000.service/libpod-" + kId, kRoot),
            1000U);
}

TEST_F(ContainerAccounts, AreInTheRecordAndStayThere) {
  InquiryHelper::Places places;
  places.proc = there_ / "proc";
  places.containers = there_ / "";
  DirectPort port(places);
  ActorLookup lookup(port, {.good_for = std::chrono::seconds(0)});
  Violation violation;
  violation.uid_wanted = Uid{999};
  violation.actor.edit().container = kId;
  violation.actor.edit().cgroup = kDocker;
  violation.actor.edit().fsuid = kRoot;
  ASSERT_TRUE(lookup.complete(violation));
  EXPECT_EQ(violation.owner_in_container, "postgres");
  EXPECT_EQ(violation.user_in_container, "root");
  there_.write("sys/fs/cgroup" + kDocker + "/cgroup.procs", "");
  ASSERT_TRUE(lookup.complete(violation));
  EXPECT_EQ(violation.owner_in_container, "postgres");
  Violation outside;
  outside.uid_wanted = Uid{999};
  outside.actor.edit().cgroup = "/system.slice/ssh.service";
  ASSERT_TRUE(lookup.complete(outside));
  EXPECT_EQ(outside.owner_in_container, "");
}

}  // namespace
}  // namespace guard
