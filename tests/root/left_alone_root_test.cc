// Changes that end with the right owner, or keep it, are left alone: no record, no change.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

// Long enough for any of these commands on a busy machine.
constexpr const char* kSettle = "2s";

class LeavesAlone : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    in_both_as_app(
        "umask 027; echo right > $T/conf; mkdir -p $T/dir/sub; echo a > $T/dir/a; "
        "echo b > $T/dir/sub/b; ln -s conf $T/sym; touch $T/log");
    in_both("cp -a $T $O/copy-of-$(basename $T); tar cf $O/$(basename $T).tar -C $T .");
  }
  // Of all files in both trees, by name.
  std::string owners_and_modes() const {
    const auto list = (root() / "list").string();
    in_both("cd $T; find . ! -name 'marker-*' ! -path . -printf '%P %u %g %m\\n' | sort > " + list +
            "-$(basename $T)");
    std::string all;
    for (const char* tree : {"app", "logged"}) {
      std::ifstream in(list + "-" + tree);
      all.append(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }
  void everything_is_apps() const {
    in_both("! find $T -mindepth 1 ! -name 'marker-*' \\( ! -uid 4242 -o ! -gid 4242 \\) | grep .");
  }
};
GUARD_ON_EVERY_FS(LeavesAlone);

TEST_P(LeavesAlone, ToolsThatSetTheRightOwnerLast) {
  guard_both(kSettle);
  start();
  in_both("cp -a $O/copy-of-$(basename $T)/. $T/copied; cp -a $T/conf $T/conf.bak");
  in_both("cp -p $T/conf $T/conf.p; install -o 4242 -g 4242 /etc/hostname $T/installed");
  in_both("install -d -o 4242 -g 4242 $T/installed.d; echo x >> $T/log; truncate -s 10 $T/log");
  in_both("mkdir $T/x $T/y; chown 4242:4242 $T/x $T/y; tar xpf $O/$(basename $T).tar -C $T/x");
  in_both("tar xf $O/$(basename $T).tar --same-owner -C $T/y; sed -i s/right/left/ $T/conf");
  in_both("perl -pi -e s/left/right/ $T/conf; cp -al $T/dir/sub $T/linked; rm -r $T/linked");
  in_both("mv $T/conf.bak $T/conf.moved; mv $T/dir/sub $T/sub.moved; mv $T/conf.moved $T/conf");
  in_both("touch $T/later; sleep 0.3; chown 4242:4242 $T/later");
  let_settle();
  nothing_told();
  everything_is_apps();
}

// A file that is being written has not settled, however long that takes.
TEST_P(LeavesAlone, SlowTools) {
  guard_both("300ms");
  start();
  in_both(
      "perl -e 'open my $f, q(>), qq($ENV{T}/slow) or die; syswrite $f, q(a); select undef, "
      "undef, undef, 1.2; syswrite $f, q(b); chown 4242, 4242, $f'");
  // A directory waits for the process that made it, because tar sets its owner last.
  in_both(
      "perl -e 'mkdir qq($ENV{T}/d); for (1 .. 4) { open my $f, q(>), qq($ENV{T}/d/$_); chown "
      "4242, 4242, $f; close $f; select undef, undef, undef, 0.5 } chown 4242, 4242, "
      "qq($ENV{T}/d)'");
  let_settle();
  nothing_told();
  everything_is_apps();
}

TEST_P(LeavesAlone, ChangesThatKeepTheOwner) {
  guard_both(kSettle);
  in_both_as_app("echo existing > $T/existing");
  start();
  const auto before = owners_and_modes();
  in_both("echo x > $T/conf; cp /etc/hostname $T/existing; truncate -s 0 $T/log; echo y >> $T/log");
  in_both("dd if=/dev/zero of=$T/log bs=1k count=1 conv=notrunc status=none; touch $T/conf");
  in_both("chown -R 4242:4242 $T; chown -h 4242:4242 $T/sym; touch -r /etc/hostname $T/conf");
  in_both("ls -lR $T > /dev/null; grep -r x $T > /dev/null; tar cf - -C $T . | cat > /dev/null");
  in_both("touch $T/tmp; rm $T/tmp; mkdir $T/tmpd; touch $T/tmpd/f; rm -r $T/tmpd");
  in_both(
      "echo x > $T/out; mv $T/out $O/out; mkdir $T/od; touch $T/od/f; mv $T/od $O/od; rm -r $O/o*");
  in_both("ln $T/conf $T/hard; rm $T/hard; mv $T/dir $T/dir2; mv $T/dir2 $T/dir; rm $T/dir/a");
  in_both("touch $T/dir/a; chown 4242:4242 $T/dir/a; chmod 640 $T/dir/a; flock $T/conf true");
  let_settle();
  nothing_told();
  EXPECT_EQ(owners_and_modes(), before);
}

TEST_P(LeavesAlone, TheOwnersOwnWork) {
  guard_both();
  in_both("mkdir $T/repo; chown 4242:4242 $T/repo");
  start();
  const bool has_git = missing({"git"}).empty();  // not installed in every virtual machine
  if (has_git)
    in_both_as_app(
        "cd $T; export HOME=$T; git -C repo init -q; cd repo; git config user.email a@b; "
        "git config user.name a; seq 100 > f; git add f; git commit -qm one; seq 200 > f; "
        "git commit -qam two; git checkout -q HEAD~1; git gc -q");
  in_both_as_app(
      "sqlite3 $T/db 'pragma journal_mode=wal; create table t(a); insert into t "
      "values(1)' > /dev/null; mkdir -p $T/1/2/3; seq 500 | (cd $T/1; xargs touch); "
      "mv $T/1 $T/one; rm -r $T/one; mkfifo $T/fifo; ln -sfn x $T/sym; chmod 600 $T/conf");
  let_settle();
  nothing_told();
  everything_is_apps();
}

TEST_P(LeavesAlone, AllowedProgramsAndTheirChildren) {
  in_both("cp /bin/dash $O/deploy; mkdir -p $O/bin; cp /bin/dash $O/bin/deploy");
  const auto deploy = (other_ / "deploy").string();
  guard_both("50ms", "[[policy.allow]]\nexe = \"" + deploy + "\"\neffect = \"ignore\"\n");
  start();
  in_both(
      "$O/deploy -c 'echo x > $T/by-itself; touch $T/by-child; sh -c \"touch $T/by-grandchild\"; "
      "mkdir $T/d; touch $T/d/f; chown 0 $T/conf'");
  in_both("$O/deploy -c 'setsid sh -c \"sleep 0.3; touch $T/by-orphan\" &'; sleep 0.6");
  in_both("$O/bin/deploy -c 'echo x > $T/by-namesake; touch $T/by-its-child'");
  let_settle();
  nothing_told({"by-namesake", "by-its-child"});
  caught("by-namesake", {.operation = "create", .exe = "deploy"});
  caught("by-its-child", {.operation = "create", .exe = "touch"});
  for (const char* name :
       {"by-itself", "by-child", "by-grandchild", "by-orphan", "d", "d/f", "conf"})
    EXPECT_EQ(owner(tree_ / name), 0U) << name;
}

TEST_P(LeavesAlone, AllowedUsers) {
  guard_both("50ms", "[[policy.allow]]\nuser = 1001\neffect = \"ignore\"\n");
  in_both("mkdir $T/open; chown 4242:4242 $T/open; chmod 777 $T/open");
  start();
  in_both("exec setpriv --reuid 1001 --regid 1001 --clear-groups touch $T/open/by-1001");
  in_both("exec setpriv --reuid 1002 --regid 1002 --clear-groups touch $T/open/by-1002");
  let_settle();
  nothing_told({"open/by-1002"});
  caught("open/by-1002", {.operation = "create", .exe = "touch"});
  EXPECT_EQ(owner(tree_ / "open/by-1001"), 1001U);
}

TEST_P(LeavesAlone, ExcludedFilesAndFilesUnderARule) {
  guard_both(
      "50ms",
      "exclude = [\"cache/**\", \"*.pid\"]\n[[policy.rule]]\nmatch = [\"tmp/**\"]\nowner = 0\n"
      "action = \"off\"\n");
  in_both("mkdir $T/cache $T/tmp; chown 4242:4242 $T/cache $T/tmp");
  start();
  in_both("touch $T/cache/x $T/a.pid $T/tmp/y; mkdir -p $T/cache/d/e; touch $T/cache/d/e/f");
  let_settle();
  nothing_told();
}

}  // namespace
}  // namespace guard::test
