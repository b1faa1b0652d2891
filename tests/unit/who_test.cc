// Records as text, labels, units, and a simulated /proc.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "guardd/host/files.h"
#include "guardd/who/labels.h"
#include "guardd/who/proc.h"
#include "guardd/who/processes.h"
#include "guardd/who/traced_process.h"
#include "tests/unit/direct_port.h"

namespace guard {
namespace {

using namespace std::string_literals;

EnumSet<Label> only(Label label) {
  return {label};
}

TEST(Labels, KnowProgramsInSystemDirectories) {
  EXPECT_EQ(labels_of("/usr/bin/dpkg", ""), only(Label::kPackageManager));
  EXPECT_EQ(labels_of("/sbin/apk", ""), only(Label::kPackageManager));
  EXPECT_EQ(labels_of("/usr/bin/restic", ""), only(Label::kBackup));
  EXPECT_EQ(labels_of("/opt/puppetlabs/puppet/bin/puppet", ""), only(Label::kConfigManagement));
  EXPECT_TRUE(labels_of("/srv/joe/dpkg", "").empty());
  EXPECT_TRUE(labels_of("/usr/bin/dpkg-query", "").empty());
  EXPECT_TRUE(labels_of("dpkg", "").empty());
  EXPECT_TRUE(labels_of("", "").empty());
}

TEST(Labels, AreFoundForAllListedPaths) {
  const auto paths = labelled_paths();
  EXPECT_GT(paths.size(), 100U);
  for (const auto& [path, label] : paths) EXPECT_TRUE(labels_of(path, "").has(label)) << path;
}

TEST(Labels, KnowScriptsByTheArgumentOfTheInterpreter) {
  const auto manager = only(Label::kPackageManager);
  EXPECT_EQ(labels_of("/usr/bin/python3.11", "python3\0/usr/bin/unattended-upgrade\0-d\0"s),
            manager);
  EXPECT_EQ(labels_of("/usr/bin/python3", "python3\0-sP\0/usr/bin/dnf\0"s), manager);
  EXPECT_EQ(labels_of("/usr/bin/python3", "x\0/usr/bin/ansible-playbook\0"s),
            only(Label::kConfigManagement));
  EXPECT_EQ(labels_of("/usr/bin/perl", "perl\0-w\0/usr/bin/rsnapshot\0"s), only(Label::kBackup));
}

TEST(Labels, AreNotGivenForNamingAScriptWithoutRunningIt) {
  EXPECT_TRUE(labels_of("/usr/bin/python3", "python3\0-c\0/usr/bin/dnf\0"s).empty());
  EXPECT_TRUE(labels_of("/usr/bin/python3", "python3\0-mx\0/usr/bin/dnf\0"s).empty());
  EXPECT_TRUE(labels_of("/usr/bin/perl", "perl\0-e1\0/usr/bin/rsnapshot\0"s).empty());
  EXPECT_TRUE(labels_of("/usr/bin/python3", "python3\0x.py\0/usr/bin/dnf\0"s).empty());
  EXPECT_TRUE(labels_of("/usr/bin/python3", "/usr/bin/dnf\0"s).empty());
  EXPECT_TRUE(labels_of("/usr/bin/vim", "vim\0/usr/bin/dnf\0"s).empty());
  EXPECT_TRUE(labels_of("/usr/bin/perl", "perl\0-E\0/usr/bin/rsnapshot\0"s).empty());
}

TEST(Labels, AreOnlyForProgramsThatOnlyRootCanChange) {
  EXPECT_TRUE(is_trusted(0, 0100755));
  EXPECT_FALSE(is_trusted(1000, 0100755));
  EXPECT_FALSE(is_trusted(0, 0100775));
  EXPECT_FALSE(is_trusted(0, 0100757));
}

TEST(ControlGroup, NamesTheUnitAndTheSlice) {
  const auto service = read_control_group("/system.slice/apt-daily.service");
  EXPECT_EQ(service.unit, "apt-daily.service");
  EXPECT_EQ(service.slice, "system.slice");
  const auto session = read_control_group("/user.slice/user-1000.slice/session-3.scope");
  EXPECT_EQ(session.unit, "session-3.scope");
  EXPECT_EQ(session.slice, "user-1000.slice");
  const auto app = read_control_group(
      "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope/inner");
  EXPECT_EQ(app.unit, "app-x.scope");
  EXPECT_EQ(app.slice, "app.slice");
  EXPECT_EQ(read_control_group("/system.slice/_cgroup.service").unit, "cgroup.service");
  EXPECT_EQ(read_control_group("/").unit, "");
  EXPECT_EQ(read_control_group("").unit, "");
}

TEST(ControlGroup, IsKnownFromTheTracer) {
  ControlGroups groups("/nowhere");
  EXPECT_EQ(groups.find(0), nullptr);
  EXPECT_EQ(groups.find(5), nullptr);
  groups.add(5, "/system.slice/a.service");
  EXPECT_EQ(groups.find(5)->unit, "a.service");
  for (std::uint64_t id = 10; id < 20000; ++id) groups.add(id, "/x");
  EXPECT_EQ(groups.find(5), nullptr) << "bounded";
  EXPECT_NE(groups.find(19999), nullptr);
}

TEST(Record, APathIsJoinedFromItsLastName) {
  TracedPath path{};
  path.whole = 1;
  EXPECT_EQ(path_of(path), "/");
  std::memcpy(path.names, "touch\0bin\0usr", 14);
  path.length = 14;
  EXPECT_EQ(path_of(path), "/usr/bin/touch");
  path.whole = 0;
  EXPECT_FALSE(path_of(path));
}

TEST(Record, ACommandLineHasOneSpaceBetweenItsArguments) {
  EXPECT_EQ(command_line("true\0a\0b c\0"s, 11), "true a 'b c'");
  EXPECT_EQ(command_line("true\0\0x\0"s, 8), "true '' x");
  EXPECT_EQ(command_line("sh\0-c\0echo x > f\0"s, 15), "sh -c 'echo x > f'");
  EXPECT_EQ(command_line("echo\0it's\0{}\0a=b\0"s, 17), R"(echo 'it'\''s' {} a=b)");
  EXPECT_EQ(command_line("nginx: master process /usr/sbin/nginx;\0\0\0"s, 41),
            "nginx: master process /usr/sbin/nginx;");
  EXPECT_FALSE(command_line("", 0));
  EXPECT_EQ(command_line("true\0abc"s, 900), "true abc…");
  EXPECT_EQ(command_line(std::string(600, 'x'), 600), std::string(512, 'x') + "…");
  // Quotes make it longer.
  EXPECT_EQ(command_line(std::string(200, '\''), 200)->size(), 512 + std::string("…").size());
}

TEST(Terminal, HasItsDeviceName) {
  EXPECT_EQ(terminal_name(136U << 20 | 3), "pts/3");
  EXPECT_EQ(terminal_name(136U << 20 | 300), "pts/300");
  EXPECT_EQ(terminal_name(137U << 20 | 1), "pts/257");
  EXPECT_EQ(terminal_name(4U << 20 | 1, "/nowhere"), "4:1");
}

class FakeProc : public testing::Test {
 protected:
  static std::filesystem::path make_root() {
    std::string name = testing::TempDir() + "guard-proc-XXXXXX";
    return ::mkdtemp(name.data());
  }
  ~FakeProc() override { std::filesystem::remove_all(root_); }

  void write(int pid, const std::string& name, const std::string& text) {
    const auto directory = root_ / std::to_string(pid);
    std::filesystem::create_directories(directory);
    std::ofstream(directory / name) << text;
  }

  void make(int pid, int parent, const std::string& comm = "name", char state = 'S') {
    const auto text = std::to_string(pid);
    write(pid, "stat",
          text + " (" + comm + ") " + state + " " + std::to_string(parent) +
              " 1 1 34819 0 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n");
    write(pid, "status",
          "Name:\t" + comm + "\nTgid:\t" + text +
              "\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n");
    write(pid, "cgroup", "1:name=systemd:/legacy\n0::/system.slice/a.service\n");
    write(pid, "cmdline", "name\0a b\0"s);
    write(pid, "loginuid", "4294967295");
    write(pid, "sessionid", "4294967295");
    std::filesystem::create_symlink("/srv/app", root_ / text / "cwd");
  }

  ProcessesOptions options() const {
    ProcessesOptions options;
    options.tracer = false;
    options.proc = root_;
    return options;
  }

  const std::filesystem::path root_ = make_root();
  DirectPort port_{{root_, "/nowhere", {}}};
};

TEST_F(FakeProc, IsReadInFull) {
  make(42, 7);
  const auto seen = Proc(root_).read_ids(42);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->start, 500 * kTick);
  EXPECT_EQ(seen->parent, 7);
  EXPECT_EQ(seen->comm, "name");
  EXPECT_EQ(seen->uid, Uid{1});
  EXPECT_EQ(seen->euid, Uid{2});
  EXPECT_EQ(seen->fsuid, Uid{4});
  EXPECT_EQ(seen->gid, Gid{8});
  EXPECT_EQ(seen->groups, (std::vector<Gid>{Gid{9}, Gid{10}}));
  EXPECT_FALSE(seen->login);
  EXPECT_FALSE(seen->session);
  EXPECT_EQ(terminal_name(seen->tty), "pts/3");
  const auto facts = Proc(root_).read_facts(42, 500 * kTick, true);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->comm, "name");
  EXPECT_EQ(facts->cwd, "/srv/app");
  EXPECT_EQ(facts->image->cmdline, "name 'a b'");
  EXPECT_FALSE(facts->image->exe);
  EXPECT_EQ(facts->cgroup, "/system.slice/a.service");
  EXPECT_FALSE(Proc(root_).read_facts(42, 500 * kTick, false)->image);
  EXPECT_FALSE(Proc(root_).read_facts(42, 600 * kTick, true)) << "it started at another time";
}

TEST_F(FakeProc, ANameCanContainAnything) {
  make(42, 7, "a) S 1 (b");
  EXPECT_EQ(Proc(root_).read_ids(42)->parent, 7);
}

TEST_F(FakeProc, ALoginIsPresentIfSet) {
  make(42, 7);
  write(42, "loginuid", "0");
  EXPECT_EQ(Proc(root_).read_ids(42)->login, Uid{0});
}

TEST_F(FakeProc, OnlyLivingProcessesAreRead) {
  make(42, 7, "name", 'Z');
  make(43, 7);
  write(43, "status", "Name:\tx\nTgid:\t42\n");  // a thread of another
  make(44, 7);
  write(44, "stat", "44 (x");
  const Proc proc(root_);
  for (const int pid : {41, 42, 43, 44}) EXPECT_FALSE(proc.read_ids(pid)) << pid;
}

TEST_F(FakeProc, IsCompleteOnceAHelperHasAnswered) {
  make(1, 0, "init");
  make(42, 1);
  Processes who(port_, options());
  port_.be_silent();
  make(43, 42);
  const auto found = who.find(43);
  ASSERT_TRUE(found->known());
  EXPECT_FALSE(found->is_complete());
  EXPECT_EQ(found->snapshot().fsuid, Uid{4}) << "ids are known at once";
  EXPECT_EQ(who.find(43), found) << "it was not asked for again";
  port_.answer();
  EXPECT_TRUE(found->is_complete());
  EXPECT_FALSE(found->is_delayed());
  EXPECT_EQ(found->actor().cmdline, "name 'a b'");
  EXPECT_EQ(found->actor().unit, "a.service");
  ASSERT_EQ(found->lineage()->size(), 2U);
  EXPECT_EQ(found->lineage()->front()->image->cmdline, "name 'a b'");
}

TEST_F(FakeProc, IsWhatIsKnownWhenTheTimeIsOver) {
  make(42, 7);
  Processes who(port_, options());
  port_.be_silent();
  make(43, 42);
  const auto found = who.find(43);
  port_.time_out();
  EXPECT_TRUE(found->is_complete());
  EXPECT_TRUE(found->is_delayed());
  EXPECT_EQ(found->actor().comm, "name");
  EXPECT_EQ(found->actor().fsuid, Uid{4});
  EXPECT_FALSE(found->actor().cmdline);
  EXPECT_FALSE(found->subject().self.exe) << "no exemption by what it may have been";
}

// What a process was before says nothing of what it is now, unless a helper says so.
TEST_F(FakeProc, AnOldExecutableIsNotTheOneThatActed) {
  make(42, 7);
  Processes who(port_, options());
  EXPECT_EQ(who.find(42)->actor().cmdline, "name 'a b'");
  port_.be_silent();
  ::usleep(2 * Processes::kFresh / 1000);
  const auto found = who.find(42);
  write(42, "status", "Name:\tother\nTgid:\t42\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n");
  port_.answer();
  EXPECT_TRUE(found->is_complete());
  EXPECT_EQ(found->actor().comm, "name");
  EXPECT_FALSE(found->actor().cmdline) << "that of another program, which it runs now";
}

TEST_F(FakeProc, TooManyProcessesForOneAnswerAreStillAllListed) {
  for (int pid = 10; pid < 300; ++pid) {
    make(pid, 1);
    write(pid, "cmdline", std::string(500, 'x'));
  }
  Processes who(port_, options());
  EXPECT_FALSE(who.is_listing());
  EXPECT_EQ(who.table().living().size(), 290U);
}

TEST_F(FakeProc, ReplacesTheTracerUntilTheProcessEnds) {
  make(1, 0, "init");
  make(42, 1);
  Processes who(port_, options());
  const auto found = who.find(42);
  ASSERT_TRUE(found->known());
  ASSERT_TRUE(found->lineage());
  EXPECT_EQ(found->lineage()->front()->comm, "init");
  std::filesystem::remove_all(root_ / "42");
  EXPECT_EQ(who.find(42)->actor().cmdline, "name 'a b'") << "known after its end";
  EXPECT_FALSE(who.find(43)->known());
  make(43, 42);
  EXPECT_TRUE(who.find(43)->known());
  EXPECT_FALSE(who.find(43, 4 * kTick)->known()) << "it had not started then";
}

}  // namespace
}  // namespace guard
