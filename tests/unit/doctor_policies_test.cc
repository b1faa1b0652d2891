// The checks of doctor that depend on policies: names, trees, services, fights, and guardd itself.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "guardd/ctl/doctor/checks.h"
#include "tests/unit/doctor_fixture.h"

namespace guard::testing {
namespace {

using doctor::Mark;

class DoctorPolicies : public PlantedMachine {
 protected:
  void load(const std::string& more = "action = \"fix\"\n") {
    set_ = world_.load_good(policy_text(more)).set;
    ASSERT_TRUE(set_);
  }

  World world_;
  std::shared_ptr<const PolicySet> set_;
};

class DoctorNames : public DoctorPolicies {
 protected:
  void SetUp() override {
    plant("/etc/passwd", "root:x:0:0::/:/bin/sh\nshop:x:1001:1001::/:/bin/sh\nbroken\n:\n");
    plant("/etc/group", "root:x:0:\nops:x:500:\n");
    plant("/etc/nsswitch.conf",
          "passwd: files [NOTFOUND=return] sss # ldap\ngroup: files winbind\n");
  }
  doctor::Checks checks(std::chrono::milliseconds slow = std::chrono::seconds(9)) const {
    return doctor::names_checks(machine(), *set_, world_.users, slow);
  }
};

TEST_F(DoctorNames, AreHere) {
  load();
  EXPECT_TRUE(all_well(checks()));
  expect(check_of(checks(), "names"), Mark::kOk, "own files");
  load("group = \"ops\"\n");
  EXPECT_TRUE(all_well(checks()));
}

TEST_F(DoctorNames, ComeFromADirectory) {
  plant("/etc/passwd", "root:x:0:0::/:/bin/sh\n");
  load();
  expect(check_of(checks(), "name shop"), Mark::kWarn, "comes from sss",
         "write in p.toml:4: owner = 1001");
  EXPECT_TRUE(is_silent_about(checks(), "names"));
  plant("/etc/group", "root:x:0:\n");
  load("[[policy.rule]]\nmatch = [\"x\"]\ngroup = \"ops\"\n");
  expect(check_of(checks(), "name ops"), Mark::kWarn, "comes from winbind", "group = 500");
  remove("/etc/nsswitch.conf");
  expect(check_of(checks(), "name shop"), Mark::kWarn, "elsewhere");
}

TEST_F(DoctorNames, LookUpFails) {
  load("[[policy.allow]]\nlogin = \"alice\"\n");
  world_.users.fail();
  expect(check_of(checks(), "name alice"), Mark::kFail, "cannot be looked up");
}

TEST_F(DoctorNames, CannotBeRead) {
  remove("/etc/passwd");
  load();
  expect(check_of(checks(), "passwd"), Mark::kSkipped, "No such file");
}

TEST_F(DoctorNames, TakeLong) {
  load();
  EXPECT_TRUE(is_silent_about(checks(), "time"));
  expect(check_of(checks(std::chrono::milliseconds(-1)), "time"), Mark::kWarn, "shop");
}

class DoctorTrees : public DoctorPolicies {
 protected:
  void SetUp() override {
    load();
    facts_.path = "/srv/shop";
    facts_.filesystem = "ext4";
    facts_.mount_point = "/";
    facts_.options = ",rw,relatime,rw,";
    facts_.inodes = 1000;
    facts_.inodes_free = 500;
    facts_.parents = {{"/srv", kRoot, Gid{0}, Mode{0755}}, {"/", kRoot, Gid{0}, Mode{0755}}};
  }
  doctor::Check judged() const {
    doctor::Group group("trees");
    doctor::judge_tree(group, *set_, set_->trees().front(), facts_);
    const auto checks = group.take();
    EXPECT_EQ(checks.size(), 1U) << ::testing::PrintToString(checks);
    return checks.empty() ? doctor::Check{} : checks.front();
  }

  doctor::TreeFacts facts_;
};

TEST_F(DoctorTrees, PassAllChecks) {
  expect(judged(), Mark::kOk, "on ext4, where owners can be changed; no file in it has a name");
  facts_.is_complete = false;
  EXPECT_EQ(judged().finding, "on ext4, where owners can be changed");
}

TEST_F(DoctorTrees, DoNotExist) {
  facts_.error = ENOENT;
  expect(judged(), Mark::kWarn, "policy shop waits for it", "p.toml:3");
  facts_.error = EACCES;
  expect(judged(), Mark::kSkipped, "Permission denied", "root");
  load("action = \"off\"\n");
  expect(judged(), Mark::kOk, "off");
}

TEST_F(DoctorTrees, CannotBeFixed) {
  for (const char* each : {"vfat", "exfat", "ntfs3", "fuseblk"}) {
    facts_.filesystem = each;
    expect(judged(), Mark::kFail,
           std::string(each) + ", mounted at /, which does not store owners");
  }
  facts_.filesystem = "ext4";
  facts_.options = ",ro,relatime,rw,";
  expect(judged(), Mark::kFail, "read-only", "remount,rw");
  load("action = \"log\"\n");
  expect(judged(), Mark::kWarn, "read-only");
  facts_.options = ",rw,errors=remount-ro,";
  expect(judged(), Mark::kOk);
}

TEST_F(DoctorTrees, OddFileSystems) {
  facts_.filesystem = "nfs4";
  expect(judged(), Mark::kWarn, "its server decides", "no_root_squash");
  facts_.filesystem = "fuse.sshfs";
  expect(judged(), Mark::kWarn, "its daemon decides");
  facts_.filesystem = "overlay";
  expect(judged(), Mark::kOk);
  facts_.handles = EOPNOTSUPP;
  expect(judged(), Mark::kWarn, "does not support file handles", "nfs_export");
  facts_.handles = 0;
  facts_.options = ",rw,idmapped,";
  expect(judged(), Mark::kWarn, "maps owners");
  facts_.options = ",rw,";
  facts_.inodes_free = 9;
  expect(judged(), Mark::kWarn, "9 inodes left of 1,000");
}

TEST_F(DoctorTrees, MountsInside) {
  facts_.mounts_below = {"/srv/shop/\x1b[31m", "/srv/shop/b"};
  expect(judged(), Mark::kWarn, "2 mounts are inside it: /srv/shop/\\x1b[31m");
}

TEST_F(DoctorTrees, ParentDirectories) {
  const auto above = [&](Uid uid, Gid gid, std::uint32_t mode) {
    facts_.parents.front() = {"/srv", uid, gid, Mode{mode}};
    return judged();
  };
  expect(above(kShop, Gid{0}, 0755), Mark::kWarn, "its owner can write \"/srv\"",
         "chown root:root /srv");
  expect(above(kShop, Gid{0}, 01777), Mark::kWarn);
  expect(above(kRoot, kShopGroup, 0775), Mark::kWarn);
  expect(above(kRoot, Gid{0}, 0777), Mark::kWarn);
  expect(above(kRoot, kShopGroup, 0755), Mark::kOk);
  expect(above(kRoot, Gid{7}, 0775), Mark::kOk);
  expect(above(kRoot, Gid{0}, 01777), Mark::kOk);
}

TEST_F(DoctorTrees, NamesOutside) {
  facts_.linked_outside = 1;
  facts_.linked_example = "a\nb";
  expect(judged(), Mark::kWarn, "1 file has a name outside it too: \"a\\nb\"", "-links +1");
}

TEST_F(DoctorTrees, AreLookedAt) {
  const auto tree = root_.directory("tree/deep");
  root_.write("tree/inside");
  root_.write("outside");
  const auto link = [&](const std::string& from, const std::string& to) {
    ASSERT_EQ(::link((root_ / from).c_str(), (root_ / to).c_str()), 0);
  };
  link("tree/inside", "tree/deep/inside-too");
  plant_link("/tree/loop", ".");
  const auto look = [&] { return doctor::look_at_tree(running_machine(), root_ / "tree"); };
  auto facts = look();
  EXPECT_EQ(facts.error, 0);
  EXPECT_FALSE(facts.filesystem.empty());
  EXPECT_EQ(facts.parents.front().path + '/', root_ / "");
  EXPECT_EQ(facts.parents.back().path, "/");
  EXPECT_EQ(facts.linked_outside, 0U);
  EXPECT_TRUE(facts.is_complete);
  link("outside", "tree/deep/linked");
  facts = look();
  EXPECT_EQ(facts.linked_outside, 1U);
  EXPECT_EQ(facts.linked_example, "deep/linked");
  EXPECT_EQ(doctor::look_at_tree(running_machine(), root_ / "absent").error, ENOENT);
}

TEST_F(DoctorTrees, TheirMounts) {
  plant("/proc/self/mountinfo",
        "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "2 1 8:2 / /srv ro,nosuid - xfs /dev/sda2 rw\nnonsense\n"
        "3 2 8:3 / /srv/sh\\040op rw - tmpfs tmpfs rw\n"
        "4 2 8:4 / /srv/shop/below rw - tmpfs tmpfs rw\n"
        "5 2 8:4 / /srv/shopping rw - tmpfs tmpfs rw\n");
  const auto facts = doctor::look_at_tree(machine(), "/srv/shop");
  EXPECT_EQ(facts.filesystem, "xfs");
  EXPECT_EQ(facts.mount_point, "/srv");
  EXPECT_NE(facts.options.find(",ro,"), std::string::npos);
  EXPECT_EQ(facts.mounts_below, std::vector<std::string>{"/srv/shop/below"});
  EXPECT_EQ(doctor::look_at_tree(machine(), "/srv/sh op").filesystem, "tmpfs");
}

class DoctorServices : public DoctorPolicies {
 protected:
  void SetUp() override {
    load();
    plant("/usr/lib/systemd/system/guardd.service",
          "[Unit]\nDefaultDependencies=no\nAfter=local-fs.target\n[Service]\nWatchdogSec=10s\n"
          "# ProtectSystem=yes\nRestart=on-failure\n");
    plant_link("/etc/systemd/system/sysinit.target.wants/guardd.service",
               "/usr/lib/systemd/system/guardd.service");
    plant("/usr/lib/systemd/system/shop.service", "[Service]\nUser=shop\n");
    plant("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n/dev/sdb1 /srv ext4 defaults 0 2\n");
  }
  doctor::Checks checks() const { return doctor::services_checks(machine(), *set_); }
};

TEST_F(DoctorServices, PassAllChecks) {
  EXPECT_TRUE(all_well(checks()));
  expect(check_of(checks(), "unit"), Mark::kOk, "sysinit.target");
  expect(check_of(checks(), "order"), Mark::kOk, "1 service of guarded users starts after");
}

TEST_F(DoctorServices, TheUnitIsNotEnabled) {
  remove("/etc/systemd/system/sysinit.target.wants");
  expect(check_of(checks(), "unit"), Mark::kWarn, "not enabled", "systemctl enable guardd");
  plant_link("/etc/systemd/system/guardd.service", "/dev/null");
  expect(check_of(checks(), "unit"), Mark::kFail, "masked", "unmask");
  remove("/etc/systemd");
  remove("/usr/lib/systemd/system/guardd.service");
  expect(check_of(checks(), "unit"), Mark::kSkipped, "not installed");
  EXPECT_TRUE(is_silent_about(checks(), "settings"));
}

TEST_F(DoctorServices, DropInsThatHideMounts) {
  plant("/etc/systemd/system/guardd.service.d/hard.conf", "[Service]\nProtectHome=read-only\n");
  expect(check_of(checks(), "settings"), Mark::kFail,
         "ProtectHome=read-only in /etc/systemd/system/guardd.service.d/hard.conf:2", "remove");
  plant("/run/systemd/system/guardd.service.d/zzz.conf", "[Service]\nProtectHome=no\n");
  expect(check_of(checks(), "settings"), Mark::kOk);
  plant_link("/etc/systemd/system/guardd.service.d/zzz.conf", "/dev/null");
  expect(check_of(checks(), "settings"), Mark::kFail);
}

TEST_F(DoctorServices, DropInsWithoutRestart) {
  plant("/etc/systemd/system/guardd.service.d/a.conf", "[Service]\nWatchdogSec=0\nRestart=no\n");
  expect(check_of(checks(), "watchdog"), Mark::kWarn, "a.conf:2");
  expect(check_of(checks(), "restart"), Mark::kWarn);
}

TEST_F(DoctorServices, EarlyServices) {
  plant("/etc/systemd/system/early.service",
        "[Unit]\nDefaultDependencies=no\nAfter=local-fs.target \\\n  "
        "dbus.socket\n[Service]\nUser=1001\n");
  plant_link("/etc/systemd/system/alias.service", "/etc/systemd/system/early.service");
  expect(check_of(checks(), "order"), Mark::kWarn,
         "early.service of \"1001\" may start before guardd: /etc/systemd/system/early.service:2",
         "systemctl edit early.service: [Unit] After=guardd.service");
  plant("/etc/systemd/system/early.service.d/order.conf", "[Unit]\nAfter=guardd.service\n");
  expect(check_of(checks(), "order"), Mark::kOk, "2 services");
}

// The reader of units is that of suggest: generated units, instances and drop-ins for many
// services.
TEST_F(DoctorServices, EverySourceOfUnits) {
  plant("/run/systemd/generator/early.service", "[Unit]\nDefaultDependencies=no\n");
  plant("/etc/systemd/system/early.service.d/user.conf", "[Service]\nUser=shop\n");
  expect(check_of(checks(), "order"), Mark::kWarn, "/run/systemd/generator/early.service:2");
  plant("/etc/systemd/system/service.d/order.conf", "[Unit]\nAfter=guardd.service\n");
  expect(check_of(checks(), "order"), Mark::kOk, "2 services");
  plant("/etc/systemd/system/service.d/hard.conf", "[Service]\nProtectHome=yes\n");
  expect(check_of(checks(), "settings"), Mark::kFail, "service.d/hard.conf:2");
}

TEST_F(DoctorServices, LateMounts) {
  plant("/etc/fstab", "# /dev/x /srv ext4 nofail\nshort\n/dev/sdb1 /srv ext4 rw,nofail 0 2\n");
  expect(check_of(checks(), "mounts"), Mark::kWarn, "/etc/fstab:3", "After=srv.mount");
  plant("/etc/systemd/system/guardd.service.d/order.conf", "[Unit]\nAfter=srv.mount\n");
  expect(check_of(checks(), "mounts"), Mark::kOk);
  plant("/etc/fstab", "/dev/sdb1 /srv/shop-data ext4 nofail 0 2\n");
  expect(check_of(checks(), "mounts"), Mark::kOk);
  remove("/etc/fstab");
  EXPECT_TRUE(is_silent_about(checks(), "mounts"));
}

class DoctorFights : public DoctorPolicies {
 protected:
  void SetUp() override {
    load("action = \"fix\"\nfile_mode = \"0640\"\nexclude = [\"cache/**\"]\n");
  }
  doctor::Checks checks() const { return doctor::fights_checks(machine(), *set_, world_.users); }
  // One line of tmpfiles.d.
  doctor::Check tmpfiles(const std::string& line) {
    plant("/usr/lib/tmpfiles.d/x.conf", "# comment\n" + line + "\n");
    return check_of(checks(), "tmpfiles.d");
  }
  doctor::Check logrotate(const std::string& text) {
    plant("/etc/logrotate.d/x", text);
    return check_of(checks(), "logrotate");
  }
};

TEST_F(DoctorFights, NoFights) {
  EXPECT_TRUE(all_well(checks()));
  EXPECT_EQ(checks().size(), 3U);
}

TEST_F(DoctorFights, Tmpfiles) {
  expect(tmpfiles("d /srv/shop/run 0755 root root -"), Mark::kWarn, "/usr/lib/tmpfiles.d/x.conf:2",
         "cp /usr/lib/tmpfiles.d/x.conf /etc/tmpfiles.d/ and change line 2 to shop:shop");
  expect(tmpfiles("d!- /srv/shop 0755 0 - -"), Mark::kWarn);
  expect(tmpfiles("z /srv/shop/a - :alice - -"), Mark::kWarn);
  expect(tmpfiles("Z /srv - root root -"), Mark::kWarn, "sets another owner on /srv/shop than");
  expect(tmpfiles("f \"/srv/shop/a b\" 0777 shop shop -"), Mark::kWarn);
  for (const char* line :
       {"d /srv/shop/run 0755 shop shop -", "d /srv/shop/run 0755 - - -", "d /srv/shop/run",
        "f /srv/shop/a 0640 shop shop", "d /srv/other 0755 root root -", "x /srv/shop/a - root -",
        "d /srv/shop/cache/x 0755 root root -", "d /srv/shop/a - nobody-knows nobody -",
        "r! /srv/shop/run - root root", "d relative 0755 root root", "", "d"})
    expect(tmpfiles(line), Mark::kOk);
  tmpfiles("d /srv/shop 0755 root root -");
  plant_link("/etc/tmpfiles.d/x.conf", "/dev/null");
  expect(check_of(checks(), "tmpfiles.d"), Mark::kOk);
}

TEST_F(DoctorFights, Logrotate) {
  expect(logrotate("/srv/shop/*.log {\n  weekly\n  rotate 4\n  create 0640 root adm\n}\n"),
         Mark::kWarn, "/etc/logrotate.d/x:4 sets another owner on /srv/shop/*.log",
         "write in /etc/logrotate.d/x:4: create 0640 shop shop");
  expect(logrotate("\"/srv/shop/a\"\n/var/log/x\n{\n su alice\n}\n"), Mark::kWarn, "x:4",
         "su shop shop");
  expect(logrotate("/srv/shop/a{\ncreate alice\n}"), Mark::kWarn);
  for (const char* text :
       {"/srv/shop/a {\n create\n}", "/srv/shop/a {\n create 0640 shop shop\n}",
        "/srv/shop/a {\n su root adm\n}", "/var/log/a {\n create 0640 root adm\n}",
        "/srv/shop/a {\n postrotate\n create 0640 root adm\n endscript\n}",
        "/srv/shop/a {\n #create 0640 root adm\n}", "/srv/shop/a {\n}\n/var/a {\ncreate root\n}",
        "/srv/shop/a {\n create 0640\n}", "{", "}", "create root root"})
    expect(logrotate(text), Mark::kOk);
  logrotate("/srv/shop/a {\ncreate root\n}");
  remove("/etc/logrotate.d/x");
  plant("/etc/logrotate.d/x.dpkg-old", "/srv/shop/a {\ncreate root\n}");
  expect(check_of(checks(), "logrotate"), Mark::kOk);
}

TEST_F(DoctorFights, DirectoriesOfUnits) {
  world_.files.put_directory("/var/lib/app");
  set_ = world_.load_good(policy_text("", "app", "/var/lib/app")).set;
  const std::string unit = "/usr/lib/systemd/system/x.service";
  plant(unit, "[Service]\nUser=alice\nStateDirectory=app other\n");
  expect(check_of(checks(), "units"), Mark::kWarn, unit + ":3", "User=shop");
  plant(unit, "[Service]\nStateDirectory=app/deep:link\n");
  expect(check_of(checks(), "units"), Mark::kWarn);
  for (const char* text :
       {"User=shop\nStateDirectory=app", "User=alice\nDynamicUser=yes\nStateDirectory=app",
        "User=alice\nCacheDirectory=app", "StateDirectory=app\nStateDirectory="}) {
    plant(unit, std::string("[Service]\n") + text + "\n");
    expect(check_of(checks(), "units"), Mark::kOk);
  }
}

class DoctorDaemon : public DoctorPolicies {
 protected:
  void SetUp() override {
    auto attempt = world_.load_good(policy_text());
    bus::PolicyFacts policy;
    policy.name = "shop";
    policy.action = policy.effective_action = "log";
    policy.state = "active";
    policies_ = {policy};
    loaded_ = LoadResult{attempt.set, attempt.diagnostics};
    facts_.health = "ok";
    facts_.version = "1.2.3";
    facts_.backend = "lsm";
    facts_.policy_identity = attempt.set->identity();
  }
  doctor::Checks checks() const {
    return doctor::daemon_checks(machine(), {facts_, policies_, "1.2.3"}, loaded_);
  }
  doctor::Checks checks_without(bus::Kind kind) const {
    const bus::Failure failure{kind, "guardd is not running"};
    return doctor::daemon_checks(machine(), {failure, failure, "1.2.3"}, loaded_);
  }

  bus::Facts facts_;
  std::vector<bus::PolicyFacts> policies_;
  Result<LoadResult> loaded_ = Error("nothing yet");
};

TEST_F(DoctorDaemon, IsHealthy) {
  EXPECT_TRUE(all_well(checks()));
  expect(check_of(checks(), "running"), Mark::kOk, "lsm");
  expect(check_of(checks(), "policies"), Mark::kOk, "1 policy is active and fully enforced");
  expect(check_of(checks(), "on disk"), Mark::kOk, "enforces the policies on disk");
}

TEST_F(DoctorDaemon, IsNotRunning) {
  expect(check_of(checks_without(bus::Kind::kNotRunning), "running"), Mark::kFail, "not running",
         "systemctl start guardd");
  expect(check_of(checks_without(bus::Kind::kNotRunning), "on disk"), Mark::kOk, "valid");
  expect(check_of(checks_without(bus::Kind::kNotPermitted), "running"), Mark::kSkipped);
}

TEST_F(DoctorDaemon, IsDegraded) {
  facts_.health = "degraded";
  facts_.health_reason = "because \x1b[31m";
  facts_.version = "1.2.2";
  facts_.lost = 3;
  expect(check_of(checks(), "health"), Mark::kFail, "degraded: because");
  expect(check_of(checks(), "version"), Mark::kWarn, "1.2.2", "restart");
  expect(check_of(checks(), "events"), Mark::kWarn, "3 events were lost");
  facts_.health = "paused";
  expect(check_of(checks(), "health"), Mark::kWarn, "", "resume");
}

TEST_F(DoctorDaemon, EnforcesOtherPolicies) {
  facts_.policy_identity = "other";
  expect(check_of(checks(), "on disk"), Mark::kWarn, "does not enforce the policies on disk",
         "guardctl reload");
  auto attempt = world_.load("[[policy]]\n");
  loaded_ = LoadResult{nullptr, attempt.diagnostics};
  expect(check_of(checks(), "on disk"), Mark::kFail, "p.toml:1:1", "guardctl check");
  loaded_ = Error("\"/etc/guardd\": Permission denied", EACCES);
  expect(check_of(checks(), "on disk"), Mark::kSkipped, "Permission denied");
}

TEST_F(DoctorDaemon, PoliciesAreNotFullyEnforced) {
  auto& policy = policies_.front();
  policy.action = "deny";
  policy.differences = {"creating cannot be denied"};
  expect(check_of(checks(), "policy shop"), Mark::kWarn,
         "action is deny, but only log is available: creating");
  EXPECT_TRUE(is_silent_about(checks(), "policies"));
  policy.action = "log";
  policy.state = "pending";
  policy.state_reason = "/srv/shop is not there";
  expect(check_of(checks(), "policy shop"), Mark::kWarn, "pending: /srv/shop");
  policy.state = "degraded";
  expect(check_of(checks(), "policy shop"), Mark::kFail, "degraded");
  policy.state = "paused";
  policy.pause_reason = "upgrade";
  expect(check_of(checks(), "policy shop"), Mark::kWarn, "paused: upgrade", "guardctl resume shop");
  policies_.clear();
  expect(check_of(checks(), "policies"), Mark::kWarn, "no policies");
}

TEST_F(DoctorDaemon, BreakGlass) {
  plant("/proc/cmdline", "quiet guardd=off\n");
  expect(check_of(checks(), "break-glass"), Mark::kFail, "guardd=off");
  remove("/proc/cmdline");
  plant("/run/guardd/disable", "");
  expect(check_of(checks(), "break-glass"), Mark::kFail, "", "rm /run/guardd/disable");
}

}  // namespace
}  // namespace guard::testing
