// What the LSM denies under "deny": with EPERM, before the change, with nothing left behind. And
// what it must not deny. Runs only where the LSM does: in the virtual machine.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"
#include "tests/root/uring.h"

namespace guard::test {
namespace {

constexpr const char* kAllGuards =
    "guard = [\"ownership\", \"content\", \"delete\", \"attributes\"]\n";

class Deny : public DaemonTest {
 protected:
  void SetUp() override {
    if (!on_lsm()) GTEST_SKIP() << "GUARD_TEST_BACKEND is not lsm";
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    as_app(
        "umask 027; echo right > $T/conf; mkdir -p $T/dir/sub $T/empty; echo a > $T/dir/a; "
        "ln -s conf $T/sym");
    as_root("echo x > $O/x; mkdir $O/d; echo y > $O/d/y; ln -s nowhere $O/l; mkfifo $O/fifo");
    before_ = all();
  }

  // Everything below the tree and beside it: names, owners, modes, links, sizes, times, contents.
  std::string all() const {
    std::set<std::string> lines;
    const auto note = [&](const std::filesystem::path& path) {
      const auto each = facts(path);
      std::string line = path.string();
      const auto add = [&](auto number) { line += " " + std::to_string(number); };
      add(each.st_mode);
      add(each.st_uid);
      add(each.st_gid);
      add(each.st_nlink);
      add(each.st_size);
      add(each.st_mtim.tv_sec);
      add(each.st_mtim.tv_nsec);
      add(each.st_ctim.tv_sec);
      add(each.st_ctim.tv_nsec);
      if (S_ISREG(each.st_mode)) {
        std::ifstream in(path);
        line.append(std::istreambuf_iterator<char>(in), {});
      }
      lines.insert(std::move(line));
    };
    for (const auto& top : {tree_, other_}) {
      note(top);
      for (const auto& each : std::filesystem::recursive_directory_iterator(top)) note(each.path());
    }
    std::string all;
    for (const auto& line : lines) all += line + "\n";
    return all;
  }

  // The command fails with a permission error, and nothing has changed.
  void denied(const std::string& command, const std::string& name, const std::string& operation,
              const std::string& guard = "ownership") {
    SCOPED_TRACE(command);
    const auto path = name.empty() ? tree_ : tree_ / name;
    const auto count_before = violations(path).size();
    const auto errors = root().string() + ".errors";
    const int status = std::system(("{ " + command + "; } 2> " + errors).c_str());  // NOLINT
    EXPECT_NE(status, 0);
    std::ifstream in(errors);
    const std::string output{std::istreambuf_iterator<char>(in), {}};
    const bool is_denied = output.find("not permitted") != std::string::npos ||
                           output.find("permission denied") != std::string::npos;  // mount
    EXPECT_TRUE(is_denied) << output;
    EXPECT_EQ(all(), before_);
    EXPECT_TRUE(eventually([&] { return violations(path).size() > count_before; }));
    const auto record = violations(path);
    if (record.size() == count_before) return;
    EXPECT_EQ(record.back()["action"], "denied") << record.back();
    // A name that is only about to be there has no inode.
    if (const auto now = facts(path); now.st_ino != 0 && record.back()["inode"] == now.st_ino) {
      EXPECT_EQ(record.back()["size"], now.st_size) << record.back();
      EXPECT_TRUE(record.back().contains("mtime")) << record.back();
      EXPECT_TRUE(record.back().contains("ctime")) << record.back();
    }
    EXPECT_EQ(record.back()["operation"], operation) << record.back();
    EXPECT_EQ(record.back()["guard"], guard) << record.back();
    EXPECT_EQ(record.back()["backend"], "lsm");
    EXPECT_EQ(record.back()["policy"], "app");
    EXPECT_GT(record.back().value("pid", 0), 0);
    EXPECT_NE(record.back().value("exe", ""), "") << record.back();
    EXPECT_NE(record.back().value("cmdline", ""), "") << record.back();
  }

  void allowed(const std::string& command) {
    SCOPED_TRACE(command);
    as_root(command);
  }

  bool any_denied() const {
    const auto record = violations_below(tree_);
    return std::any_of(record.begin(), record.end(),
                       [](const Json& each) { return each["action"] == "denied"; });
  }

  std::string before_;
};
GUARD_ON_EVERY_FS(Deny);

TEST_P(Deny, DeniesCreations) {
  guard_app("deny");
  start();
  denied("echo x >> $T/new.log", "new.log", "create");
  denied("touch $T/f", "f", "create");
  denied("mkdir -p $T/a/b/c", "a", "mkdir");
  denied("cp $T/conf $T/conf.bak", "conf.bak", "create");
  denied("mv $O/x $T/dir/x", "dir/x", "rename");
  denied("mv $O/x $T/conf", "conf", "rename");
  denied("mv $O/d $T/dir/d", "dir/d", "rename");
  denied("ln -s t $T/l", "l", "symlink");
  denied("ln $O/x $T/hl", "hl", "link");
  denied("ln $T/conf $O/out", "conf", "link");
  denied("mkfifo $T/p", "p", "mknod");
  denied("mknod $T/null c 1 3", "null", "mknod");
  denied("mknod $T/block b 7 200", "block", "mknod");
  denied(
      "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"$ENV{T}/sock\", Listen => 1) "
      "or die $!'",
      "sock", "mknod");
  denied("chown root $T/conf", "conf", "chown");
  denied("chown root:root $T/dir", "dir", "chown");
  denied("chgrp 5001 $T/conf", "conf", "chown");
  denied("chown -h root $T/sym", "sym", "chown");
  denied("chown root $T", "", "chown");
}

TEST_P(Deny, DeniesFilesWithoutAName) {
  guard_app("deny");
  start();
  // They cannot get one.
  for (const auto& directory : {tree_, other_}) {
    const Fd nameless(::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_TRUE(nameless);
    const auto link = "/proc/self/fd/" + std::to_string(nameless.get());
    EXPECT_EQ(
        ::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, (tree_ / "linked").c_str(), AT_SYMLINK_FOLLOW),
        -1);
    EXPECT_EQ(errno, EPERM);
  }
  EXPECT_EQ(all(), before_);
}

TEST_P(Deny, DeniesOtherUsersAndMountNamespaces) {
  guard_app("deny");
  as_root("chmod 2775 $T");
  before_ = all();
  start();
  denied("setpriv --reuid 1001 --regid 4242 --clear-groups sh -c 'echo x > $T/group'", "group",
         "create");
  denied("unshare -m sh -c 'mkdir -p /media/b; mount --bind $T /media/b; echo x > /media/b/bound'",
         "bound", "create");
  denied("cd $T/dir/sub; touch ../../up", "up", "create");
}

TEST_P(Deny, DeniesThroughIoUring) {
  guard_app("deny");
  start();
  Uring ring;
  if (!ring.works()) GTEST_SKIP() << "no io_uring here";
  EXPECT_EQ(ring.openat((tree_ / "ring").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600), -EPERM);
  EXPECT_EQ(ring.mkdirat((tree_ / "ringdir").c_str(), 0700), -EPERM);
  EXPECT_EQ(ring.renameat((other_ / "x").c_str(), (tree_ / "moved").c_str()), -EPERM);
  EXPECT_EQ(all(), before_);
}

TEST_P(Deny, DeniesChangesOfContentNamesAndAttributes) {
  guard_app("deny", "50ms", kAllGuards);
  start();
  as_root("cat $T/conf > /dev/null; ls -lR $T > /dev/null; grep -r right $T > /dev/null");
  denied("echo x >> $T/conf", "conf", "write", "content");
  denied("echo x > $T/conf", "conf", "write", "content");
  denied("echo x 1<> $T/conf", "conf", "write", "content");
  denied("truncate -s 0 $T/conf", "conf", "write", "content");
  denied("perl -e 'truncate(qq($ENV{T}/conf), 0) or die $!'", "conf", "truncate", "content");
  denied("rm -f $T/conf", "conf", "unlink", "delete");
  denied("rmdir $T/empty", "empty", "rmdir", "delete");
  denied("mv $T/dir/a $O/a", "dir/a", "rename", "delete");
  denied("chmod 600 $T/conf", "conf", "chmod", "attributes");
  denied("setfattr -n user.x -v 1 $T/conf", "conf", "setxattr", "attributes");
  denied("setfacl -m u:1001:r $T/conf", "conf", "setacl", "attributes");
  if (GetParam() != FsType::kTmpfs) denied("chattr +i $T/conf", "conf", "setflags", "attributes");
  as_app("echo more >> $T/conf; chmod 600 $T/conf; mv $T/dir/a $T/dir/b; rm $T/dir/b");
}

TEST_P(Deny, DeniesReading) {
  guard_app("deny", "50ms", "guard = [\"read\"]\n");
  start();
  before_ = all();  // this process cannot read the files either
  denied("cat $T/conf", "conf", "read", "read");
  denied("perl -e 'open my $f, q(+<), qq($ENV{T}/conf) or die $!'", "conf", "read", "read");
  as_app("cat $T/conf > /dev/null");
  as_root("echo x > $T/new; ls $T > /dev/null");
}

TEST_P(Deny, DeniesMounts) {
  guard_app("deny");
  start();
  denied("mount -t tmpfs none $T/dir", "dir", "mount");
  denied("mount --bind $O $T/dir", "dir", "mount");
  denied("mount -t tmpfs none $T", "", "mount");
}

// Service managers and containers do this at each start.
TEST_P(Deny, LeavesMountsInOtherNamespacesAlone) {
  guard_app("deny");
  start();
  as_root(
      "unshare -m sh -e -c 'mount -t tmpfs none $T/dir; mount --bind $T $T; mount --bind $O "
      "$T/dir; mount -o remount,bind,ro $T; umount $T/dir'");
  let_settle();
  EXPECT_TRUE(violations_below(tree_).empty()) << Json(violations_below(tree_)).dump(1);
}

TEST_P(Deny, KnowsDeepAndUnusualNames) {
  guard_app("deny", "50ms", "exclude = [\"cache/**\", \"**/*.tmp\"]\n");
  as_app(
      "mkdir -p $T/cache $T/$(printf 'd%.0s/' $(seq 60)); touch \"$T/$(printf 'n%.0s' $(seq "
      "250))\"");
  before_ = all();
  start();
  denied(
      "touch $T/$(printf 'd%.0s/' $(seq 60))/$(printf 'x%.0s' $(seq 255))",
      [] {
        std::string deep;
        for (int i = 0; i < 60; ++i) deep += "d/";
        return deep + std::string(255, 'x');
      }(),
      "create");
  denied("touch \"$T/$(printf 'new\\nline')\"", "new\nline", "create");
  allowed("touch $T/cache/mine $T/dir/x.tmp; mkdir $T/cache/d; rm $T/cache/mine");
  let_settle();
  EXPECT_TRUE(violations(tree_ / "cache/mine").empty());
  EXPECT_TRUE(violations(tree_ / "dir/x.tmp").empty());
}

TEST_P(Deny, RulesHaveOwnersOfTheirOwn) {
  guard_app("deny", "50ms",
            "[[policy.rule]]\nmatch = [\"conf/keystore\", \"**/*.key\"]\nowner = 0\ngroup = 4242\n"
            "file_mode = \"0640\"\n[[policy.rule]]\nmatch = [\"logs/**\"]\naction = \"fix\"\n");
  as_app("mkdir $T/logs");
  before_ = all();
  start();
  as_root("umask 027; echo secret > $T/dir/a.key");
  EXPECT_TRUE(eventually([&] { return facts(tree_ / "dir/a.key").st_gid == kApp; }));
  EXPECT_EQ(owner(tree_ / "dir/a.key"), 0U);
  as_root("echo x > $T/logs/today");
  EXPECT_TRUE(becomes_apps("logs/today"));
  // The owner that a rule names is never denied; what it gets wrong is fixed.
  as_root("chown 4242 $T/dir/a.key");
  EXPECT_TRUE(eventually([&] { return owner(tree_ / "dir/a.key") == 0; }));
  before_ = all();
  denied("touch $T/dir/a.other", "dir/a.other", "create");
}

// Neither the owner nor a change with a correct result is ever denied.
TEST_P(Deny, AllowsTheOwnerAndCorrectChanges) {
  guard_app("deny", "50ms", kAllGuards);
  start();
  as_app(
      "cd $T; echo x > n; mv n m; ln m k; chmod 600 m; rm k; mkdir -p q/r; rmdir q/r q; ln -s a b; "
      "mkfifo p; rm b p; truncate -s 3 m; cp conf copy; rm -r dir");
  as_root("chown 4242:4242 $T/conf; chown -R 4242:4242 $T");
  as_root("cat $T/conf > /dev/null; tar cf /dev/null -C $T .");
  EXPECT_FALSE(any_denied()) << Json(violations_below(tree_)).dump(1);
}

// Under the ownership guard alone root may write, remove and read.
TEST_P(Deny, DeniesOnlyWhatItGuards) {
  guard_app("deny");
  start();
  as_root("echo more >> $T/conf; truncate -s 3 $T/conf; chmod 600 $T/conf; rm $T/dir/a");
  as_root("mv $T/dir/sub $T/sub; mv $T/conf $T/conf2; rm $T/conf2; rmdir $T/empty");
  EXPECT_FALSE(any_denied()) << Json(violations_below(tree_)).dump(1);
}

TEST_P(Deny, AllowsAnAllowedProgramAndItsChildren) {
  as_root("cp /bin/bash $O/allowed; mkdir $O/same; cp /bin/bash $O/same/allowed");
  guard_app("deny", "50ms",
            "[[policy.allow]]\nexe = \"" + (other_ / "allowed").string() +
                "\"\n[[policy.allow]]\nuser = 5005\neffect = \"ignore\"\n");
  as_root("chmod 2775 $T");
  start();
  before_ = all();
  as_root("$O/allowed -c 'echo x > $T/by-itself'");
  as_root("$O/allowed -c 'touch $T/by-child; true'");
  // The child outlives its parent, and then has another one.
  as_root("$O/allowed -c '(setsid sh -c \"sleep 1; touch $T/by-orphan\" &) ; true'");
  for (const char* name : {"by-itself", "by-child", "by-orphan"})
    EXPECT_TRUE(becomes_apps(name)) << name;
  before_ = all();
  denied("$O/same/allowed -c 'echo x > $T/by-namesake'", "by-namesake", "create");
  as_root("setpriv --reuid 5005 --regid 4242 --clear-groups touch $T/ignored");
  let_settle();
  EXPECT_EQ(owner(tree_ / "ignored"), 5005U);
  EXPECT_TRUE(violations(tree_ / "ignored").empty());
}

TEST_P(Deny, AllowsPackageManagersUnlessThePolicyIsStrict) {
  const char* make =
      "mkdir -p $O/p/DEBIAN $O/p$T; printf 'Package: g\\nVersion: 1\\nArchitecture: "
      "all\\nMaintainer: a <a@b>\\nDescription: d\\n' > $O/p/DEBIAN/control; touch "
      "$O/p$T/packaged; dpkg-deb -b $O/p $O/p.deb > /dev/null";
  if (!missing({"dpkg-deb"}).empty()) GTEST_SKIP() << "no dpkg here";
  as_root(make);
  guard_app("deny");
  start();
  as_root("dpkg-deb -x $O/p.deb /");
  EXPECT_TRUE(becomes_apps("packaged"));
  EXPECT_FALSE(any_denied());
  guard_app("deny", "50ms", "strict = true\n");
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return !of_type("reload").empty(); }));
  as_root("rm $T/packaged; ! dpkg-deb -x $O/p.deb / 2> /dev/null");
  EXPECT_FALSE(facts(tree_ / "packaged").st_uid == 0);
}

TEST_P(Deny, OnlyInteractiveProcessesAreDenied) {
  guard_app("deny", "50ms", "only = \"interactive\"\n");
  start();
  as_root("touch $T/by-batch");
  EXPECT_TRUE(becomes_apps("by-batch"));
}

// No creation succeeds during the reloads.
TEST_P(Deny, AReloadLeavesNoGap) {
  guard_app("deny");
  start();
  const pid_t busy = ::fork();
  if (busy == 0) {
    int let_in = 0;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(4);
    const auto path = tree_ / "again";
    while (std::chrono::steady_clock::now() < until) {
      const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
      if (fd < 0) continue;
      ::close(fd);
      ++let_in;
    }
    ::_exit(let_in == 0 ? 0 : 1);
  }
  for (int i = 0; i < 6; ++i) {
    guard_app("deny", "50ms", i % 2 == 0 ? "exclude = [\"cache/**\"]\n" : "");
    ::kill(daemon(), SIGHUP);
    ASSERT_TRUE(
        eventually([&] { return of_type("reload").size() == static_cast<std::size_t>(i) + 1; }));
  }
  int status = 0;
  ASSERT_EQ(::waitpid(busy, &status, 0), busy);
  EXPECT_EQ(status, 0);
  guard_app("log");
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return of_type("reload").size() == 7; }));
  as_root("touch $T/now");
}

// Whether a program of this name is attached, on the whole machine.
bool is_attached(std::string_view name) {
  for (std::uint32_t id = 0; bpf_link_get_next_id(id, &id) == 0;) {
    bpf_link_info link{};
    std::uint32_t size = sizeof link;
    const Fd opened(bpf_link_get_fd_by_id(id));
    if (!opened || bpf_obj_get_info_by_fd(opened.get(), &link, &size) != 0) continue;
    bpf_prog_info info{};
    size = sizeof info;
    const Fd program(bpf_prog_get_fd_by_id(link.prog_id));
    if (program && bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0 && name == info.name)
      return true;
  }
  return false;
}

// Each program that is attached slows down the whole machine.
TEST_P(Deny, OpensAreWatchedOnlyWhileAPolicyNeedsIt) {
  const auto reload = [&](std::size_t times, const std::string& more) {
    guard_app("deny", "50ms", more);
    ::kill(daemon(), SIGHUP);
    return eventually([&] { return of_type("reload").size() == times; });
  };
  guard_app("deny");
  start();
  EXPECT_TRUE(is_attached("guard_inode_cre"));
  EXPECT_FALSE(is_attached("guard_file_open"));
  as_root("echo wrong >> $T/conf");
  ASSERT_TRUE(reload(1, kAllGuards));
  EXPECT_TRUE(is_attached("guard_file_open"));
  as_root("! (echo worse >> $T/conf) 2> /dev/null");
  ASSERT_TRUE(reload(2, ""));
  EXPECT_FALSE(is_attached("guard_file_open"));
  EXPECT_TRUE(is_attached("guard_inode_cre"));
  as_root("echo wrong >> $T/conf");
}

TEST_P(Deny, GuardsTheNewTreeAfterItIsReplaced) {
  guard_app("deny");
  start();
  as_root("mv $T $T.old; mkdir $T; chown 4242:4242 $T");
  EXPECT_TRUE(eventually([&] {
    // An existing file would only be touched.
    return std::system("rm -f $T/denied; ! touch $T/denied 2> /dev/null") == 0;  // NOLINT
  }));
  EXPECT_TRUE(eventually([&] {
    return std::system("touch $T.old/allowed 2> /dev/null") == 0;  // NOLINT
  }));
  EXPECT_EQ(stop(), 0);
  as_root("touch $T/after");
}

TEST_P(Deny, SurvivesAHundredThousandDenials) {
  guard_app("deny");
  start();
  as_root("perl -e 'for (1 .. 100000) { open my $f, q(>), qq($ENV{T}/many) and exit 1 }'");
  as_root("perl -e 'for (1 .. 20000) { open my $f, q(>), qq($ENV{T}/many$_) and exit 1 }'");
  EXPECT_TRUE(eventually([&] {
    const auto record = violations_below(tree_);
    const auto lost = of_type("health");
    return record.size() + lost.size() > 0;
  }));
  EXPECT_LT(violations(tree_ / "many").size(), 100U);
}

}  // namespace
}  // namespace guard::test
