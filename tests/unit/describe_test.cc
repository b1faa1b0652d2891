// What a record says of a process.
#include "guardd/who/describe.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "guardd/who/acting_process.h"
#include "guardd/who/actor_lookup.h"
#include "guardd/who/container.h"
#include "guardd/who/session.h"

namespace guard {
namespace {

const std::string kId(64, 'a');
const std::string kOther = std::string(60, 'b') + "0123";

struct Case {
  std::string path;
  std::string id;
  std::string runtime;
};

TEST(Container, IsKnownByItsControlGroup) {
  const std::string pod = "pod2b801b7a_5266_4386_864e_45ed71136539";
  for (const auto& [path, id, runtime] : std::vector<Case>{
           {"/system.slice/docker-" + kId + ".scope", kId, "docker"},
           {"/docker/" + kId, kId, "docker"},
           {"/user.slice/user-1000.slice/user@1000.service/app.slice/docker-" + kId + ".scope", kId,
            "docker"},
           {"/machine.slice/libpod-" + kId + ".scope", kId, "podman"},
           {"/machine.slice/libpod-" + kId + ".scope/container", kId, "podman"},
           {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId +
                ".scope/container",
            kId, "podman"},
           {"/libpod_parent/libpod-" + kId, kId, "podman"},
           {"/system.slice/app.service/libpod-payload-" + kId, kId, "podman"},
           {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" + pod +
                ".slice/cri-containerd-" + kId + ".scope",
            kId, "containerd"},
           {"/kubepods.slice/kubepods-" + pod + ".slice/crio-" + kId + ".scope", kId, "cri-o"},
           {"/kubepods/besteffort/" + pod + "/" + kId, kId, "kubernetes"},
           {"/kubepods/burstable/" + pod + "/crio-" + kId, kId, "cri-o"},
           {"/system.slice/containerd.service/kubepods-burstable-" + pod +
                ".slice:cri-containerd:" + kId,
            kId, "containerd"},
           {"/kubelet.slice/kubelet-kubepods.slice/x.slice/docker-" + kId + ".scope", kId,
            "docker"},
           {"/docker/" + kId + "/kubelet/kubepods/" + pod + "/" + kOther, kOther, "kubernetes"},
           {"/docker/" + kId + "/docker/" + kOther, kOther, "docker"},
           {"/default/nerdctl-" + kId + ".scope", kId, "containerd"},
           {"/ecs/55091c13-b8cf-4801-b527-f4601742204d/" + kId, kId, ""},
           {"/machine.slice/machine-web.scope/payload", "web", "systemd-nspawn"},
           {"/machine.slice/machine-web\\x2d1.scope/payload/system.slice/a.service", "web-1",
            "systemd-nspawn"},
           {"/machine.slice/systemd-nspawn@web.service/payload", "web", "systemd-nspawn"},
           {"/machine.slice/systemd-nspawn@my\\x2dweb.service", "my-web", "systemd-nspawn"},
           {"/machine.slice/machine-lxc\\x2d12\\x2dweb.scope", "lxc-12-web", "lxc"},
           {"/lxc.payload.web", "web", "lxc"},
           {"/lxc.payload.web/system.slice/ssh.service", "web", "lxc"},
           {"/lxc/web/init.scope", "web", "lxc"},
           {"/lxc.payload/web", "web", "lxc"}}) {
    const auto found = container_of(path);
    ASSERT_TRUE(found) << path;
    EXPECT_EQ(*found, (Container{id, runtime})) << path << ": " << found->id;
  }
}

TEST(Container, OtherControlGroupsAreNone) {
  for (const std::string& path :
       {std::string(),
        std::string("/"),
        std::string("/init.scope"),
        std::string("/system.slice/docker.service"),
        std::string("/system.slice/containerd.service"),
        "/machine.slice/libpod-conmon-" + kId + ".scope",
        "/kubepods.slice/crio-conmon-" + kId + ".scope",
        std::string("/user.slice/user-1000.slice/session-3.scope"),
        std::string("/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/emulator"),
        std::string("/machine.slice/machine-web.scope/supervisor"),
        std::string("/machine.slice/systemd-nspawn@web.service/supervisor"),
        std::string("/lxc.monitor.web"),
        std::string("/lxc.payload."),
        std::string("/system.slice/docker-abc.scope"),
        std::string("/docker/buildx"),
        "/docker/" + kId.substr(1),
        "/docker/" + kId + "a",
        "/docker/" + std::string(64, 'g'),
        "/system.slice/app-" + kId + ".scope",
        std::string("//-//:/"),
        std::string("/system.slice/run-u12.scope"),
        std::string(5000, '/') + std::string(5000, '-')})
    EXPECT_FALSE(container_of(path)) << path;
}

TEST(Session, IsTheScopeInTheUsersSlice) {
  EXPECT_EQ(session_in("/user.slice/user-1000.slice/session-3.scope"), "3");
  EXPECT_EQ(session_in("/user.slice/user-0.slice/session-c1.scope/inner"), "c1");
  for (const auto* path :
       {"", "/", "/user.slice/user-1000.slice/user@1000.service/app.slice/session-3.scope",
        "/machine.slice/machine-x.scope/payload/user.slice/user-1000.slice/session-3.scope",
        "/user.slice/user-1000.slice/session-.scope", "/user.slice/user-1000.slice/session-..scope",
        "/user.slice/session-3.scope", "/user.slice/user-1000.slice/session-a b.scope"})
    EXPECT_EQ(session_in(path), "") << path;
}

// Files as logind writes them.
class SessionFiles : public testing::Test {
 protected:
  SessionFiles() { ::umask(022); }
  ~SessionFiles() override { std::filesystem::remove_all(directory_); }

  static std::string new_directory() {
    std::string name = testing::TempDir() + "guard-sessions-XXXXXX";
    return ::mkdtemp(name.data());
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
  }
  void write_session(const std::string& id, const std::string& more = "",
                     const std::string& uid = "1000") {
    write(id, "# This is private data. Do not parse.\nUID=" + uid +
                  "\nUSER=alice\nACTIVE=1\nREMOTE=1\nTYPE=tty\nCLASS=user\nSCOPE=session-" + id +
                  ".scope\nTTY=pts/3\nREMOTE_HOST=192.0.2.7\nSERVICE=sshd\nAUDIT=" + id + "\n" +
                  more);
  }
  std::optional<Session> find(const std::string& id) {
    return sessions_.find("/user.slice/user-1000.slice/session-" + id + ".scope", std::nullopt);
  }

  // alice's shell in session 3.
  Snapshot shell(std::optional<Uid> login = Uid{1000}) {
    Snapshot shell;
    shell.pid = 50;
    shell.start = 5 * kTick;
    shell.uid = shell.euid = shell.fsuid = Uid{1000};
    shell.login = login;
    shell.control_group = std::make_shared<const ControlGroup>(ControlGroup{
        "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", "user-1000.slice"});
    return shell;
  }

  std::filesystem::path directory_ = new_directory();
  Sessions sessions_{directory_, Uid{::getuid()}};
};

TEST_F(SessionFiles, ShowTheOriginOfALogin) {
  write_session("3");
  const auto session = find("3");
  ASSERT_TRUE(session);
  EXPECT_EQ(session->id, "3");
  EXPECT_EQ(session->user, "alice");
  EXPECT_EQ(session->uid, Uid{1000});
  EXPECT_EQ(session->kind, "user");
  EXPECT_EQ(session->service, "sshd");
  EXPECT_EQ(session->tty, "pts/3");
  EXPECT_EQ(session->remote_host, "192.0.2.7");
  EXPECT_FALSE(find("4"));
}

TEST_F(SessionFiles, AreFoundByTheAuditSessionToo) {
  write_session("3");
  EXPECT_TRUE(sessions_.find("/user.slice/user-1000.slice/user@1000.service/app.slice/a.scope", 3));
  EXPECT_FALSE(sessions_.find("/system.slice/a.service", std::nullopt));
  EXPECT_FALSE(sessions_.find("/system.slice/a.service", 4));
  write("5", "UID=1000\nAUDIT=6\n");
  EXPECT_FALSE(sessions_.find("/system.slice/a.service", 5));
}

TEST_F(SessionFiles, MayHaveQuotes) {
  write("3", "SCOPE=\"session-3.scope\"\nREMOTE_HOST=\"2001:db8::1\"\nUID=\"x\"\n");
  const auto session = find("3");
  ASSERT_TRUE(session);
  EXPECT_EQ(session->remote_host, "2001:db8::1");
  EXPECT_FALSE(session->uid);
}

TEST_F(SessionFiles, OfOtherUsersAreNotTrusted) {
  write_session("3");
  EXPECT_FALSE(Sessions(directory_, Uid{::getuid() + 1})
                   .find("/user.slice/user-1000.slice/session-3.scope", 3));
  std::filesystem::rename(directory_ / "3", directory_ / "real");
  std::filesystem::create_symlink("real", directory_ / "3");
  EXPECT_FALSE(find("3"));
  std::filesystem::remove(directory_ / "3");
  ASSERT_EQ(::mkfifo((directory_ / "3").c_str(), 0600), 0);
  EXPECT_FALSE(find("3")) << "without waiting for a writer";
  std::filesystem::remove(directory_ / "3");
  write_session("3", std::string(8192, 'x'));
  EXPECT_FALSE(find("3"));
  write_session("3");
  std::filesystem::permissions(directory_ / "3", std::filesystem::perms(0664));
  EXPECT_FALSE(find("3"));
  std::filesystem::permissions(directory_ / "3", std::filesystem::perms(0600));
  EXPECT_TRUE(find("3"));
  write("4", "SCOPE=session-3.scope\n");
  EXPECT_FALSE(find("4"));
  write("5", "");
  EXPECT_FALSE(find("5"));
}

TEST_F(SessionFiles, NameTheHumanOnlyWithoutALoginUid) {
  write_session("3");
  auto actor = describe(shell(std::nullopt), nullptr, sessions_);
  EXPECT_FALSE(actor.login_uid);
  EXPECT_EQ(actor.human, "alice");
  EXPECT_EQ(actor.human_source, "session");
  EXPECT_EQ(actor.session_remote_host, "192.0.2.7");
  EXPECT_EQ(actor.session_tty, "pts/3");
  EXPECT_EQ(actor.session_service, "sshd");
  EXPECT_EQ(actor.session_id, "3");

  actor = describe(shell(), nullptr, sessions_);
  EXPECT_FALSE(actor.human) << "the name is not known yet";
  actor.login_user = "alice";
  set_human(actor);
  EXPECT_EQ(actor.human, "alice");
  EXPECT_EQ(actor.human_source, "loginuid");

  actor = describe(shell(kRoot), nullptr, sessions_);
  actor.login_user = "root";
  set_human(actor);
  EXPECT_FALSE(actor.human);
  EXPECT_FALSE(actor.human_source);
  EXPECT_EQ(actor.session_remote_host, "192.0.2.7");

  write_session("3", "", "0");
  EXPECT_FALSE(describe(shell(std::nullopt), nullptr, sessions_).human);
  write("3", "UID=1000\nUSER=gdm\nCLASS=greeter\nSCOPE=session-3.scope\n");
  EXPECT_FALSE(describe(shell(std::nullopt), nullptr, sessions_).human);
}

std::shared_ptr<const Snapshot> above(std::int32_t pid, const std::string& exe,
                                      const std::string& cmdline, Uid uid = kRoot,
                                      EnumSet<Label> labels = {}) {
  Snapshot process;
  process.pid = pid;
  process.start = static_cast<std::uint64_t>(pid) * kTick;
  process.comm = exe.substr(exe.rfind('/') + 1);
  process.uid = process.euid = process.fsuid = uid;
  Image image;
  image.exe = exe;
  image.cmdline = cmdline;
  image.labels = labels;
  process.image = std::make_shared<const Image>(std::move(image));
  return std::make_shared<const Snapshot>(std::move(process));
}

const Sessions kNoSessions("/nowhere");

TEST(Describe, ShowsEightAncestors) {
  Lineage lineage;
  for (int pid = 20; pid > 10; --pid) lineage.push_back(above(pid, "/bin/sh", "sh -c x"));
  const auto actor = describe(*above(21, "/bin/touch", "touch x"), &lineage, kNoSessions);
  ASSERT_EQ(actor.lineage.size(), 8U);
  EXPECT_EQ(actor.lineage.front().pid, 20);
  EXPECT_EQ(actor.lineage.front().start_time, 20 * kTick);
  EXPECT_EQ(actor.lineage.front().comm, "sh");
  EXPECT_EQ(actor.lineage.front().exe, "/bin/sh");
  EXPECT_EQ(actor.lineage.front().cmdline, "sh -c x");
  EXPECT_EQ(actor.lineage.back().pid, 13);
}

TEST(Describe, AProcessInAContainerHasNoLogin) {
  Snapshot self;
  self.pid = 5;
  self.control_group = std::make_shared<const ControlGroup>(
      ControlGroup{"/system.slice/docker-" + kId + ".scope", "docker-" + kId + ".scope", ""});
  const auto actor = describe(self, nullptr, kNoSessions);
  EXPECT_EQ(actor.container, kId);
  EXPECT_EQ(actor.container_runtime, "docker");
  EXPECT_FALSE(actor.login_uid);
  EXPECT_FALSE(actor.human);
}

TEST(Describe, ACronJobBelongsToTheOwnerOfTheCrontab) {
  const auto owner_of = [](const std::shared_ptr<const Snapshot>& self, const Lineage& lineage) {
    return describe(*self, &lineage, kNoSessions).cron_uid;
  };
  const auto cron = above(3, "/usr/sbin/cron", "/usr/sbin/CRON -f");
  const auto touch = above(9, "/bin/touch", "touch x");
  const auto job = above(5, "/bin/sh", "sh -c x", Uid{1000});
  EXPECT_EQ(owner_of(touch, {job, cron, cron}), Uid{1000});
  EXPECT_EQ(owner_of(touch, {above(7, "/usr/bin/sudo", "sudo x"), job, cron}), Uid{1000});
  EXPECT_EQ(owner_of(touch, {cron, cron}), kRoot);
  EXPECT_EQ(owner_of(cron, {cron}), std::nullopt);
  EXPECT_EQ(owner_of(touch, {job, above(3, "/home/alice/cron", "cron")}), std::nullopt);
  EXPECT_EQ(owner_of(touch, {}), std::nullopt);
}

TEST(Describe, TheLabelIsThatOfTheTopmostAncestor) {
  const auto label_of = [](const std::shared_ptr<const Snapshot>& self, const Lineage& lineage) {
    return describe(*self, &lineage, kNoSessions).label.value_or("");
  };
  const auto touch = above(9, "/bin/touch", "touch x");
  const auto dpkg = above(8, "/usr/bin/dpkg", "dpkg -i x", kRoot, {Label::kPackageManager});
  const auto puppet = above(7, "/usr/bin/puppet", "puppet", kRoot, {Label::kConfigManagement});
  EXPECT_EQ(label_of(touch, {}), "");
  EXPECT_EQ(label_of(dpkg, {}), "package-manager");
  EXPECT_EQ(label_of(touch, {dpkg}), "package-manager");
  EXPECT_EQ(label_of(touch, {dpkg, puppet}), "config-management");
  EXPECT_EQ(label_of(touch, {above(5, "/usr/bin/python3",
                                   "python3 /root/.ansible/tmp/ansible-tmp-1-2-3/AnsiballZ_x.py")}),
            "config-management");
  EXPECT_EQ(label_of(touch, {above(5, "/usr/bin/python3", "python3 /root/AnsiballZ_x.py")}), "");
}

TEST(Describe, OnceForEachProcess) {
  const auto self = above(9, "/bin/touch", "touch x");
  const ActingProcess found(*self,
                            std::make_shared<const Lineage>(Lineage{above(8, "/bin/sh", "sh")}));
  EXPECT_TRUE(found.known());
  EXPECT_EQ(found.actor().lineage.size(), 1U);
  EXPECT_EQ(&found.actor(), &found.actor());
  const ActingProcess nobody(7);
  EXPECT_FALSE(nobody.known());
  EXPECT_EQ(nobody.actor().pid, 7);
  EXPECT_FALSE(nobody.actor().start_time);
}

}  // namespace
}  // namespace guard
