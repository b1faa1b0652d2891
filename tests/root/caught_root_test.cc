// What root does wrong in a guarded tree, one way after the other: reported once with the operation
// and the process, fixed under "fix", left under "log", and usable by the owner afterwards.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"
#include "tests/root/uring.h"

namespace guard::test {
namespace {

class Caught : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    in_both_as_app("umask 027; echo right > $T/conf; mkdir $T/dir; ln -s conf $T/sym");
  }
};
GUARD_ON_EVERY_FS(Caught);
GUARD_ON_BTRFS_TOO(Caught);

TEST_P(Caught, CreatedFiles) {
  guard_both();
  start();
  in_both("echo x >> $T/new.log");
  in_both("touch $T/f");
  in_both("cp $T/conf $T/conf.bak");
  in_both("echo x | tee $T/teed > /dev/null");
  in_both("dd if=/dev/zero of=$T/dd bs=4k count=3 status=none");
  in_both("truncate -s 1M $T/sparse");
  in_both("mkdir -p $T/a/b/c/d; echo x > $T/a/b/c/d/f");
  let_settle();
  caught("new.log", {.operation = "create", .exe = "dash"});
  caught("f", {.operation = "create", .exe = "touch"});
  caught("conf.bak", {.operation = "create", .exe = "cp"});
  caught("teed", {.operation = "create", .exe = "tee"});
  caught("dd", {.operation = "create", .exe = "dd"});
  caught("sparse", {.operation = "create", .exe = "truncate"});
  for (const char* name : {"a", "a/b", "a/b/c", "a/b/c/d"})
    caught(name, {.operation = "mkdir", .exe = "mkdir"});
  caught("a/b/c/d/f", {.operation = "create"});
  EXPECT_EQ(violations_below(tree_).size(), 11U);
  EXPECT_EQ(violations_below(logged_).size(), 11U);
  owner_can_work_in(tree_);
}

TEST_P(Caught, FilesThatAreMovedIn) {
  guard_both();
  start();
  in_both("echo x > $O/x; mv $O/x $T/conf");
  in_both("echo x > /media/x; mv /media/x $T/across");
  in_both("ln -s nowhere $O/link; mv $O/link $T/link");
  in_both("ln -sfn elsewhere $T/sym");
  in_both("ln -s /etc/shadow $T/made");
  in_both("mkdir -p $O/d/e; echo x > $O/d/e/f; mv $O/d $T/moved");
  let_settle();
  caught("conf", {.operation = "rename", .exe = "mv"});
  caught("across", {.operation = "create", .exe = "mv"});
  caught("link", {.operation = "rename", .exe = "mv"});
  caught("sym", {.operation = "symlink", .exe = "ln"});
  caught("made", {.operation = "symlink", .exe = "ln"});
  for (const char* name : {"moved", "moved/e", "moved/e/f"})
    caught(name, {.operation = "rename", .exe = "mv"});
  EXPECT_EQ(violations_below(tree_).size(), 8U);
  EXPECT_EQ(owner("/etc/shadow"), 0U);
  owner_can_work_in(tree_);
}

TEST_P(Caught, ChangedOwners) {
  guard_both();
  in_both_as_app("touch $T/grouped $T/owned");
  start();
  in_both(
      "chown root $T/conf; chown root:root $T/dir; chgrp 5001 $T/grouped; chown -h 5001 $T/sym");
  in_both("chown root:root $T");
  let_settle();
  caught("conf", {.operation = "chown", .exe = "chown"});
  caught("dir", {.operation = "chown", .exe = "chown"});
  caught("grouped", {.operation = "chown", .exe = "chgrp"});
  caught("sym", {.operation = "chown", .exe = "chown"});
  caught("", {.operation = "chown", .exe = "chown"});
  EXPECT_EQ(mode(tree_ / "conf"), 0640U);
  EXPECT_EQ(violations_below(tree_).size(), 5U);
  owner_can_work_in(tree_);
}

TEST_P(Caught, SpecialFilesAreReportedAndNeverTouched) {
  guard_both();
  start();
  in_both("mkfifo $T/fifo; mknod $T/null c 1 3; mknod $T/block b 7 200");
  in_both(
      "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"$ENV{T}/sock\", Listen => 1)'");
  let_settle();
  for (const char* name : {"fifo", "null", "block", "sock"}) {
    caught(name, {.operation = "mknod", .skipped = "FIFO, a socket or a device"});
    EXPECT_EQ(owner(tree_ / name), 0U) << name;
  }
  EXPECT_EQ(violations_below(tree_).size(), 4U);
}

TEST_P(Caught, ADirectoryOfFiveThousandFilesIsOneIncident) {
  guard_both();
  if (std::getenv("GUARD_KERNEL")) {  // NOLINT(concurrency-mt-unsafe)
    // In software emulation it takes longer than the quiet time that ends an incident.
    const auto settings = root() / "guardd.toml";
    std::ofstream(settings) << "[incident]\nquiet = \"30s\"\n";
    options_ = {"--config", settings.string()};
  }
  start();
  in_both("mkdir $O/big; cd $O/big; seq 5000 | xargs touch; mv $O/big $T/big");
  ASSERT_TRUE(eventually([&] {
    std::size_t whole = 0;
    for (const auto& incident : closed_incidents()) whole += incident["count"] == 5001 ? 1U : 0U;
    return whole == 2;
  }));
  EXPECT_EQ(closed_incidents().size(), 2U);
  EXPECT_EQ(violations_below(tree_).size(), 5001U);
  EXPECT_EQ(violations_below(logged_).size(), 5001U);
  EXPECT_EQ(owner(tree_ / "big/5000"), kApp);
  EXPECT_EQ(owner(logged_ / "big/5000"), 0U);
  owner_can_work_in(tree_);
}

TEST_P(Caught, ATreeThatIsCreatedAgain) {
  guard_both();
  start();
  // With its contents, so that it makes no difference how soon the new tree is watched.
  in_both("mkdir $T.new; echo x > $T.new/first; mv $T $T.old; mv $T.new $T");
  caught("", {.operation = "scan"});
  caught("first", {.operation = "scan"});
  in_both("echo x > $T/second; echo x > $T.old/left");
  let_settle();
  caught("second", {.operation = "create"});
  EXPECT_TRUE(violations(tree_.string() + ".old/left").empty());
  EXPECT_EQ(owner(tree_.string() + ".old/left"), 0U);
  in_both("rm -r $T; mkdir $T");
  EXPECT_TRUE(eventually([&] { return owner(tree_) == kApp; }));
  owner_can_work_in(tree_);
}

TEST_P(Caught, UsersOtherThanRoot) {
  guard_both();
  in_both("chmod 2775 $T");
  start();
  in_both("exec setpriv --reuid 1001 --regid 1001 --groups 4242 sh -c 'echo x > $T/from-1001'");
  let_settle();
  caught("from-1001", {.operation = "create"});
  const auto reported = violations(tree_ / "from-1001").front();
  EXPECT_EQ(reported["uid_before"], 1001);
  EXPECT_EQ(reported["fsuid"], 1001);
  EXPECT_NE(reported.value("cmdline", "").find("from-1001"), std::string::npos) << reported;
}

// As with StandardOutput=append: in a unit, and with start-stop-daemon and a log.
TEST_P(Caught, AProcessThatBecomesTheOwner) {
  guard_both();
  start();
  ::kill(daemon(), SIGSTOP);
  in_both("exec setpriv --reuid 4242 --regid 4242 --clear-groups sleep 0.1 >> $T/service.log");
  ::kill(daemon(), SIGCONT);
  let_settle();
  caught("service.log", {.operation = "create", .exe = "sleep"});
  EXPECT_EQ(violations_below(tree_).size(), 1U);
}

TEST_P(Caught, AFileThatGetsItsNameLast) {
  guard_both();
  start();
  for (const auto& tree : {tree_, logged_}) {
    const Fd file(::open(tree.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644));
    ASSERT_TRUE(file) << std::strerror(errno);
    const auto name = "/proc/self/fd/" + std::to_string(file.get());
    ASSERT_EQ(
        ::linkat(AT_FDCWD, name.c_str(), AT_FDCWD, (tree / "linked").c_str(), AT_SYMLINK_FOLLOW),
        0);
  }
  let_settle();
  caught("linked", {.operation = "create", .exe = "caught_root_test"});
  EXPECT_EQ(violations(tree_ / "linked").front()["pid"], ::getpid());
  owner_can_work_in(tree_);
}

TEST_P(Caught, IoUring) {
  guard_both();
  start();
  std::ofstream(other_ / "from").close();
  std::ofstream(other_ / "from2").close();
  int from = 0;
  for (const auto& tree : {tree_, logged_}) {
    Uring ring;
    if (!ring.works()) GTEST_SKIP() << "this kernel has no io_uring";
    const int opened = ring.openat((tree / "opened").c_str(), O_CREAT | O_WRONLY, 0644);
    ASSERT_GE(opened, 0) << std::strerror(-opened);
    ASSERT_EQ(::close(opened), 0);
    ASSERT_EQ(ring.mkdirat((tree / "made").c_str(), 0755), 0);
    const auto source = other_ / (from++ == 0 ? "from" : "from2");
    ASSERT_EQ(ring.renameat(source.c_str(), (tree / "renamed").c_str()), 0);
  }
  let_settle();
  caught("opened", {.operation = "create", .exe = "caught_root_test"});
  caught("made", {.operation = "mkdir", .exe = "caught_root_test"});
  caught("renamed", {.operation = "rename", .exe = "caught_root_test"});
  owner_can_work_in(tree_);
}

TEST_P(Caught, EveryPathToATree) {
  guard_both();
  start();
  in_both(
      "mkdir $O/view; mount --bind $T $O/view; echo x > $O/view/by-bind; umount $O/view; "
      "rmdir $O/view");
  in_both("unshare -m sh -c 'mount --bind $T /mnt; echo x > /mnt/from-namespace'");
  in_both(
      "unshare -m sh -c 'mkdir /media/jail; for each in bin lib lib64 usr; do "
      "mkdir /media/jail/$each; mount --bind /$each /media/jail/$each; done; "
      "mkdir /media/jail/data; mount --bind $T /media/jail/data; "
      "chroot /media/jail sh -c \"mkdir /data/from-jail; echo x > /data/from-jail/f\"'; "
      "rmdir /media/jail/* /media/jail");
  in_both("unshare -mpf sh -c 'echo x > $T/from-container'");
  let_settle();
  caught("by-bind", {.operation = "create"});
  caught("from-namespace", {.operation = "create"});
  caught("from-jail", {.operation = "mkdir"});
  caught("from-jail/f", {.operation = "create"});
  caught("from-container", {.operation = "create"});
  EXPECT_EQ(violations_below(tree_).size(), 5U);
  owner_can_work_in(tree_);
}

TEST_P(Caught, ModesLoseExcessBitsAndGainNone) {
  guard_both("50ms", "file_mode = \"0640\"\ndir_mode = \"0750\"");
  in_both_as_app("chmod 750 $T; echo mine > $T/mine; chmod 640 $T/mine");
  start();
  in_both("umask 077; echo x > $T/tight; umask 0; echo x > $T/wide; mkdir $T/widedir");
  in_both("chmod 666 $T/mine");
  let_settle();
  caught("tight", {.operation = "create"});
  caught("wide", {.operation = "create"});
  caught("widedir", {.operation = "mkdir"});
  caught("mine", {.operation = "chmod", .exe = "chmod"});
  EXPECT_EQ(mode(tree_ / "tight"), 0600U);
  EXPECT_EQ(mode(tree_ / "wide"), 0640U);
  EXPECT_EQ(mode(tree_ / "widedir"), 0750U);
  EXPECT_EQ(mode(tree_ / "mine"), 0640U);
  EXPECT_EQ(mode(logged_ / "mine"), 0666U);
  EXPECT_EQ(violations_below(tree_).size(), 4U);
  owner_can_work_in(tree_);
}

TEST_P(Caught, NamesOfAnyKindAndDepth) {
  guard_both();
  start();
  in_both("cd $T; for i in $(seq 60); do mkdir level-$i; cd level-$i; done; echo x > bottom");
  in_both(
      "perl -e 'chdir $ENV{T}; my $n = \"0\" x 255; for (1 .. 20) { mkdir $n; chdir $n } "
      "open my $file, \">\", $n or die $!'");
  in_both(
      "touch \"$T/new\nline\" \"$T/$(printf 'caf\\351')\" \"$T/ -rf *\" \"$T/$(printf '\\001')\"");
  const auto bottom = [&](const std::filesystem::path& tree) {
    auto path = tree;
    for (int level = 1; level <= 60; ++level) path /= "level-" + std::to_string(level);
    return path / "bottom";
  };
  EXPECT_TRUE(eventually([&] { return owner(bottom(tree_)) == kApp; }));
  let_settle();
  EXPECT_EQ(violations(bottom(tree_)).size(), 1U);
  EXPECT_EQ(violations(bottom(logged_)).size(), 1U);
  caught("new\nline", {.operation = "create", .exe = "touch"});
  caught(" -rf *", {.operation = "create", .exe = "touch"});
  EXPECT_TRUE(eventually([&] { return violations_below(tree_).size() == 61 + 21 + 4; }))
      << violations_below(tree_).size();
  EXPECT_EQ(owner(tree_ / "caf\351"), kApp);
  owner_can_work_in(tree_);
}

// None of it can be fixed: it is reported, under either policy.
TEST_P(Caught, ChangesToExistingFiles) {
  // On slow machines, a process that creates a file and finishes it is slow, too.
  guard_both(on_lsm() ? "3s" : "50ms",
             "guard = [\"ownership\", \"content\", \"delete\", \"attributes\", \"read\"]\n");
  constexpr auto kFiles = "written cut truncated removed leaves stays moded tagged secret mine";
  in_both_as_app(std::string("cd $T; mkdir empty; for f in ") + kFiles +
                 "; do echo a > $f; touch -d yesterday $f; done");
  start();
  in_both_as_app(
      "cd $T; echo x >> mine; cat mine > /dev/null; chmod 600 mine; mv mine its; rm its");
  in_both("echo x >> $T/written");
  in_both("truncate -s 0 $T/cut");
  in_both("perl -e 'truncate($ARGV[0], 0) or die' $T/truncated");
  in_both("rm $T/removed; rmdir $T/empty");
  in_both("mv $T/leaves $O/left.$(basename $T); mv $T/stays $T/stayed");
  in_both("chmod 600 $T/moded");
  in_both(
      "python3 -c 'import os, sys; os.setxattr(sys.argv[1], \"trusted.guard\", b\"x\")' $T/tagged");
  in_both("cat $T/secret > /dev/null");
  in_both("touch -h $T/stayed; echo x > $T/temporary; chmod 600 $T/temporary; rm $T/temporary");
  let_settle();
  const std::map<std::string, std::pair<std::string, std::string>> kWanted{
      {"written", {"content", "write"}},
      {"cut", {"content", "write truncate"}},
      {"truncated", {"content", "write truncate"}},
      {"removed", {"delete", "unlink"}},
      {"empty", {"delete", "rmdir"}},
      {"leaves", {"delete", "rename"}},
      {"moded", {"attributes", "chmod"}},
      {"tagged", {"attributes", "chmod setxattr"}},
      {"secret", {"read", "read"}}};
  for (const auto& tree : {tree_, logged_}) {
    for (const auto& [name, wanted] : kWanted) {
      const auto reported = violations(tree / name);
      // The LSM reports each operation by itself: an open for writing, and the truncation.
      ASSERT_TRUE(reported.size() == 1U || (on_lsm() && reported.size() == 2U)) << name;
      for (const auto& each : reported) {
        EXPECT_EQ(each["guard"], wanted.first) << name;
        EXPECT_NE(wanted.second.find(each["operation"].get<std::string>()), std::string::npos)
            << each;
        EXPECT_EQ(each["action"], "logged") << name;
        EXPECT_EQ(each["fsuid"], 0) << name;
      }
    }
    for (const auto& each : violations_below(tree))
      EXPECT_TRUE(
          kWanted.contains(std::filesystem::path(each["path"].get<std::string>()).filename()))
          << each;
  }
}

TEST_P(Caught, FilesUnderARule) {
  guard_both("50ms",
             "[[policy.rule]]\nmatch = [\"conf.d/keystore\", \"**/*.key\"]\nowner = 0\n"
             "group = 4242\nfile_mode = \"0640\"\n");
  start();
  in_both(
      "mkdir $T/conf.d; umask 0; echo secret > $T/conf.d/keystore; echo x > $T/conf.d/other; "
      "echo x > $T/conf.d/my.key");
  let_settle();
  for (const char* name : {"conf.d/keystore", "conf.d/my.key"}) {
    EXPECT_EQ(owner(tree_ / name), 0U);
    EXPECT_EQ(facts(tree_ / name).st_gid, kApp);
    EXPECT_EQ(mode(tree_ / name), 0640U);
    ASSERT_EQ(violations(tree_ / name).size(), 1U);
    EXPECT_EQ(violations(tree_ / name).front()["gid_wanted"], kApp);
  }
  EXPECT_EQ(owner(tree_ / "conf.d/other"), kApp);
}

// A nested tree belongs to its own policy, including its root, even when the root is created again.
TEST_P(Caught, ATreeWithinATree) {
  guard_app("fix");
  std::ofstream(root() / "policies" / "inner.toml")
      << "[[policy]]\nname = \"inner\"\npaths = [\"" << (tree_ / "inner").string()
      << "\"]\nowner = 4242\ngroup = 5001\naction = \"fix\"\nsettle = \"50ms\"\n";
  as_root("mkdir $T/inner; chown 4242:5001 $T/inner");
  start();
  as_root("touch $T/inner/f $T/outer; chown root $T/inner");
  const auto becomes_inner = [&](const char* name) {
    return eventually([&] {
      const auto now = facts(tree_ / name);
      return now.st_uid == kApp && now.st_gid == 5001;
    });
  };
  EXPECT_TRUE(becomes_apps("outer"));
  EXPECT_TRUE(becomes_inner("inner/f"));
  EXPECT_TRUE(becomes_inner("inner"));
  as_root("rm -r $T/inner; mkdir $T/inner; touch $T/inner/g; mkdir $T/inner/d; touch $T/inner/d/h");
  for (const char* name : {"inner", "inner/g", "inner/d", "inner/d/h"})
    EXPECT_TRUE(becomes_inner(name)) << name;
  as_root("rm -r $T/inner; mkdir $T/new; touch $T/new/i; mv $T/new $T/inner");
  for (const char* name : {"inner", "inner/i"}) EXPECT_TRUE(becomes_inner(name)) << name;
  let_settle();
  for (const auto& reported : violations_below(tree_ / "inner"))
    EXPECT_EQ(reported["policy"], "inner") << reported;
  for (const char* name : {"inner", "inner/i"})
    EXPECT_EQ(facts(tree_ / name).st_gid, 5001U) << name;
}

TEST_P(Caught, ChangesWhileTheDaemonWasDown) {
  guard_both();
  in_both(
      "echo x > $T/before; mkdir $T/d; chown 5001:5001 $T/conf; umask 077; echo x > $T/d/secret");
  start();
  EXPECT_TRUE(becomes_apps("before"));
  EXPECT_TRUE(becomes_apps("d"));
  let_settle();
  caught("before", {.operation = "scan"});
  caught("d", {.operation = "scan"});
  caught("conf", {.operation = "scan", .skipped = "could not read it before"});
  caught("d/secret", {.operation = "scan", .skipped = "could not read it before"});
  EXPECT_EQ(violations_below(tree_).size(), 4U);
}

}  // namespace
}  // namespace guard::test
