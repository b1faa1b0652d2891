// The tools that people use as root in a service's directory. However a tool works: under "log",
// exactly the files that it leaves wrong are reported, once each; under "fix", none is left.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>

#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

class Tools : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto absent = missing({"busybox", "dpkg-deb", "ed", "git", "logrotate", "make", "patch",
                                 "perl", "python3", "rsync", "sqlite3", "unzip", "vim", "zip"});
    if (!absent.empty()) GTEST_SKIP() << absent << " is not installed";
    for (const char* date :
         {"GIT_AUTHOR_DATE",
          "GIT_COMMITTER_DATE"})  // so that the commits in both trees are the same
      ASSERT_EQ(::setenv(date, "2026-01-01T00:00:00Z", 1), 0);
    ASSERT_EQ(::setenv("HOME", other_.c_str(), 1), 0);
    as_root(
        "git config --global safe.directory '*'; git config --global user.name root; "
        "git config --global user.email root@example.org; git config --global gc.auto 0; "
        "git config --global init.defaultBranch main");
    in_both_as_app(
        "umask 022; mkdir $T/dir; for f in conf dir/a dir/b; do echo right > $T/$f; done");
  }

  // The files in a tree that are wrong now, relative to the tree.
  std::map<std::string, int> wrong_in(const std::filesystem::path& tree) const {
    std::map<std::string, int> wrong;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree)) {
      const auto name = entry.path().lexically_relative(tree).string();
      const auto now = facts(entry.path());
      if (name.find("marker-of-the-test") == std::string::npos &&
          (now.st_uid != kApp || now.st_gid != kApp))
        wrong[name] = 1;
    }
    return wrong;
  }
  std::map<std::string, int> outcome_of(const std::filesystem::path& tree,
                                        const std::string& action) const {
    std::map<std::string, int> reported;
    for (const auto& violation : violations_below(tree)) {
      const std::filesystem::path path = violation["path"].get<std::string>();
      if (owner(path) == kNoOwner) continue;  // deleted since
      EXPECT_EQ(violation["action"], action) << violation;
      ++reported[path.lexically_relative(tree).string()];
    }
    return reported;
  }
  // At least one file was wrong, each was reported once, and the owner can go on.
  void reports_match_wrong_files() {
    let_settle();
    const auto wrong = wrong_in(logged_);
    // A directory may still wait for the process that made it.
    (void)eventually([&] {
      return outcome_of(tree_, "fixed").size() >= wrong.size() &&
             outcome_of(logged_, "logged").size() >= wrong.size();
    });
    EXPECT_FALSE(wrong.empty());
    EXPECT_EQ(outcome_of(logged_, "logged"), wrong);
    EXPECT_EQ(wrong_in(tree_), (std::map<std::string, int>{}));
    EXPECT_EQ(outcome_of(tree_, "fixed").size(), wrong.size());
    owner_can_work_in(tree_);
  }
  void nothing_is_wrong() {
    let_settle();
    nothing_told();
    EXPECT_EQ(wrong_in(tree_), (std::map<std::string, int>{}));
    EXPECT_EQ(wrong_in(logged_), (std::map<std::string, int>{}));
  }
};
INSTANTIATE_TEST_SUITE_P(On, Tools, testing::Values(FsType::kTmpfs, FsType::kExt4),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(Tools, Git) {
  in_both_as_app(
      "export HOME=$O; cd $T; git init -q repo; cd repo; seq 50 > f; mkdir d; seq 9 > d/g; "
      "git add .; git commit -qm one");
  as_root(
      "git clone -q --bare file://$T/repo $O/upstream.git; git clone -q $O/upstream.git $O/work; "
      "cd $O/work; seq 60 > f; seq 5 > d/new; git add .; git commit -qm two; git push -q");
  guard_both("300ms");
  start();
  in_both("cd $T/repo; git pull -q file://$O/upstream.git main");
  in_both(
      "cd $T/repo; seq 70 > f; git commit -qam three; git checkout -q HEAD~1; git checkout -q "
      "main");
  in_both("cd $T/repo; git gc -q; git stash -q 2> /dev/null || true; git branch topic; git tag t");
  in_both("git clone -q file://$O/upstream.git $T/clone");
  let_settle();
  EXPECT_TRUE(eventually([&] { return wrong_in(tree_).empty(); }));
  // A name that several commands replace is reported once for each.
  const auto names_told = [&] {
    auto names = outcome_of(logged_, "logged");
    for (auto& [name, count] : names) count = 1;
    return names;
  };
  EXPECT_TRUE(eventually([&] { return names_told() == wrong_in(logged_); }))
      << Json(names_told()) << Json(wrong_in(logged_));
  // The usual symptom: the next pull by the service itself fails.
  as_app(
      "export HOME=$O; cd $T/repo; seq 80 > f; git commit -qam four; git gc -q; "
      "git pull -q --no-rebase file://$O/upstream.git main");
  for (const auto& incident : closed_incidents())
    EXPECT_NE(incident["command"].dump().find("git"), std::string::npos) << incident;
  owner_can_work_in(tree_);
}

TEST_P(Tools, Sqlite) {
  in_both_as_app(
      "sqlite3 $T/app.db 'pragma journal_mode=wal; create table t(a)' > /dev/null; "
      "sqlite3 $T/old.db 'create table t(a)'");
  guard_both("300ms");
  start();
  in_both(
      "sqlite3 $T/app.db 'insert into t values(1); select count(*) from t' > /dev/null; "
      "sqlite3 $T/old.db 'begin; insert into t values(2); commit; vacuum'");
  nothing_is_wrong();
  in_both(
      "sqlite3 $T/new.db 'pragma journal_mode=wal; create table t(a)' > /dev/null; "
      "sqlite3 $T/app.db \".backup $T/backup.db\"");
  reports_match_wrong_files();
}

TEST_P(Tools, ToolsThatEndWithTheRightOwner) {
  in_both_as_app(
      "cp -a $T/dir $T/dir2; echo log > $T/app.log; tar cf $T/own.tar -C $T dir; "
      "printf '%s\\n' '--- conf' '+++ conf' '@@ -1 +1 @@' -right +left > $T/diff");
  in_both("cp -a $T $O/$(basename $T)");
  guard_both("2s");
  start();
  in_both(
      "rsync -a --delete $O/$(basename $T)/ $T/synced; rsync -a $O/$(basename $T)/conf $T/conf2");
  in_both(
      "cd $T; tar xf own.tar; tar xpf own.tar -C dir2; sed -i s/right/left/ conf; "
      "perl -i -pe s/left/right/ conf; busybox sed -i s/right/left/ dir/a");
  in_both(
      "vim -es -u NONE -c '%s/right/vim/' -c wq $T/conf; printf '1s/vim/right/\\nw\\nq\\n' | "
      "ed -s $T/conf");
  in_both(
      "cd $T; patch -s conf diff; gzip dir/b; gunzip dir/b.gz; gzip -k dir2/dir/a; "
      "rm dir2/dir/a.gz");
  in_both(
      "printf '\"%s/app.log\" { rotate 3\\n create\\n compress\\n missingok\\n }' $T > "
      "$O/rotate; chmod 644 $O/rotate; logrotate -f -s $O/state $O/rotate; echo more >> "
      "$T/app.log; logrotate -f -s $O/state $O/rotate");
  in_both(
      "printf '\"%s/app.log\" { rotate 3\\n copytruncate\\n }' $T > $O/rotate; echo more >> "
      "$T/app.log; logrotate -f -s $O/state $O/rotate");
  nothing_is_wrong();
}

TEST_P(Tools, Archives) {
  as_root(
      "mkdir -p $O/src/sub; cd $O/src; for f in 1 2 sub/3; do echo $f > $f; done; ln -s 1 link; "
      "tar cf $O/root.tar .; zip -qr $O/root.zip .; chown -R 5001:5001 .; tar cf $O/foreign.tar "
      ".; ");
  guard_both("300ms");
  start();
  in_both(
      "cd $T; mkdir foreign root nosame zip; tar xf $O/foreign.tar -C foreign --same-owner; "
      "tar xpf $O/root.tar -C root; tar xf $O/foreign.tar -C nosame --no-same-owner");
  in_both(
      "cd $T/zip; unzip -q $O/root.zip; python3 -c 'import zipfile, os; "
      "zipfile.ZipFile(os.environ[\"O\"] + \"/root.zip\").extractall(\"py\")'");
  let_settle();
  ASSERT_EQ(violations(logged_ / "foreign/sub/3").size(), 1U);
  EXPECT_EQ(violations(logged_ / "foreign/sub/3").front()["uid_before"], 5001);
  EXPECT_EQ(violations(tree_ / "foreign/sub/3").front()["uid_before"], 5001);
  EXPECT_EQ(violations(tree_ / "foreign/sub/3").front()["uid_after"], kApp);
  EXPECT_EQ(violations(tree_ / "foreign/sub").front()["operation"], "mkdir");
  reports_match_wrong_files();
}

TEST_P(Tools, Copies) {
  as_root(
      "mkdir -p $O/src/sub; cd $O/src; for f in 1 2 sub/3; do echo $f > $f; done; ln -s 1 link");
  guard_both("300ms");
  start();
  in_both(
      "cp -a $O/src $T/a; cp -r $O/src $T/r; rsync -a $O/src/ $T/rsync; rsync -rt $O/src/ $T/rt");
  in_both(
      "mkdir -p $T/p/q/r; cd $T/p; cp ../conf .; cp --sparse=always ../conf sparse; "
      "install -D -m 640 $O/src/1 i/n/stalled; install -d -m 750 d/e; mktemp -p . > /dev/null; "
      "split -b 2 $O/src/1; dd if=/dev/zero of=dd bs=1k count=1 status=none; ln -s conf l; "
      "ln -sfn conf l; gzip -c conf > conf.gz; echo x | tee t > t2");
  in_both("cd $T/p; printf 'all: one two\\none two:\\n\\techo $@ > $@\\n' > Makefile; make -sj2");
  reports_match_wrong_files();
}

TEST_P(Tools, Editors) {
  guard_both("300ms");
  start();
  in_both(
      "vim -es -u NONE -c 'normal inew' -c wq $T/vim.txt; printf 'a\\nnew\\n.\\nw\\nq\\n' | "
      "ed -s $T/ed.txt; vim -es -u NONE -c 'set backup' -c 'normal ix' -c wq $T/conf");
  let_settle();
  caught("vim.txt", {.operation = "create"});
  caught("ed.txt", {.operation = "create", .exe = "ed"});
  reports_match_wrong_files();
}

TEST_P(Tools, Interpreters) {
  guard_both("300ms");
  as_root("mkdir $O/pkg; echo 'x = 1' > $O/pkg/__init__.py; echo 'y = 2' > $O/pkg/m.py");
  start();
  in_both(
      "cd $T; python3 - <<'END'\n"
      "import os, shutil, sqlite3, tempfile, subprocess, sys\n"
      "shutil.copytree(os.environ['O'] + '/pkg', 'site/pkg')\n"
      "subprocess.check_call([sys.executable, '-m', 'compileall', '-q', 'site'])\n"
      "with tempfile.NamedTemporaryFile(dir='.', delete=False) as f: f.write(b'x')\n"
      "os.replace(f.name, 'atomic')\n"
      "with tempfile.TemporaryDirectory(dir='.') as d: open(d + '/f', 'w').close()\n"
      "shutil.copy('conf', 'conf.py.bak'); shutil.move('atomic', 'dir/atomic')\n"
      "END");
  in_both(
      "cd $T; perl -e 'open my $f, q(>>), q(perl.log); print $f 1; mkdir q(pd); rename "
      "q(perl.log), "
      "q(pd/moved.log)'");
  if (missing({"npm"}).empty()) in_both("mkdir $T/npm; cd $T/npm; npm init -y > /dev/null 2>&1");
  reports_match_wrong_files();
}

// Our own package, in its own database.
TEST_P(Tools, Packages) {
  const auto build = [&](const std::string& name, const std::string& postinst) {
    as_root(
        "d=$O/deb-" + name + "; mkdir -p $d/DEBIAN $d$T/lib-" + name + "/sub; printf '" +
        "Package: guard-test-" + name +
        "\\nVersion: 1\\nArchitecture: all\\n"
        "Maintainer: nobody <nobody@example.org>\\nDescription: a test\\n' > $d/DEBIAN/control; "
        "for f in one sub/two; do echo x > $d$T/lib-" +
        name + "/$f; done; printf '" + postinst +
        "' > $d/DEBIAN/postinst; chmod 755 $d/DEBIAN/postinst; dpkg-deb --root-owner-group -b $d "
        "$O/" +
        name + ".deb > /dev/null");
  };
  ASSERT_EQ(::setenv("T", tree_.c_str(), 1), 0);
  build("right", "#!/bin/sh\\nchown -R 4242:4242 " + tree_.string() + "/lib-right\\n");
  build("wrong", "#!/bin/sh\\n");
  as_root(
      "mkdir -p $O/db/updates $O/db/info; touch $O/db/status $O/db/available; stat -c %u:%g $T");
  const std::string dpkg = "dpkg --admindir=$O/db --log=$O/dpkg.log --force-not-root -i ";
  guard_app("fix", "2s");
  start();
  as_root(dpkg + "$O/right.deb > /dev/null");
  as_root(
      "chown 4242:4242 $T");  // dpkg gives the parent directories the owner that the package sets
  let_settle();
  EXPECT_TRUE(violations_below(tree_ / "lib-right").empty())
      << Json(violations_below(tree_)).dump(1);
  as_root(dpkg + "$O/wrong.deb > /dev/null");
  let_settle();
  for (const char* name : {"lib-wrong", "lib-wrong/one", "lib-wrong/sub", "lib-wrong/sub/two"}) {
    EXPECT_TRUE(becomes_apps(name)) << name;
    EXPECT_TRUE(eventually([&] { return !violations(tree_ / name).empty(); }));
    ASSERT_EQ(violations(tree_ / name).size(), 1U) << name;
  }
  EXPECT_EQ(violations(tree_ / "lib-wrong/one").front()["exe"], "/usr/bin/dpkg");
}

TEST_P(Tools, RenamesAndReplacements) {
  guard_both("300ms");
  as_root("echo x > $O/1; echo x > $O/2");
  start();
  int number = 0;
  for (const auto& tree : {tree_, logged_}) {
    const auto from = other_ / std::to_string(++number);
    ASSERT_EQ(
        ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, (tree / "conf").c_str(), RENAME_EXCHANGE), 0);
  }
  // Created, and renamed with the directory above before it has settled.
  in_both(
      "mkdir -p $T/new/sub; touch $T/new/1 $T/new/sub/2; mv $T/new $T/renamed; "
      "mv $T/renamed/sub $T/sub; echo x > $T/sub/3; mv $T/sub/3 $T/4");
  in_both("touch $T/again; rm $T/again; touch $T/again; rm $T/dir/a; echo x > $T/dir/a");
  in_both("touch $T/owners; rm $T/owners");
  in_both_as_app("touch $T/owners");
  in_both("mkdir -m 1777 $T/sticky; touch $T/sticky/f; mkdir -m 2755 $T/setgid; touch $T/setgid/f");
  let_settle();
  caught("conf", {.operation = "rename"});
  caught("again", {.operation = "create", .exe = "touch"});
  caught("dir/a", {.operation = "create"});
  EXPECT_TRUE(violations(tree_ / "owners").empty());
  EXPECT_EQ(owner(tree_ / "setgid/f"), kApp);
  EXPECT_EQ(owner(other_ / "1"), kApp);
}

}  // namespace
}  // namespace guard::test
