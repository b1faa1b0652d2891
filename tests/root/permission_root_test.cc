// Opens that wait for permission: which are denied, and which files are fixed before their opens
// return.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "policy/base/handle.h"
#include "tests/root/permission_fixture.h"
#include "tests/root/uring.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class Permission : public PermissionTest {};
GUARD_ON_EVERY_FS(Permission);
GUARD_ON_BTRFS_TOO(Permission);

TEST_P(Permission, ADeniedCreationLeavesNoFile) {
  guard_app("deny");
  start();
  const int kHow[] = {O_CREAT | O_WRONLY, O_CREAT | O_RDWR | O_APPEND, O_CREAT | O_EXCL | O_RDONLY,
                      O_CREAT | O_WRONLY | O_TRUNC};
  int number = 0;
  for (const int flags : kHow) {
    const auto name = "dir/new" + std::to_string(++number);
    EXPECT_EQ(error_of(name.c_str(), flags), EPERM) << flags;
    EXPECT_TRUE(disappears(name.c_str())) << flags;
    const auto record = last(name.c_str(), "denied");
    EXPECT_EQ(record["operation"], "create");
    EXPECT_EQ(record["guard"], "ownership");
    EXPECT_EQ(record["pid"], ::getpid());
    EXPECT_EQ(fs::path(record["exe"].get<std::string>()).filename(), "permission_root_test");
    EXPECT_FALSE(record.contains("reason")) << record;
  }
  EXPECT_EQ(error_of("dir", O_TMPFILE | O_WRONLY), EPERM);
  EXPECT_EQ(error_of_app("owners", O_CREAT | O_WRONLY), 0);
  EXPECT_EQ(owner(at("owners")), kApp);
  // Opening an existing file is no violation here.
  EXPECT_EQ(error_of("conf", O_RDWR), 0);
  EXPECT_EQ(error_of("conf", O_RDWR | O_CREAT), 0);
  EXPECT_EQ(text("conf"), "right\n");
  EXPECT_TRUE(violations(at("conf")).empty());
}

TEST_P(Permission, ADirectoryThatHasLeftIsNotGuarded) {
  guard_app("deny", "50ms", "guard = [\"ownership\", \"content\"]\n");
  start();
  EXPECT_EQ(error_of("dir/a", O_WRONLY), EPERM);
  fs::rename(at("dir"), other_ / "dir");
  EXPECT_EQ(Fd(::open((other_ / "dir/a").c_str(), O_WRONLY | O_CLOEXEC)) ? 0 : errno, 0);
  EXPECT_EQ(
      Fd(::open((other_ / "dir/new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0640)) ? 0 : errno,
      0);
  let_settle();
  EXPECT_TRUE(violations_below(other_).empty());
  fs::rename(other_ / "dir", at("dir"));
  EXPECT_TRUE(eventually([&] { return error_of("dir/a", O_WRONLY) == EPERM; }));
}

TEST_P(Permission, OtherSystemCallsThatOpenAreJudgedToo) {
  guard_app("deny", "50ms", "guard = [\"ownership\", \"content\"]\n");
  start();
  ::open_how how{};
  how.flags = O_CREAT | O_WRONLY;
  how.mode = 0600;
  const auto openat2 = [&](const char* name) {
    const Fd file(
        static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, at(name).c_str(), &how, sizeof how)));
    return file ? 0 : errno;
  };
  EXPECT_EQ(openat2("by_openat2"), EPERM);
  EXPECT_TRUE(disappears("by_openat2"));
  how = {};
  how.flags = O_WRONLY;
  EXPECT_EQ(openat2("conf"), EPERM);
  how.flags = O_RDONLY;
  EXPECT_EQ(openat2("conf"), 0);
  EXPECT_EQ(::creat(at("by_creat").c_str(), 0600), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_TRUE(disappears("by_creat"));
  Uring ring;
  if (ring.works()) {
    EXPECT_EQ(ring.openat(at("by_uring").c_str(), O_CREAT | O_WRONLY, 0600), -EPERM);
    EXPECT_TRUE(disappears("by_uring"));
    // Its flags cannot be read: judged as a write.
    EXPECT_EQ(ring.openat(at("conf").c_str(), O_WRONLY, 0), -EPERM);
  }
  // Through another mount, as from a container.
  const auto elsewhere = root() / "elsewhere";
  fs::create_directory(elsewhere);
  as_root("mount --bind $T " + elsewhere.string());
  EXPECT_EQ(::open((elsewhere / "conf").c_str(), O_WRONLY | O_CLOEXEC), -1);
  EXPECT_EQ(errno, EPERM);
  // The file of a report stays open for a moment.
  EXPECT_TRUE(eventually([&] { return ::umount(elsewhere.c_str()) == 0; }));
  EXPECT_EQ(text("conf"), "right\n");
}

TEST_P(Permission, TheContentGuardDeniesWritersOnly) {
  guard_app("deny", "50ms", "guard = [\"content\"]\n");
  start();
  for (const int flags : {O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_WRONLY | O_TRUNC,
                          O_RDONLY | O_TRUNC, O_WRONLY | O_CREAT | O_TRUNC})
    EXPECT_EQ(error_of("conf", flags), EPERM) << flags;
  EXPECT_EQ(text("conf"), "right\n");
  const auto record = last("conf", "denied");
  EXPECT_EQ(record["guard"], "content");
  EXPECT_EQ(record["size"], facts(at("conf")).st_size);
  EXPECT_TRUE(record.contains("mtime")) << record;
  EXPECT_TRUE(record.contains("ctime")) << record;
  EXPECT_EQ(error_of("conf", O_RDONLY), 0);
  EXPECT_EQ(error_of("dir", O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(error_of_app("conf", O_RDWR), 0);
  EXPECT_EQ(error_of("new", O_CREAT | O_WRONLY), 0);  // there is no content yet
  as_root("cat $T/conf > /dev/null && grep -q right $T/conf");
  // A change without an open is reported, not denied.
  ASSERT_EQ(::truncate(at("conf").c_str(), 2), 0);
  EXPECT_EQ(last("conf", "logged")["operation"], "truncate");
}

TEST_P(Permission, TheReadGuardDeniesReaders) {
  guard_app("deny", "50ms", "guard = [\"read\"]\n");
  start();
  EXPECT_EQ(error_of("conf", O_RDONLY), EPERM);
  EXPECT_EQ(error_of("conf", O_RDWR), EPERM);
  EXPECT_EQ(last("conf", "denied")["operation"], "read");
  EXPECT_EQ(error_of_app("conf", O_RDONLY), 0);
  EXPECT_EQ(error_of("conf", O_WRONLY), 0);
  EXPECT_EQ(error_of("conf", O_PATH), 0);
}

TEST_P(Permission, RulesExcludesAndAllowsApply) {
  guard_app("deny", "50ms",
            "guard = [\"ownership\", \"content\"]\nexclude = [\"free/**\", \"*.free\"]\n"
            "[[policy.rule]]\nmatch = [\"logged*\"]\naction = \"log\"\n"
            "[[policy.allow]]\nuser = 4343\n[[policy.allow]]\nuser = 4444\neffect = \"ignore\"\n");
  as_app(
      "mkdir -m 777 $T/free; echo x > $T/logged; echo x > $T/x.free; echo x > $T/free/x; "
      "chmod a+w $T/conf $T/logged $T/x.free $T/free/x");
  start();
  EXPECT_EQ(error_of("conf", O_WRONLY), EPERM);
  EXPECT_EQ(error_of("x.free", O_WRONLY), 0);
  EXPECT_EQ(error_of("free/x", O_WRONLY), 0);
  EXPECT_EQ(error_of("free/new", O_WRONLY | O_CREAT), 0);
  EXPECT_EQ(error_of("logged", O_WRONLY), 0);
  EXPECT_EQ(last("logged", "logged")["operation"], "write");
  EXPECT_EQ(error_as(4343, "conf", O_WRONLY), 0);
  EXPECT_EQ(last("conf", "logged")["fsuid"], 4343);
  const auto record = violations(at("conf")).size();
  EXPECT_EQ(error_as(4444, "conf", O_WRONLY), 0);
  EXPECT_EQ(error_as(4545, "conf", O_WRONLY), EPERM);
  EXPECT_TRUE(eventually([&] { return violations(at("conf")).size() == record + 1; }));
}

TEST_P(Permission, WhatCannotBeDeniedIsFixed) {
  if (on_lsm()) GTEST_SKIP() << "the LSM denies all of it";
  guard_app("deny");
  start();
  as_root("mkdir $T/made; ln -s conf $T/link; echo x > $O/x; mv $O/x $T/moved; chown 0 $T/conf");
  for (const auto* name : {"made", "link", "moved", "conf"})
    EXPECT_TRUE(becomes_apps(name)) << name;
  // A new directory of root's is guarded once it has been fixed.
  EXPECT_TRUE(eventually([&] {
    fs::remove(at("made/new"));  // it was let in before
    return error_of("made/new", O_CREAT | O_WRONLY) == EPERM;
  }));
}

TEST_P(Permission, TheOwnerIsFixedBeforeTheOpenReturns) {
  settings("[answer]\ndeadline = \"10s\"\n");  // late answers are another test's
  guard_app("fix", "10s", "fix_at = \"open\"\nfile_mode = \"0640\"\n");
  as_app("chmod 755 $T $T/dir");
  start();
  ::umask(0);
  const auto* wanted = std::getenv("GUARD_OPENS");                  // NOLINT(concurrency-mt-unsafe)
  const bool is_emulated = std::getenv("GUARD_KERNEL") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  // A race would not depend on the file system.
  const int usual = GetParam() == FsType::kTmpfs ? 50'000 : 5'000;
  const int tries = is_emulated ? 300 : wanted ? std::stoi(wanted) / 2 : usual;
  std::atomic<int> wrong = 0;
  const auto work = [&](int worker) {
    for (int i = 0; i < tries; ++i) {
      const auto path = at("dir") / (std::to_string(worker) + "." + std::to_string(i));
      const Fd file(::open(path.c_str(), O_CREAT | O_WRONLY | (i % 2 ? O_EXCL : O_TRUNC), 0666));
      struct stat seen {};
      if (!file || ::fstat(file.get(), &seen) != 0 || seen.st_uid != kApp || seen.st_gid != kApp ||
          (seen.st_mode & 07777) != 0640 || ::write(file.get(), "x", 1) != 1)
        ++wrong;
      if (i % 3) ::unlink(path.c_str());
    }
  };
  std::thread first(work, 1);
  std::thread second(work, 2);
  first.join();
  second.join();
  ::umask(022);
  EXPECT_EQ(wrong, 0);
  const auto record = last("dir/1.0", "fixed");
  EXPECT_EQ(record["operation"], "create");
  EXPECT_EQ(record["uid_before"], 0);
  EXPECT_EQ(record["uid_after"], kApp);
  EXPECT_EQ(record["mode_before"], "0666");
  EXPECT_EQ(record["mode_after"], "0640");
  const Fd nameless(::open(at("dir").c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  struct stat seen {};
  ASSERT_EQ(::fstat(nameless.get(), &seen), 0);
  EXPECT_EQ(seen.st_uid, kApp);
}

}  // namespace
}  // namespace guard::test
