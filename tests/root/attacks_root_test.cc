// The service user gains nothing by what it plants in its own tree: no object outside changes its
// owner, and the user never becomes the owner of a file that it could not read.
#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;

class Attacks : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    as_root(
        "chmod 777 $O; umask 077; echo secret > $O/secret; mkdir $O/vault $O/open; chmod 777 "
        "$O/open; "
        "for f in vault/gold vault/more open/gold open/more; do echo gold > $O/$f; done");
  }
  // Runs as the service user until it is killed.
  static pid_t service(const std::function<void()>& does) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    const bool is_app = ::setgroups(0, nullptr) == 0 && ::setresgid(kApp, kApp, kApp) == 0 &&
                        ::setresuid(kApp, kApp, kApp) == 0;
    while (is_app) does();
    ::_exit(1);
  }
  static void end(pid_t child) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
};
GUARD_ON_EVERY_FS(Attacks);

class Storms : public Attacks {};
INSTANTIATE_TEST_SUITE_P(On, Storms, testing::Values(FsType::kTmpfs),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(Attacks, LinksToSecrets) {
  guard_app("fix");
  start();
  as_root("mkdir $T/d; echo x > $T/d/f; ln -s $O/secret $T/planted");
  as_app("ln -s $O/secret $T/mine; ln -s $O/vault $T/way");
  as_root("touch -h $T/mine $T/way; chown -h root $T/mine; touch $T/now");
  as_app(
      "rm -f $T/now; ln -s $O/secret $T/now; mv $T/d $T/d.moved 2>/dev/null || true; "
      "ln -s $O/vault $T/d 2>/dev/null || true");
  let_settle();
  EXPECT_TRUE(becomes_apps("mine"));
  EXPECT_TRUE(becomes_apps("planted"));
  EXPECT_EQ(owner(other_ / "secret"), 0U);
  EXPECT_EQ(owner(other_ / "vault"), 0U);
  EXPECT_EQ(owner(other_ / "vault/gold"), 0U);
}

// As with fs.protected_hardlinks = 0. That setting is the whole machine's, so guardd only reads 0,
// and the service has the capability that overrides it.
TEST_P(Attacks, HardLinksToSecrets) {
  const auto setting = root() / "protected_hardlinks";
  std::ofstream(setting) << "0\n";
  constexpr const char* kSetting = "/proc/sys/fs/protected_hardlinks";
  ASSERT_EQ(::mount(setting.c_str(), kSetting, nullptr, MS_BIND, nullptr), 0);
  guard_app("fix");
  start();
  as_root(
      "setpriv --reuid 4242 --regid 4242 --clear-groups --inh-caps +fowner --ambient-caps +fowner "
      "ln $O/secret $T/hard");
  as_root("ln $O/vault/gold $T/by-root; touch $T/hard; chmod 600 $T/hard");
  let_settle();
  EXPECT_EQ(owner(other_ / "secret"), 0U);
  EXPECT_EQ(owner(other_ / "vault/gold"), 0U);
  ASSERT_EQ(violations(tree_ / "by-root").size(), 1U);
  EXPECT_EQ(violations(tree_ / "by-root").front()["operation"], "link");
  EXPECT_NE(
      violations(tree_ / "by-root").front()["reason"].get<std::string>().find("another hard link"),
      std::string::npos);
  // Now the link is the file's only name, and root touches it again.
  as_app("rm -f $O/secret 2>/dev/null || true");
  as_root("rm -f $O/secret; touch $T/hard; chmod 600 $T/hard");
  let_settle();
  EXPECT_EQ(owner(tree_ / "hard"), 0U);
  EXPECT_EQ(::umount(kSetting), 0);
}

TEST_P(Attacks, FilesThatTheServiceMovesIn) {
  guard_app("fix");
  start();
  as_app("mv $O/secret $T/stolen; mv $O/open $T/open; mkdir $T/own");
  as_root(
      "touch $T/stolen $T/open/gold; chmod 600 $T/stolen $T/open/gold; "
      "chown root:root $T/open/more; mv $T/stolen $T/renamed-by-root; "
      "mv $T/open/more $T/own/moved-by-root");
  let_settle();
  for (const char* name : {"renamed-by-root", "open/gold", "own/moved-by-root"})
    EXPECT_EQ(owner(tree_ / name), 0U) << name;
}

// More changes than the queue can hold: the whole directory is looked at.
TEST_P(Storms, DoNotHideWhatWasMovedIn) {
  guard_app("fix", "3s");
  start();
  as_app("mkdir $T/d; mv $O/secret $T/d/secret");
  as_root("cd $T/d; seq 22000 | xargs touch");
  EXPECT_TRUE(becomes_apps("d/22000"));
  let_settle();
  EXPECT_EQ(owner(tree_ / "d/22000"), kApp);
  EXPECT_EQ(owner(tree_ / "d/secret"), 0U);
}

// The process may have other ids by the time that guardd reads them.
TEST_P(Attacks, AServiceThatBecomesRootAfterwards) {
  as_root(
      "cp /bin/sleep $O/sleep; chmod 4755 $O/sleep; mkdir $O/d; chmod 777 $O/d; umask 077; "
      "echo gold > $O/d/gold");
  guard_app("fix", "500ms");
  start();
  ::kill(daemon(), SIGSTOP);
  as_app(
      "exec perl -e 'rename qq($ENV{O}/secret), qq($ENV{T}/stolen) or die; exec "
      "qq($ENV{O}/sleep), q(0.1)'");
  ::kill(daemon(), SIGCONT);
  let_settle();
  EXPECT_EQ(owner(tree_ / "stolen"), 0U);
}

TEST_P(Attacks, SwappedNames) {
  guard_app("fix", "10ms");
  as_app("mkdir $T/d $T/e; ln -s $O/vault $T/e/way");
  start();
  const auto swapper = service([&] {
    (void)::renameat2(AT_FDCWD, (tree_ / "d").c_str(), AT_FDCWD, (tree_ / "e/way").c_str(),
                      RENAME_EXCHANGE);
  });
  const auto linker = service([&] {
    (void)::unlink((tree_ / "f").c_str());
    (void)::symlink((other_ / "secret").c_str(), (tree_ / "f").c_str());
    (void)::unlink((tree_ / "f").c_str());
    (void)::link((other_ / "secret").c_str(), (tree_ / "f").c_str());
  });
  const auto until = std::chrono::steady_clock::now() + 2s;
  while (std::chrono::steady_clock::now() < until) {
    (void)std::ofstream(tree_ / "d" / "gold");
    const Fd made(::open((tree_ / "f").c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    std::this_thread::sleep_for(2ms);
  }
  end(swapper);
  end(linker);
  let_settle();
  EXPECT_EQ(owner(other_ / "secret"), 0U);
  EXPECT_EQ(owner(other_ / "vault"), 0U);
  EXPECT_EQ(owner(other_ / "vault/gold"), 0U);
  EXPECT_EQ(owner(other_ / "vault/more"), 0U);
}

TEST_P(Attacks, MountsBelowTheTree) {
  as_app("mkdir $T/bound $T/mounted");
  as_root("mount --bind $O $T/bound; mount -t tmpfs none $T/mounted; echo x > $T/mounted/f");
  guard_app("fix");
  start();
  as_root("touch $T/bound/f $T/mounted/g; chown root $T/bound $T/mounted");
  let_settle();
  for (const char* name : {"bound", "bound/secret", "bound/f", "mounted/f", "mounted/g"})
    EXPECT_EQ(owner(tree_ / name), 0U) << name;
  as_root("umount $T/bound $T/mounted");
}

TEST_P(Attacks, SetuidBitsAndCapabilitiesAreNeverHandedOver) {
  if (!missing({"setcap"}).empty()) GTEST_SKIP() << "setcap is not installed";
  guard_both("1s");  // setcap follows cp within that
  start();
  in_both("install -m 4755 /bin/true $T/setuid; install -m 2755 /bin/true $T/setgid");
  in_both("cp /bin/true $T/cap; setcap cap_net_raw+ep $T/cap");
  let_settle();
  caught("setuid", {.operation = "create", .exe = "install", .skipped = "set-user-ID"});
  caught("setgid", {.operation = "create", .exe = "install", .skipped = "set-user-ID"});
  caught("cap", {.operation = "create", .exe = "cp", .skipped = "capabilities"});
  EXPECT_EQ(mode(tree_ / "setuid"), 04755U);
  as_root("getcap $T/cap | grep -q net_raw");
}

TEST_P(Attacks, FilesThatAreStillWrittenStayUnreadable) {
  guard_app("fix", "10ms");
  start();
  const Fd writer(::open((tree_ / "dump").c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  as_root("chmod 600 $T/dump; touch $T/dump");
  let_settle();
  std::this_thread::sleep_for(1s);
  EXPECT_EQ(owner(tree_ / "dump"), 0U);
  EXPECT_TRUE(violations(tree_ / "dump").empty());
}

// An access list may grant more, or less, than the mode shows.
TEST_P(Attacks, AccessLists) {
  if (!missing({"setfacl"}).empty()) GTEST_SKIP() << "setfacl is not installed";
  as_root(
      "cp /etc/hostname $O/listed; chown root:4242 $O/listed; chmod 640 $O/listed; "
      "setfacl -m g::---,u:1001:r $O/listed; stat -c %a $O/listed | grep -qx 640");
  as_app("setfacl -d -m u:1001:rwx $T");
  as_app("mv $O/listed $T/listed");
  guard_both();
  start();
  in_both("umask 077; echo x > $T/inherits");
  let_settle();
  // The owner could not read it, whatever the group's bits say.
  EXPECT_EQ(owner(tree_ / "listed"), 0U);
  ASSERT_EQ(violations(tree_ / "listed").size(), 1U);
  EXPECT_NE(
      violations(tree_ / "listed").front()["reason"].get<std::string>().find("could not read"),
      std::string::npos);
  // A file that root creates here inherits the directory's list, and is fixed like any other file.
  caught("inherits", {.operation = "create"});
  as_root("getfacl -cp $T/inherits | grep -q user:1001");
}

}  // namespace
}  // namespace guard::test
