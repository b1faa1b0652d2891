// What guardd knows of the files that real tools leave behind as root. All are private, so that
// only what guardd saw happen to them counts. A file without evidence stays root's, and is
// reported.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

// As the room evidence/ calls them.
enum class Evidence {
  kNone,
  kBornHere,
  kBornHereIfSeen,  // or none: see the row
  kWasTheOwners,
  kBroughtByRoot
};

struct Row {
  std::string tool;  // and the name of its directory in the tree and outside
  std::vector<std::string> needs = {};
  std::string prepare = "";  // as root in $O/TOOL, with umask 077, before guardd starts
  std::string own = "";      // as the owner in $T/TOOL, with umask 077, before guardd starts
  std::string command = "";  // as root in $T/TOOL, with umask 077; $S is $O/TOOL
  std::vector<std::string> paths = {};  // in $T/TOOL; none: everything there
  Evidence fanotify = Evidence::kBornHere;
  Evidence lsm = Evidence::kBornHere;
};

// First what the tools create, then what they bring from elsewhere, then what they take.
const std::vector<Row>& rows() {
  using enum Evidence;
  static const std::vector<Row> all{
      {"sh", {}, "", "", "echo x > f; mkdir -p a/b; echo x > a/b/f; echo x | tee t > t2"},
      {"cp", {}, "mkdir d; echo x > d/f; echo x > f", "", "cp $S/f .; cp -r $S/d r"},
      {"cp-a", {}, "echo x > f; chown 5001 f", "", "cp -a $S/f ."},
      // What is in a new directory that is given to another user than root before guardd watches
      // it. The LSM has no evidence of the directory itself: from then on, others may fill it.
      {"cp-a-directory", {}, "mkdir d; chown 5001 d", "", "cp -a $S/d .", {"d"}, kBornHere, kNone},
      {"cp-a-contents",
       {},
       "mkdir d; echo x > d/f; chown -R 5001 d",
       "",
       "cp -a $S/d .",
       {},
       kBornHereIfSeen,
       kBornHereIfSeen},
      {"install", {}, "echo x > f", "", "install -m 600 $S/f .; install -D -m 600 $S/f d/e/f"},
      {"mktemp", {}, "", "", "f=$(mktemp -p .); echo x > $f; mv $f f; mktemp -d -p . > /dev/null"},
      {"sed-i", {}, "", "", "echo x > f; sed -i s/x/y/ f"},
      {"perl-i", {"perl"}, "", "", "echo x > f; perl -pi -e s/x/y/ f"},
      {"dd", {}, "", "", "dd if=/dev/zero of=f bs=1k count=1 status=none; truncate -s 1k s"},
      {"gzip", {"gzip"}, "", "", "echo x > f; gzip f"},
      {"tar", {"tar"}, "mkdir d; echo x > d/f; tar cf a.tar d", "", "tar xf $S/a.tar"},
      {"tar-same-owner",
       {"tar"},
       "mkdir d; echo x > d/f; chown -R 5001:5001 d; tar cf a.tar d",
       "",
       "tar xpf $S/a.tar --same-owner",
       {},
       kBornHereIfSeen,
       kBornHereIfSeen},
      {"cpio", {"cpio"}, "", "", "echo x > f; echo f | cpio -pdm --quiet d"},
      {"unzip",
       {"zip", "unzip"},
       "mkdir d; echo x > d/f; zip -qr a.zip d",
       "",
       "unzip -q $S/a.zip"},
      {"rsync",
       {"rsync"},
       "mkdir d; echo x > d/f",
       "",
       "rsync -a $S/d .; rsync -rt $S/d/ e; rsync -a --inplace $S/d/f i"},
      {"rsync-owner",
       {"rsync"},
       "mkdir d; echo x > d/f; chown -R 5001 d",
       "",
       "rsync -a $S/d .",
       {},
       kBornHereIfSeen,
       kBornHereIfSeen},
      // git gives a pack its name by a link, and then removes the first name.
      {"git",
       {"git"},
       "git init -q r; cd r; echo x > f; mkdir d; echo x > d/g; git add .; "
       "git -c user.name=r -c user.email=r@example.org commit -qm one",
       "",
       "git clone -q file://$S/r r",
       {"r", "r/f", "r/d", "r/d/g", "r/.git", "r/.git/HEAD", "r/.git/config", "r/.git/index"}},
      {"git-packs",
       {"git"},
       "git init -q r; cd r; echo x > f; git add .; "
       "git -c user.name=r -c user.email=r@example.org commit -qm one",
       "",
       "git clone -q file://$S/r r",
       {},
       kBornHereIfSeen},
      {"git-commit",
       {"git"},
       "",
       "HOME=. git init -q r",
       "cd r; echo x > f; export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory "
       "GIT_CONFIG_VALUE_0='*'; git add f; "
       "git -c user.name=r -c user.email=r@example.org commit -qm one",
       {"r/f", "r/.git/index", "r/.git/COMMIT_EDITMSG"}},
      {"vim",
       {"vim"},
       "",
       "",
       "vim -es -u NONE -c 'normal ix' -c wq f; "
       "vim -es -u NONE -c 'set backup backupcopy=no' -c 'normal iy' -c wq f"},
      {"ed", {"ed"}, "", "", "printf 'a\\nx\\n.\\nw\\nq\\n' | ed -s f"},
      {"dpkg-deb",
       {"dpkg-deb"},
       "mkdir -m 755 -p p/DEBIAN p/d; echo x > p/d/f; printf 'Package: t\\nVersion: 1\\n"
       "Architecture: all\\nMaintainer: t <t@example.org>\\nDescription: t\\n' > p/DEBIAN/control; "
       "dpkg-deb -b p p.deb > /dev/null",
       "",
       "dpkg-deb -x $S/p.deb e"},
      {"python",
       {"python3"},
       "echo x > f",
       "",
       "python3 -c 'import os, shutil, tempfile\n"
       "with tempfile.NamedTemporaryFile(dir=\".\", delete=False) as f: f.write(b\"x\")\n"
       "os.replace(f.name, \"replaced\")\n"
       "shutil.copy(os.environ[\"S\"] + \"/f\", \"copied\")'"},
      {"ssh-keygen", {"ssh-keygen"}, "", "", "ssh-keygen -q -t ed25519 -N '' -f key"},
      {"openssl", {"openssl"}, "", "", "openssl genpkey -quiet -algorithm ed25519 -out key"},
      {"sqlite3",
       {"sqlite3"},
       "",
       "",
       "sqlite3 db 'pragma journal_mode=wal; create table t(a)' > /dev/null"},
      {"redis",
       {"redis-server"},
       "",
       "",
       "redis-server --port 0 --appendonly yes --dir . > /dev/null & sleep 2; kill $!; wait"},
      {"mysql",
       {"mysqld"},
       "",
       "",
       "mysqld --no-defaults --user=root --initialize-insecure --datadir=$PWD/data 2> /dev/null"},
      // Another file system: mv copies.
      {"mv-across", {}, "echo x > /media/private-x", "", "mv /media/private-x f"},
      {"mv", {}, "echo x > f", "", "mv $S/f f", {"f"}, kNone, kBroughtByRoot},
      {"mv-directory",
       {},
       "mkdir -p d/e; echo x > d/e/f",
       "",
       "mv $S/d d",
       {"d", "d/e", "d/e/f"},
       kNone,
       kBroughtByRoot},
      // Another name for a file outside, which stays there.
      {"ln", {}, "echo x > f", "", "ln $S/f f", {"f"}, kNone, kNone},
      {"chown", {}, "", "echo x > f", "chown root:root f", {}, kWasTheOwners, kWasTheOwners},
      {"chown-R",
       {},
       "",
       "mkdir d; echo x > d/f",
       "chown -R root:root d",
       {},
       kWasTheOwners,
       kWasTheOwners},
  };
  return all;
}

class EvidenceOf : public DaemonTest {
 protected:
  // All of it.
  std::vector<std::filesystem::path> paths_of(const Row& row) const {
    const auto directory = tree_ / row.tool;
    std::vector<std::filesystem::path> paths;
    for (const auto& each : row.paths) paths.push_back(directory / each);
    if (paths.empty())
      for (const auto& each : std::filesystem::recursive_directory_iterator(directory))
        paths.push_back(each.path());
    return paths;
  }
  static bool is_apps(const std::filesystem::path& path) {
    const auto now = facts(path);
    return now.st_uid == kApp && now.st_gid == kApp;
  }
  // In $T/TOOL.
  void in_directory_of(const Row& row, const std::string& command, bool is_owner = false) const {
    if (command.empty()) return;
    ASSERT_EQ(::setenv("S", (other_ / row.tool).c_str(), 1), 0);
    const auto all = "umask 077; cd $T/" + row.tool + "; " + command;
    is_owner ? as_app(all) : as_root(all);
  }
  void becomes_apps_or_is_reported(const std::filesystem::path& path) const {
    EXPECT_TRUE(eventually([&] { return is_apps(path) || !violations(path).empty(); })) << path;
    if (is_apps(path)) return;
    for (const auto& record : violations(path)) EXPECT_EQ(record["action"], "skipped") << record;
  }
  void stays(const std::filesystem::path& path) const {
    EXPECT_TRUE(eventually([&] { return !violations(path).empty(); })) << path;
    for (const auto& record : violations(path)) EXPECT_EQ(record["action"], "skipped") << record;
    EXPECT_NE(owner(path), kApp) << path;
  }
  // All at once, because there can be many.
  void become_apps(const std::vector<std::filesystem::path>& paths) const {
    ASSERT_FALSE(paths.empty());
    std::size_t done = 0;
    const auto go_on = [&] {
      while (done < paths.size() && is_apps(paths[done])) ++done;
      return done == paths.size();
    };
    if (eventually(go_on)) return;
    const auto& left = paths[done];
    ADD_FAILURE() << left << ' ' << Json(violations(left)).dump(1);
  }
};
INSTANTIATE_TEST_SUITE_P(On, EvidenceOf, testing::Values(FsType::kTmpfs, FsType::kExt4),
                         [](const auto& each) { return name_of(each.param); });
GUARD_ON_BTRFS_TOO(EvidenceOf);

TEST_P(EvidenceOf, EachTool) {
  ASSERT_EQ(::setenv("HOME", other_.c_str(), 1), 0);
  std::vector<const Row*> installed;
  for (const auto& row : rows()) {
    const auto absent = missing(row.needs);
    if (!absent.empty()) {
      std::cout << row.tool << ": " << absent << " is not installed\n";
      continue;
    }
    installed.push_back(&row);
    as_app("mkdir -m 755 $T/" + row.tool);
    as_root("umask 077; mkdir $O/" + row.tool + "; cd $O/" + row.tool + "; " + row.prepare);
    in_directory_of(row, row.own, true);
  }
  guard_app("fix", "1s");
  start();
  for (const auto* row : installed) in_directory_of(*row, row->command);
  let_settle();
  for (const auto* row : installed) {
    SCOPED_TRACE(row->tool);
    const auto paths = paths_of(*row);
    const auto evidence = on_lsm() ? row->lsm : row->fanotify;
    if (evidence == Evidence::kNone) {
      for (const auto& path : paths) stays(path);
    } else if (evidence == Evidence::kBornHereIfSeen) {
      for (const auto& path : paths) becomes_apps_or_is_reported(path);
    } else {
      become_apps(paths);
    }
  }
}

// Many more than guardd looks at in one go, in directories that it did not know before.
class EvidenceOfMany : public EvidenceOf {};
INSTANTIATE_TEST_SUITE_P(On, EvidenceOfMany, testing::Values(FsType::kTmpfs),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(EvidenceOfMany, TwentyThousandPrivateFiles) {
  as_app("mkdir $T/many");
  guard_app("fix", "100ms");
  start();
  as_root(
      "umask 077; cd $T/many; for d in $(seq 100); do mkdir $d; (cd $d; seq 200 | xargs touch); "
      "done");
  const Row many{.tool = "many"};
  const auto paths = paths_of(many);
  EXPECT_EQ(paths.size(), 20'100U);
  become_apps(paths);
}

}  // namespace
}  // namespace guard::test
