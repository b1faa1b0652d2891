// guardctl exec: it runs a command as the owner of a policy, without any root privileges. On a
// terminal, the command cannot read or type into it, and job control works as usual.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>

#include "policy/base/handle.h"
#include "tests/root/scratch_fs.h"

namespace guard::test {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

struct CommandResult {
  int status = -1;
  std::string text;  // of both streams
};

const std::string kPrompt = "ready> ";

std::string read_until_end(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto got = ::read(fd, buffer.data(), buffer.size());
    if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) return text;
  }
}

// Runs the command like a service, without a terminal.
CommandResult run(const std::string& command) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const Fd from(ends[0]);
  Fd to(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    (void)::setsid();
    const int nothing = ::open("/dev/null", O_RDONLY);
    (void)::dup2(nothing, 0);
    (void)::dup2(to.get(), 1);
    (void)::dup2(to.get(), 2);
    ::execl("/bin/bash", "bash", "-c", command.c_str(), nullptr);
    ::_exit(99);
  }
  to.reset();
  CommandResult said;
  said.text = read_until_end(from.get());
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  said.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return said;
}

// A user at a terminal of 33 rows and 77 columns, with a shell that has job control.
class Person {
 public:
  explicit Person(const std::string& directory) {
    winsize size{33, 77, 0, 0};
    int master = -1;
    pid_ = ::forkpty(&master, nullptr, nullptr, &size);
    if (pid_ == 0) {
      (void)::setenv("PS1", kPrompt.c_str(), 1);
      (void)::setenv("TERM", "dumb", 1);
      if (::chdir(directory.c_str()) == 0)
        ::execl("/bin/bash", "bash", "--norc", "--noprofile", "--noediting", "-i", nullptr);
      ::_exit(99);
    }
    master_ = Fd(master);
    (void)::fcntl(master, F_SETFD, FD_CLOEXEC);
  }
  ~Person() {
    (void)::kill(-pid_, SIGKILL);
    master_.reset();
    (void)::waitpid(pid_, nullptr, 0);
  }
  Person(const Person&) = delete;
  Person& operator=(const Person&) = delete;

  void press(const std::string& keys) const {
    ASSERT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  void type(const std::string& line) {
    seen_.clear();
    press(line + "\n");
  }
  // Does the text appear after the last line that was typed?
  bool sees(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (seen_.find(text) == std::string::npos) {
      pollfd more{master_.get(), POLLIN, 0};
      if (std::chrono::steady_clock::now() > end || ::poll(&more, 1, 20'000) != 1) return false;
      std::array<char, 4096> buffer{};
      const auto got = ::read(master_.get(), buffer.data(), buffer.size());
      if (got <= 0) return false;
      seen_.append(buffer.data(), static_cast<std::size_t>(got));
      // The prompt may come before or after the echo.
      for (auto at = seen_.find(kPrompt); at != std::string::npos; at = seen_.find(kPrompt))
        seen_.erase(at, kPrompt.size());
    }
    return true;
  }
  // Types a line and waits for an answer that is not its echo.
  bool answers(const std::string& line, const std::string& answer) {
    type(line);
    return sees("\n" + answer);
  }
  void resize(unsigned short rows, unsigned short columns) const {
    const winsize size{rows, columns, 0, 0};
    ASSERT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
  }
  termios settings() const {
    termios now{};
    (void)::tcgetattr(master_.get(), &now);
    return now;
  }
  const std::string& seen() const { return seen_; }

 private:
  pid_t pid_ = -1;
  Fd master_;
  std::string seen_;
};

class Exec : public ScratchFsTest {
 protected:
  void SetUp() override {
    ScratchFsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    tree_ = root() / "tree";
    fs::create_directories(root() / "policies");
    fs::create_directories(root() / "only-root");
    fs::create_directories(tree_);
    ASSERT_EQ(::chmod(root().c_str(), 0755), 0);
    ASSERT_EQ(::chmod((root() / "only-root").c_str(), 0700), 0);
    ASSERT_EQ(::chown(tree_.c_str(), 4242, 4242), 0);
    // Only this test sees these files.
    replace("/etc/passwd", "root:x:0:0::/root:/bin/sh\nshop:x:4242:4242:Shop:" + tree_.string() +
                               ":/usr/sbin/nologin\nmail2:x:4242:4300::/nowhere:\n");
    replace("/etc/group",
            "root:x:0:\nshop:x:4242:\nwww:x:4300:shop\nextra:x:4301:shop\nforeign:x:4302:\n");
    policy("shop", "shop", "group = \"www\"\nfile_mode = \"0640\"");
  }
  void TearDown() override {
    for (const auto& path : replaced_) (void)::umount2(path.c_str(), MNT_DETACH);
    ScratchFsTest::TearDown();
  }

  void replace(const std::string& path, const std::string& text) {
    const auto own = root() / fs::path(path).filename();
    std::ofstream(own) << text;
    ASSERT_EQ(::mount(own.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
    replaced_.push_back(path);
  }
  void policy(const std::string& name, const std::string& owner, const std::string& more = "") {
    const auto path = name == "shop" ? tree_ : root() / ("tree-" + name);
    std::ofstream(root() / "policies" / (name + ".toml"))
        << "[[policy]]\nname = \"" << name << "\"\npaths = [\"" << path.string()
        << "\"]\nowner = " << (owner.front() < 'a' ? owner : '"' + owner + '"') << '\n'
        << more << '\n';
  }
  std::string guardctl() const {
    return std::string(GUARDCTL) + " --policy-dir " + (root() / "policies").string();
  }
  // Runs in the directory of the test, which the owner may enter.
  CommandResult shop(const std::string& command) const {
    return run("cd " + root().string() + "; " + guardctl() + " exec " + command);
  }

  fs::path tree_;

 private:
  std::vector<std::string> replaced_;
};
INSTANTIATE_TEST_SUITE_P(On, Exec, testing::Values(FsType::kTmpfs),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(Exec, HasTheIdsOfTheOwnerOnly) {
  const auto said =
      shop("shop -- grep -E '^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)):' /proc/self/status");
  EXPECT_EQ(said.status, 0);
  EXPECT_EQ(said.text,
            "Uid:\t4242\t4242\t4242\t4242\nGid:\t4300\t4300\t4300\t4300\nGroups:\t4242 4300 4301 \n"
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
            "CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
}

TEST_P(Exec, KeepsNoInheritableCapability) {
  const auto said =
      run("setpriv --inh-caps +chown,+sys_admin --ambient-caps +chown,+sys_admin " + guardctl() +
          " exec -q shop -- grep -E '^Cap(Inh|Prm|Eff|Amb):' /proc/self/status");
  EXPECT_EQ(said.text,
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
            "CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
}

TEST_P(Exec, CreatesFilesAsThePolicyWants) {
  EXPECT_EQ(shop("shop -- sh -c 'mkdir tree/dir && echo x > tree/dir/file'").text, "");
  EXPECT_EQ(
      run("stat -c '%u:%g %a' " + tree_.string() + "/dir " + tree_.string() + "/dir/file").text,
      "4242:4300 750\n4242:4300 640\n");
}

TEST_P(Exec, TakesTheMaskFromTheModes) {
  policy("none", "shop");
  policy("both", "shop", "file_mode = \"0664\"\ndir_mode = \"2770\"");
  policy("tight", "shop", "file_mode = \"0400\"");
  policy("dirs", "shop", "dir_mode = \"0755\"");
  EXPECT_EQ(shop("none -- sh -c umask").text, "0022\n");
  EXPECT_EQ(shop("both -- sh -c umask").text, "0007\n");
  EXPECT_EQ(shop("tight -- sh -c umask").text, "0077\n");
  EXPECT_EQ(shop("dirs -- sh -c umask").text, "0022\n");
}

TEST_P(Exec, GivesNoForeignGroupToTheOwner) {
  policy("foreign", "shop", "group = \"foreign\"");
  const auto said = shop("foreign -- sh -c 'id -g; id -G'");
  EXPECT_EQ(said.text,
            "guardctl: shop is not a member of the group foreign that the policy wants: new files "
            "get its own group\n4242\n4242 4300 4301\n");
  EXPECT_EQ(shop("foreign -q -- id -g").text, "4242\n");
}

TEST_P(Exec, WorksForOwnersWithoutAnAccount) {
  policy("number", "4999", "group = 4998");
  const auto said =
      shop("number -- sh -c 'id -u; id -G; echo $HOME; env | grep -c -e USER -e LOGNAME'");
  EXPECT_EQ(said.text, "4999\n4998\n/\n0\n");
}

TEST_P(Exec, HasACleanEnvironment) {
  const auto said = run("cd " + root().string() +
                        "; env -i PATH=/evil LD_PRELOAD= SECRET=x BASH_ENV=x TERM=xterm LC_TIME=C "
                        "TZ=UTC NO_COLOR=1 USER=root SUDO_USER=alice " +
                        guardctl() + " exec shop -- /usr/bin/env | sort");
  EXPECT_EQ(said.text, "HOME=" + tree_.string() +
                           "\nLC_TIME=C\nLOGNAME=shop\nNO_COLOR=1\nPATH=/usr/local/sbin:"
                           "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nSHELL=/usr/sbin/nologin"
                           "\nTERM=xterm\nTZ=UTC\nUSER=shop\n");
}

TEST_P(Exec, RunsOnlyWhereTheOwnerMayEnter) {
  EXPECT_EQ(shop("shop -- pwd").text, root().string() + "\n");
  const auto in_secret =
      "cd " + (root() / "only-root").string() + "; mkdir -p open; chmod 777 open; cd open; ";
  const auto said = run(in_secret + guardctl() + " exec shop -- sh -c 'pwd; ls'");
  EXPECT_EQ(said.text, "guardctl: the owner may not enter " + (root() / "only-root/open").string() +
                           "; the command runs in " + tree_.string() + "\n" + tree_.string() +
                           "\n");
  EXPECT_EQ(run(in_secret + guardctl() + " exec -q shop -- pwd").text, tree_.string() + "\n");
}

TEST_P(Exec, PassesOnOnlyTheStandardStreams) {
  const auto said = run("cd " + root().string() + "; exec 7</etc/shadow 200</etc/shadow; " +
                        guardctl() + " exec shop -- sh -c 'ls /proc/$$/fd'");
  EXPECT_THAT(said.text, Not(HasSubstr("7")));
  EXPECT_THAT(said.text, Not(HasSubstr("200")));
}

TEST_P(Exec, ExitsWithTheStatusOfTheCommand) {
  EXPECT_EQ(shop("shop -- true").status, 0);
  EXPECT_EQ(shop("shop -- sh -c 'exit 7'").status, 7);
  EXPECT_EQ(shop("shop -- sh -c 'kill -TERM $$'").status, 128 + SIGTERM);
  const auto absent = shop("shop -- ./no-such-command");
  EXPECT_EQ(absent.status, 127);
  EXPECT_EQ(absent.text, "guardctl: ./no-such-command: No such file or directory\n");
  const auto denied = shop("shop -- /etc/passwd");
  EXPECT_EQ(denied.status, 126);
  EXPECT_EQ(denied.text, "guardctl: /etc/passwd: Permission denied\n");
}

TEST_P(Exec, LooksUpTheCommandWithTheRightsOfTheOwner) {
  run("cd " + root().string() +
      "; printf '#!/bin/sh\\necho root ran it\\n' > only-root/tool; chmod 755 only-root/tool");
  EXPECT_EQ(shop("shop -- only-root/tool").status, 126);
}

TEST_P(Exec, PassesPipesThrough) {
  const auto said = run("cd " + root().string() + "; seq 200000 | " + guardctl() +
                        " exec shop -- cat | sha256sum; seq 200000 | sha256sum");
  EXPECT_EQ(said.text.substr(0, 64), said.text.substr(said.text.find('\n') + 1, 64));
  EXPECT_EQ(run("cd " + root().string() + "; " + guardctl() + " exec shop -- yes | head -n 2").text,
            "y\ny\n");
}

TEST_P(Exec, IsForRootAndTheOwner) {
  const auto as = [](const std::string& who) {
    return "cd /; setpriv --clear-groups " + who + " ";
  };
  const auto other = run(as("--reuid 4300 --regid 4300") + guardctl() + " exec shop -- id -u");
  EXPECT_EQ(other.status, 4);
  EXPECT_EQ(
      other.text,
      "guardctl: only root and \"shop\" can run a command as \"shop\"; try: sudo guardctl exec "
      "shop -- …\n");
  const auto self =
      run(as("--reuid 4242 --regid 4242") + guardctl() + " exec shop -- sh -c 'id -u; umask'");
  EXPECT_EQ(self.status, 0);
  EXPECT_EQ(self.text, "4242\n0027\n");
}

TEST_P(Exec, WorksForPoliciesOfRoot) {
  policy("system", "root");
  EXPECT_EQ(shop("system -- sh -c 'id -u; umask; echo $HOME'").text, "0\n0022\n/root\n");
}

TEST_P(Exec, GetsANewTerminal) {
  Person person(root());
  EXPECT_TRUE(person.answers("tty > mine; chmod 644 mine; " + guardctl() +
                                 " exec shop -- sh -c 'stty size; tty > tree/its; ls -l "
                                 "/proc/$$/fd > tree/fds'; echo done=$?",
                             "33 77\r\ndone=0"))
      << person.seen();
  EXPECT_EQ(run("cmp -s " + (root() / "mine").string() + " " + (tree_ / "its").string()).status, 1);
  EXPECT_EQ(run("grep -F -f " + (root() / "mine").string() + " " + (tree_ / "fds").string()).status,
            1);
  EXPECT_TRUE(person.answers(guardctl() + " exec shop -- sh -c 'exit 5'; echo done=$?", "done=5"));
  EXPECT_TRUE(
      person.answers(guardctl() + " exec shop -- sh -c 'kill -9 $$'; echo done=$?", "done=137"));
  EXPECT_TRUE(person.answers(guardctl() + " exec shop -- nothing; echo done=$?", "done=127"));
}

// On kernels that allow TIOCSTI, the same attack works without guardctl.
TEST_P(Exec, CannotTypeIntoTheTerminalOfTheCaller) {
  Person person(root());
  std::ofstream(tree_ / "attack.py")
      << "import fcntl, os, sys, termios\n"
         "for name in (0, 1, 2, '/dev/tty', sys.argv[1]):\n"
         "  try:\n"
         "    fd = name if isinstance(name, int) else os.open(name, os.O_RDWR)\n"
         "    for key in b'touch pwned\\n': fcntl.ioctl(fd, termios.TIOCSTI, bytes([key]))\n"
         "  except OSError: pass\n";
  const auto attack = " /usr/bin/python3 " + (tree_ / "attack.py").string() + " $(tty)";
  for (const std::string with : {"", "</dev/null", "</dev/null >/dev/null", "2>/dev/null | cat",
                                 "</dev/null >/dev/null 2>&1"}) {
    ASSERT_TRUE(
        person.answers(guardctl() + " exec shop --" + attack + " " + with + "; echo over", "over"))
        << person.seen();
    ASSERT_TRUE(person.answers("echo still$((40 + 2))", "still42")) << person.seen();
    EXPECT_FALSE(fs::exists(root() / "pwned")) << with;
  }
  if (run("test \"$(cat /proc/sys/dev/tty/legacy_tiocsti)\" = 0").status == 0) return;
  // Without guardctl, the attack works.
  ASSERT_TRUE(
      person.answers("setpriv --reuid=4242 --clear-groups" + attack + "; echo over", "over"));
  ASSERT_TRUE(person.answers("echo still$((40 + 2))", "still42")) << person.seen();
  EXPECT_TRUE(fs::exists(root() / "pwned"));
}

TEST_P(Exec, BackgroundProcessesDoNotKeepTheTerminal) {
  Person person(root());
  ASSERT_TRUE(person.answers(
      guardctl() + " exec shop -- sh -c 'sleep 600 & echo $! > tree/left'; echo done=$?", "done=0"))
      << person.seen();
  int left = 0;
  std::ifstream(tree_ / "left") >> left;
  ASSERT_GT(left, 0);
  EXPECT_EQ(::kill(left, 0), 0) << "it should still run";
  EXPECT_EQ(
      run("ls -l /proc/" + std::to_string(left) + "/fd | grep -v deleted | grep -c /dev/pts").text,
      "0\n");
  (void)::kill(left, SIGKILL);
}

TEST_P(Exec, KeysWorkAsUsual) {
  Person person(root());
  person.type(guardctl() + " exec shop -- sh -c 'echo up; exec sleep 600'; echo done=$?");
  ASSERT_TRUE(person.sees("\nup")) << person.seen();
  person.press("\003");
  EXPECT_TRUE(person.sees("done=130")) << person.seen();

  person.type(guardctl() +
              " exec shop -- sh -c 'echo up; read line; echo got $line'; echo done=$?");
  ASSERT_TRUE(person.sees("\nup")) << person.seen();
  person.press("\032");
  ASSERT_TRUE(person.sees("Stopped")) << person.seen();
  EXPECT_NE(person.settings().c_lflag & ICANON, 0U) << "the shell has the terminal as it was";
  ASSERT_TRUE(person.answers("echo still$((40 + 2))", "still42")) << person.seen();
  person.type("fg; echo done=$?");
  person.press("hello\n");
  EXPECT_TRUE(person.sees("got hello")) << person.seen();
  EXPECT_TRUE(person.sees("done=0")) << person.seen();

  person.type(guardctl() + " exec shop -- sh -c 'echo up; exec cat'; echo done=$?");
  ASSERT_TRUE(person.sees("\nup")) << person.seen();
  person.press("line\n\004");
  EXPECT_TRUE(person.sees("line\r\nline\r\n")) << person.seen();
  EXPECT_TRUE(person.sees("done=0")) << person.seen();
}

TEST_P(Exec, FollowsTheSizeOfTheTerminal) {
  Person person(root());
  person.type(guardctl() +
              " exec shop -- bash -c 'trap \"stty size\" WINCH; echo up; for i in {1..300}; do "
              "sleep 0.1; done'");
  ASSERT_TRUE(person.sees("\nup")) << person.seen();
  person.resize(44, 99);
  EXPECT_TRUE(person.sees("44 99")) << person.seen();
  person.press("\003");
}

TEST_P(Exec, RunsInTheBackgroundUntilItReads) {
  Person person(root());
  ASSERT_TRUE(person.answers(
      guardctl() + " exec shop -- sh -c 'read line; echo got $line' & sleep 0; echo $((40 + 2))",
      "42"))
      << person.seen();
  for (int i = 0; i < 100 && person.seen().find("Stopped") == std::string::npos; ++i) {
    (void)person.answers("sleep 0.1; jobs; echo $((1 + 1))", "2");
  }
  EXPECT_THAT(person.seen(), HasSubstr("Stopped"));
  person.type("fg");
  person.press("hello\n");
  EXPECT_TRUE(person.sees("got hello")) << person.seen();
}

// For "guardctl … | guardctl … -- less".
TEST_P(Exec, ReadsKeysWhileItsInputIsAPipe) {
  Person person(root());
  person.type("echo piped | " + guardctl() +
              " exec shop -- sh -c 'cat; read line < /dev/tty; echo got $line'; echo done=$?");
  ASSERT_TRUE(person.sees("\npiped")) << person.seen();
  person.press("hello\n");
  EXPECT_TRUE(person.sees("got hello")) << person.seen();
  EXPECT_TRUE(person.sees("done=0")) << person.seen();
}

TEST_P(Exec, ShowsAllOutput) {
  Person person(root());
  person.type(guardctl() + " exec shop -- sh -c 'seq 50000; echo the-end'; echo done=$?");
  EXPECT_TRUE(person.sees("\n49999\r\n50000\r\nthe-end\r\ndone=0"));
}

TEST_P(Exec, RestoresTheTerminalWhenKilled) {
  for (const std::string signal : {"KILL", "TERM", "HUP"}) {
    Person person(root());
    person.type("sh -c 'echo $$ > pid; exec " + guardctl() +
                " exec shop -- sh -c \"echo up; exec sleep 600\"'; echo done");
    ASSERT_TRUE(person.sees("\nup")) << person.seen();
    EXPECT_EQ(run("kill -" + signal + " $(cat " + (root() / "pid").string() + ")").status, 0);
    EXPECT_TRUE(person.sees("\ndone")) << signal << person.seen();
    ASSERT_TRUE(person.answers("echo still$((40 + 2))", "still42")) << person.seen();
    EXPECT_NE(person.settings().c_lflag & ICANON, 0U) << signal;
    EXPECT_TRUE(person.answers("sleep 0.2; pgrep -u 4242 -c sleep", "0"))
        << signal << person.seen();
  }
}

}  // namespace
}  // namespace guard::test
