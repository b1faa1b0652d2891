// The checks of doctor that do not depend on policies: kernel, people, clock, storage.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "guardd/ctl/doctor/checks.h"
#include "tests/unit/doctor_fixture.h"

namespace guard::testing {
namespace {

using doctor::Mark;
using namespace std::chrono_literals;

class DoctorMachine : public PlantedMachine {};

TEST_F(DoctorMachine, ReadsBelowItsRootOnly) {
  plant("/etc/inside", "yes");
  plant_link("/etc/link", "/etc/inside");
  plant_link("/etc/up", "../../../../../../etc/inside");
  plant_link("/etc/masked", "/dev/null");
  for (const char* path : {"/etc/inside", "/etc/link", "/etc/up"}) {
    const auto text = machine().text(path);
    ASSERT_TRUE(text) << path;
    EXPECT_EQ(*text, "yes");
  }
  EXPECT_EQ(machine().text("/etc/absent").error().code(), ENOENT);
  EXPECT_EQ(machine().text("/etc").error().code(), EINVAL);
  EXPECT_TRUE(machine().is_masked("/etc/masked"));
  EXPECT_FALSE(machine().is_masked("/etc/link"));
  EXPECT_EQ(Machine::open("/nonexistent").error().code(), ENOENT);
}

TEST_F(DoctorMachine, NeverWaits) {
  plant_directory("/etc");
  ASSERT_EQ(::mkfifo((root_ / "etc/fifo").c_str(), 0600), 0);
  EXPECT_EQ(machine().text("/etc/fifo").error().code(), EINVAL);
}

TEST_F(DoctorMachine, ReadsNoMoreThanAMegabyte) {
  plant("/etc/huge", std::string(3'000'000, 'x'));
  EXPECT_EQ(machine().text("/etc/huge").error().code(), EFBIG);
}

TEST_F(DoctorMachine, EarlierDirectoriesReplaceAndMask) {
  plant("/etc/d/a.conf", "");
  plant("/usr/d/a.conf", "");
  plant("/usr/d/b.conf", "");
  plant("/usr/d/c.conf", "");
  plant("/usr/d/c.txt", "");
  plant_link("/etc/d/b.conf", "/dev/null");
  EXPECT_EQ(machine().merged({"/etc/d", "/run/d", "/usr/d"}, ".conf"),
            (std::vector<std::string>{"/etc/d/a.conf", "/usr/d/c.conf"}));
}

doctor::KernelTrials good_trials() {
  return {{LsmLevel::kWorks, "LSM programs load, attach and deny", "", ""},
          {true, true, ""},
          std::vector<std::string>{}};
}

class DoctorKernel : public PlantedMachine {
 protected:
  void SetUp() override {
    plant("/sys/kernel/security/lsm", "lockdown,capability,landlock,apparmor,bpf");
    plant("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    plant("/sys/kernel/btf/vmlinux", "types");
    plant("/proc/cmdline", "root=/dev/sda1 quiet\n");
    for (const char* each : {"hardlinks", "symlinks", "regular"})
      plant(std::string("/proc/sys/fs/protected_") + each, "1\n");
  }
  doctor::Checks checks() const { return doctor::kernel_checks(machine(), trials_); }

  doctor::KernelTrials trials_ = good_trials();
};

TEST_F(DoctorKernel, AllIsWell) {
  EXPECT_TRUE(all_well(checks()));
  expect(check_of(checks(), "lsm list"), Mark::kOk,
         "lockdown, capability, landlock, apparmor and bpf");
  expect(check_of(checks(), "hooks"), Mark::kOk);
}

TEST_F(DoctorKernel, TheLineForGrub) {
  plant("/sys/kernel/security/lsm", "lockdown,capability,landlock,apparmor\n");
  trials_.lsm = {LsmLevel::kNotListed, "it is not listed", "", ""};
  expect(check_of(checks(), "lsm list"), Mark::kWarn, "bpf is not among",
         "put lsm=lockdown,landlock,apparmor,integrity,bpf on the kernel command line");
  plant("/etc/default/grub", "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX=\"quiet lsm=yama\"\n");
  expect(check_of(checks(), "lsm list"), Mark::kWarn, "",
         "write in /etc/default/grub:2: GRUB_CMDLINE_LINUX=\"quiet "
         "lsm=lockdown,landlock,apparmor,integrity,bpf\"; then grub2-mkconfig");
  plant("/etc/default/grub", "GRUB_TIMEOUT=5\n");
  plant("/usr/sbin/update-grub", "");
  expect(check_of(checks(), "lsm list"), Mark::kWarn, "",
         "add to /etc/default/grub: GRUB_CMDLINE_LINUX=\"lsm=");
  expect(check_of(checks(), "lsm list"), Mark::kWarn, "", "; then update-grub && reboot");
  expect(check_of(checks(), "lsm trial"), Mark::kSkipped, "not tried");
  EXPECT_TRUE(is_silent_about(checks(), "hooks"));
}

TEST_F(DoctorKernel, AKernelWithoutBpfLsm) {
  plant("/sys/kernel/security/lsm", "capability");
  plant("/proc/cmdline", "lsm=landlock,bpf quiet\n");
  expect(check_of(checks(), "lsm list"), Mark::kWarn, "this kernel lacks it", "CONFIG_BPF_LSM");
}

TEST_F(DoctorKernel, UnreadableFilesAreSkipped) {
  remove("/sys/kernel/security");
  expect(check_of(checks(), "lsm list"), Mark::kSkipped, "securityfs is not mounted",
         "mount -t securityfs");
  EXPECT_TRUE(is_silent_about(checks(), "lockdown"));
  plant_directory("/sys/kernel/security/lsm");
  expect(check_of(checks(), "lsm list"), Mark::kSkipped);
  remove("/proc/sys");
  expect(check_of(checks(), "links"), Mark::kSkipped);
}

TEST_F(DoctorKernel, TypesHooksAndTrials) {
  remove("/sys/kernel/btf");
  trials_.missing_hooks.reset();
  expect(check_of(checks(), "BTF"), Mark::kWarn, "", "CONFIG_DEBUG_INFO_BTF");
  expect(check_of(checks(), "hooks"), Mark::kSkipped);
  trials_.missing_hooks = {"move_mount", "file_ioctl"};
  expect(check_of(checks(), "hooks"), Mark::kWarn, "move_mount and file_ioctl");
  trials_.lsm = {LsmLevel::kUntried, "lacks the CAP_SYS_ADMIN", "run it as root", ""};
  expect(check_of(checks(), "lsm trial"), Mark::kSkipped, "CAP_SYS_ADMIN", "root");
  trials_.lsm = {LsmLevel::kDenied, "the kernel denies it", "run it on the host", ""};
  expect(check_of(checks(), "lsm trial"), Mark::kWarn, "denies", "host");
}

TEST_F(DoctorKernel, Fanotify) {
  trials_.fanotify = {false, false, "the kernel has no fanotify (CONFIG_FANOTIFY)"};
  expect(check_of(checks(), "fanotify"), Mark::kFail, "no fanotify");
  trials_.fanotify = {true, false, "holding an open until it is answered is denied by the kernel"};
  expect(check_of(checks(), "fanotify"), Mark::kWarn, "holding an open");
  trials_.fanotify = {true, false, "holding an open cannot be tried without root (CAP_SYS_ADMIN)"};
  expect(check_of(checks(), "fanotify"), Mark::kSkipped, "", "root");
}

TEST_F(DoctorKernel, LockdownAndProtections) {
  plant("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
  expect(check_of(checks(), "lockdown"), Mark::kWarn, "confidentiality", "lockdown=integrity");
  plant("/proc/sys/fs/protected_hardlinks", "0\n");
  expect(check_of(checks(), "hard links"), Mark::kWarn, "is 0",
         "sysctl -w fs.protected_hardlinks=1");
  plant("/proc/sys/fs/protected_regular", "2\n");
  expect(check_of(checks(), "files in /tmp"), Mark::kOk, "is 2");
}

// PAM files as in Debian.
class DoctorPeople : public PlantedMachine {
 protected:
  void SetUp() override {
    plant("/proc/self/loginuid", "1000");
    plant("/proc/self/cgroup", "0::/user.slice/user-1000.slice/session-3.scope\n");
    plant("/etc/pam.d/common-session",
          "session required pam_unix.so\nsession optional pam_systemd.so\n");
    for (const char* each : {"login", "sshd"})
      plant(std::string("/etc/pam.d/") + each,
            "auth required pam_unix.so\n"
            "session [success=ok ignore=ignore default=bad] pam_selinux.so close\n"
            "session required pam_loginuid.so\n@include common-session\n");
    plant("/etc/pam.d/cron", "session required pam_loginuid.so\n");
    for (const char* each : {"su", "sudo"})
      plant(std::string("/etc/pam.d/") + each, "@include common-session\n");
    plant("/etc/ssh/sshd_config", "# UsePAM no\nPort 22\nUsePAM yes\n");
  }
  doctor::Checks checks() const { return doctor::people_checks(machine()); }
};

TEST_F(DoctorPeople, AllIsWell) {
  EXPECT_TRUE(all_well(checks()));
  expect(check_of(checks(), "login uid"), Mark::kOk, "1000");
  expect(check_of(checks(), "PAM logins"), Mark::kOk, "login, sshd and cron set");
  expect(check_of(checks(), "PAM changes"), Mark::kOk, "su and sudo keep");
  expect(check_of(checks(), "sshd"), Mark::kOk, "/etc/ssh/sshd_config:3");
}

TEST_F(DoctorPeople, NoLoginUid) {
  plant("/proc/self/loginuid", "4294967295");
  expect(check_of(checks(), "login uid"), Mark::kFail, "has no login uid", "pam_loginuid.so");
  plant("/proc/self/cgroup", "0::/system.slice/x.service\n");
  expect(check_of(checks(), "login uid"), Mark::kOk);
  remove("/proc/self/loginuid");
  expect(check_of(checks(), "login uid"), Mark::kWarn, "does not support login uids",
         "CONFIG_AUDIT");
}

TEST_F(DoctorPeople, ALoginThatDoesNotSetIt) {
  plant("/etc/pam.d/sshd",
        "#session required pam_loginuid.so\n-auth required pam_loginuid.so\n"
        "@include common-session\n");
  expect(check_of(checks(), "PAM sshd"), Mark::kFail, "does not set the login uid",
         "add to /etc/pam.d/sshd");
  expect(check_of(checks(), "PAM logins"), Mark::kOk, "login and cron set");
}

TEST_F(DoctorPeople, IncludedSubstackedAndContinued) {
  plant("/etc/pam.d/deep", "session \\\n  required \\\n  /lib/security/pam_loginuid.so x=1\n");
  plant("/usr/lib/pam.d/middle", "session substack deep\n");
  plant("/etc/pam.d/sshd", "session include middle\n@include common-session\n");
  EXPECT_TRUE(all_well(checks()));
}

TEST_F(DoctorPeople, ACircleEnds) {
  plant("/etc/pam.d/sshd", "@include sshd\nsession include sshd\nsession required pam_unix.so\n");
  expect(check_of(checks(), "PAM sshd"), Mark::kFail);
}

TEST_F(DoctorPeople, OrderAndSessions) {
  plant("/etc/pam.d/sshd", "@include common-session\nsession required pam_loginuid.so\n");
  expect(check_of(checks(), "PAM sshd"), Mark::kWarn,
         "(/etc/pam.d/common-session:2) before the login uid is set (/etc/pam.d/sshd:2)");
  plant("/etc/pam.d/sshd", "session required pam_loginuid.so\n");
  expect(check_of(checks(), "PAM sshd"), Mark::kWarn, "does not register a session with logind",
         "pam_systemd.so");
}

TEST_F(DoctorPeople, SudoThatSetsTheLoginUid) {
  plant("/etc/pam.d/sudo", "session required pam_limits.so\nsession required pam_loginuid.so\n");
  expect(check_of(checks(), "PAM sudo"), Mark::kFail, "/etc/pam.d/sudo:2", "remove");
  plant("/etc/pam.d/common-session",
        "session required pam_loginuid.so\nsession optional pam_systemd.so\n");
  expect(check_of(checks(), "PAM su"), Mark::kFail, "/etc/pam.d/common-session:1", "move");
}

TEST_F(DoctorPeople, SshWithoutPam) {
  plant("/etc/ssh/sshd_config.d/local.conf", "usepam NO\nUsePAM yes\n");
  expect(check_of(checks(), "sshd"), Mark::kFail, "/etc/ssh/sshd_config.d/local.conf:1");
  remove("/etc/ssh/sshd_config.d");
  plant("/etc/ssh/sshd_config", "Port 22\nMatch user x\nUsePAM yes\n");
  expect(check_of(checks(), "sshd"), Mark::kFail, "UsePAM yes is not set");
  remove("/etc/ssh");
  EXPECT_TRUE(is_silent_about(checks(), "sshd"));
}

TEST_F(DoctorPeople, WithoutAnyService) {
  remove("/etc");
  expect(check_of(checks(), "PAM logins"), Mark::kSkipped);
  EXPECT_TRUE(is_silent_about(checks(), "PAM changes"));
}

TEST_F(DoctorPeople, HostileNamesAreHarmless) {
  plant("/etc/pam.d/sudo", "session required pam_loginuid.so \x1b[31m\n");
  plant("/proc/self/loginuid", "\x1b[31m7\n");
  for (const auto& check : checks()) EXPECT_TRUE(is_harmless(check.finding)) << check.finding;
}

class DoctorClock : public PlantedMachine {};

TEST_F(DoctorClock, IsSynchronised) {
  const auto now = std::chrono::system_clock::now();
  expect(check_of(doctor::clock_checks(machine(), {now, now - 1h, true}), "synchronised"),
         Mark::kOk);
  expect(check_of(doctor::clock_checks(machine(), {now, {}, false}), "synchronised"), Mark::kWarn,
         "", "timedatectl");
  expect(check_of(doctor::clock_checks(machine(), {now, {}, {}}), "synchronised"), Mark::kSkipped);
  plant("/run/systemd/timesync/synchronized", "");
  expect(check_of(doctor::clock_checks(machine(), {now, {}, false}), "synchronised"), Mark::kOk);
  EXPECT_TRUE(is_silent_about(doctor::clock_checks(machine(), {now, now - 1h, true}), "time"));
  expect(check_of(doctor::clock_checks(machine(), {now, now + 1h, true}), "time"), Mark::kFail);
  EXPECT_TRUE(doctor::look_at_clock().built.has_value());
}

class DoctorStorage : public PlantedMachine {
 protected:
  void SetUp() override {
    plant_directory("/var/log/journal");
    state_.path = "/var/lib/guardd";
    state_.mode = S_IFDIR | 0700;
    state_.free_bytes = std::uint64_t{4} << 30U;
  }
  doctor::Checks checks() const { return doctor::storage_checks(machine(), state_); }

  doctor::StateFacts state_;
};

TEST_F(DoctorStorage, State) {
  EXPECT_TRUE(all_well(checks()));
  state_.mode = S_IFDIR | 0770;
  expect(check_of(checks(), "state"), Mark::kFail, "writable by users other than root",
         "chmod 0700");
  state_.mode = S_IFDIR | 0700;
  state_.uid = 1;
  expect(check_of(checks(), "state"), Mark::kFail);
  state_.uid = 0;
  state_.read_only = true;
  expect(check_of(checks(), "state"), Mark::kFail, "read-only");
  state_.error = ENOENT;
  expect(check_of(checks(), "state"), Mark::kWarn, "does not exist");
  state_.error = EACCES;
  expect(check_of(checks(), "state"), Mark::kSkipped, "Permission denied", "root");
  EXPECT_EQ(doctor::look_at_state(root_ / "absent").error, ENOENT);
  EXPECT_EQ(doctor::look_at_state(root_ / "").error, 0);
}

TEST_F(DoctorStorage, Space) {
  state_.free_bytes = std::uint64_t{500} << 20U;
  expect(check_of(checks(), "space"), Mark::kWarn, "500 MB are free", "max_size");
  state_.trail_bytes = std::uint64_t{900} << 20U;
  expect(check_of(checks(), "space"), Mark::kOk);
  state_.trail_bytes.reset();
  plant("/etc/guardd/guardd.toml", "[audit]\nmax_size = \"200M\"\n");
  expect(check_of(checks(), "space"), Mark::kOk);
  plant("/etc/guardd/guardd.toml", "[audit]\n# max_size = \"1M\"\n  max_size = \"2G\"\n");
  expect(check_of(checks(), "space"), Mark::kWarn, "2048 MB");
  state_.free_bytes = 1000;
  expect(check_of(checks(), "space"), Mark::kFail);
}

TEST_F(DoctorStorage, Journal) {
  expect(check_of(checks(), "journal"), Mark::kOk);
  plant("/etc/systemd/journald.conf", "[Journal]\n#Storage=none\nStorage=volatile\n");
  expect(check_of(checks(), "journal"), Mark::kWarn, "Storage=volatile");
  remove("/etc/systemd");
  remove("/var/log/journal");
  expect(check_of(checks(), "journal"), Mark::kSkipped);
  plant_directory("/run/systemd/journal");
  expect(check_of(checks(), "journal"), Mark::kWarn, "no /var/log/journal", "mkdir");
}

}  // namespace
}  // namespace guard::testing
