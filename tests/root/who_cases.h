// Tests of what is known of processes that have ended, for this machine and for every kernel of the
// virtual machines.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "guardd/who/processes.h"
#include "tests/unit/direct_port.h"

namespace guard::test {

class Who : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    who_ = std::make_unique<Processes>(port_);
    ASSERT_FALSE(who_->tracer_error()) << who_->tracer_error()->text();
  }

  // Runs a program and collects its output. When this returns, the program has ended and its number
  // is free.
  pid_t run(std::vector<std::string> command, std::string* output = nullptr) {
    std::vector<char*> arguments;
    for (auto& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      (void)::dup2(ends[1], STDOUT_FILENO);
      ::execvp(arguments[0], arguments.data());
      std::_Exit(127);
    }
    ::close(ends[1]);
    char buffer[256];
    for (ssize_t size = 0; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;)
      if (output) output->append(buffer, static_cast<std::size_t>(size));
    ::close(ends[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return child;
  }

  // Runs /bin/true as fast as possible.
  static pid_t spawn_true(std::string argument) {
    std::string name = "true";
    char* arguments[] = {name.data(), argument.data(), nullptr};
    pid_t child = 0;
    if (::posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, environ) != 0) return -1;
    return ::waitpid(child, nullptr, 0);
  }

  DirectPort port_;
  std::unique_ptr<Processes> who_;
};

TEST_F(Who, KnowsAProcessThatHasEnded) {
  const auto before = boot_time_now();
  const pid_t pid = run({"touch", "/tmp"});
  const auto found = who_->find(pid);
  ASSERT_TRUE(found->known());
  const auto& actor = found->actor();
  EXPECT_EQ(actor.pid, pid);
  EXPECT_EQ(actor.cmdline, "touch /tmp");
  EXPECT_EQ(actor.comm, "touch");
  EXPECT_TRUE(actor.exe == "/usr/bin/touch" || actor.exe == "/bin/touch") << actor.exe.value_or("");
  EXPECT_EQ(actor.ppid, ::getpid());
  EXPECT_EQ(actor.uid, kRoot);
  EXPECT_EQ(actor.fsuid, kRoot);
  EXPECT_EQ(actor.gid, Gid{0});
  EXPECT_GE(actor.start_time, before);
  char cwd[PATH_MAX];
  ASSERT_NE(::getcwd(cwd, sizeof cwd), nullptr);
  EXPECT_EQ(actor.cwd, std::string(cwd));
  EXPECT_TRUE(actor.cgroup) << "control group";
  ASSERT_TRUE(found->lineage());
  EXPECT_EQ(found->lineage()->front()->pid, ::getpid());
  EXPECT_TRUE(found->lineage()->front()->image);
}

TEST_F(Who, KnowsTheExecutableByItsInode) {
  const pid_t pid = run({"/usr/bin/touch", "/tmp"});
  struct stat facts {};
  ASSERT_EQ(::stat("/usr/bin/touch", &facts), 0);
  EXPECT_EQ(who_->find(pid)->subject().self.exe, (InodeId{facts.st_dev, facts.st_ino}));
}

TEST_F(Who, KnowsTheIdsAtTheEnd) {
  const pid_t pid = run(
      {"setpriv", "--reuid", "1000", "--regid", "1001", "--groups", "1002,1003", "touch", "/tmp"});
  const auto found = who_->find(pid);
  EXPECT_EQ(found->actor().uid, Uid{1000});
  EXPECT_EQ(found->actor().euid, Uid{1000});
  EXPECT_EQ(found->actor().fsuid, Uid{1000});
  EXPECT_EQ(found->actor().gid, Gid{1001});
  const auto groups = found->subject().self.groups;
  EXPECT_EQ(std::vector<Gid>(groups.begin(), groups.end()),
            (std::vector<Gid>{Gid{1002}, Gid{1003}}));
  EXPECT_EQ(found->actor().cmdline, "touch /tmp");
}

TEST_F(Who, KnowsIdsThatChangedWithoutAnExec) {
  const pid_t child = ::fork();
  if (child == 0) std::_Exit(::setuid(1234) == 0 && ::chdir("/usr/bin") == 0 ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const auto found = who_->find(child);
  EXPECT_EQ(found->actor().fsuid, Uid{1234});
  EXPECT_EQ(found->actor().cwd, std::string("/usr/bin"));
  EXPECT_TRUE(found->actor().exe) << "that of its parent";
}

TEST_F(Who, KnowsTheArgumentsOfAShell) {
  EXPECT_EQ(who_->find(run({"sh", "-c", "true a b c"}))->actor().cmdline, "sh -c 'true a b c'");
}

TEST_F(Who, KnowsAProcessAfterExec) {
  std::string output;
  const pid_t pid = run({"sh", "-c", "echo $$; exec touch /tmp"}, &output);
  EXPECT_EQ(std::stoi(output), who_->find(pid)->actor().pid);
  EXPECT_EQ(who_->find(pid)->actor().cmdline, "touch /tmp");
}

TEST_F(Who, KnowsTheDirectoryOfACommandAboveTheProcess) {
  FILE* pipe = ::popen(  // NOLINT(cert-env33-c)
      "cd /usr/share && exec find . -maxdepth 0 -exec sh -c 'cd /; echo $$; exec sleep 9' ';'",
      "r");
  ASSERT_NE(pipe, nullptr);
  int pid = 0;
  ASSERT_EQ(std::fscanf(pipe, "%d", &pid), 1);  // NOLINT(cert-err34-c)
  const auto found = who_->find(pid);
  const auto actor = found->actor();
  (void)::kill(pid, SIGKILL);
  (void)::pclose(pipe);
  EXPECT_EQ(actor.cwd, std::string("/"));
  EXPECT_EQ(actor.command.comm, "find");
  EXPECT_EQ(actor.command.cwd, "/usr/share");
}

TEST_F(Who, KnowsParentsThatHaveEnded) {
  std::string output;
  (void)run({"sh", "-c", "(sh -c 'touch /tmp & echo $!' outer & wait)"}, &output);
  const auto found = who_->find(std::stoi(output));
  ASSERT_TRUE(found->known());
  EXPECT_EQ(found->actor().cmdline, "touch /tmp");
  ASSERT_TRUE(found->lineage());
  ASSERT_GE(found->lineage()->size(), 3U);
  EXPECT_EQ(found->lineage()->front()->pid, found->actor().ppid);
  EXPECT_EQ(found->lineage()->front()->image->cmdline, "sh -c 'touch /tmp & echo $!' outer");
  bool reaches_us = false;
  for (const auto& ancestor : *found->lineage()) reaches_us |= ancestor->pid == ::getpid();
  EXPECT_TRUE(reaches_us);
}

TEST_F(Who, KnowsAProcessThatRenamedItself) {
  if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no python3";
  const pid_t pid =
      run({"/usr/bin/python3", "-c", "open('/proc/self/comm', 'w').write('renamed')", "argument"});
  const auto found = who_->find(pid);
  EXPECT_EQ(found->actor().comm, "renamed");
  EXPECT_TRUE(found->actor().cmdline->ends_with("write('\\''renamed'\\'')' argument"))
      << *found->actor().cmdline;
}

TEST_F(Who, KnowsAProcessWhoseOtherThreadCalledExec) {
  if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no python3";
  const pid_t pid = run({"/usr/bin/python3", "-c",
                         "import threading, os; "
                         "threading.Thread(target=lambda: os.execvp('touch', ['touch', '/tmp']))"
                         ".start(); threading.Event().wait()"});
  const auto found = who_->find(pid);
  EXPECT_EQ(found->actor().cmdline, "touch /tmp");
  EXPECT_EQ(found->actor().ppid, ::getpid());
  ASSERT_TRUE(who_->table().counters().rejected == 0);
}

TEST_F(Who, KnowsLivingProcesses) {
  const auto self = who_->find(::getpid());
  EXPECT_EQ(self->actor().pid, ::getpid());
  EXPECT_TRUE(self->actor().cmdline);
  EXPECT_TRUE(self->actor().cwd);
  // An emulated machine can be slower than kFresh.
  if (!std::getenv("GUARD_KERNEL")) {
    EXPECT_EQ(self, who_->find(::getpid())) << "it is cached";
  }
}

TEST_F(Who, NeverMixesProcessesWithTheSameNumber) {
  const auto before = boot_time_now();
  const pid_t pid = run({"touch", "/tmp"});
  EXPECT_FALSE(who_->find(pid, before)->known()) << "it had not started then";
  EXPECT_EQ(who_->find(pid, before)->actor().pid, pid);
  EXPECT_TRUE(who_->find(pid)->known());
}

TEST_F(Who, TruncatesALongCommandLine) {
  const auto found = who_->find(run({"true", std::string(3000, 'x')}));
  EXPECT_TRUE(found->actor().cmdline->starts_with("true xxx"));
  EXPECT_TRUE(found->actor().cmdline->ends_with("x…"));
}

TEST_F(Who, FindsTwentyThousandProcessesOrCountsLosses) {
#if defined(GUARD_SANITIZED)
  constexpr int kProcesses = 5000;
#else
  constexpr int kProcesses = 20000;
#endif
  const int processes = std::getenv("GUARD_KERNEL") ? 100 : kProcesses;
  int unknown = 0;
  std::vector<pid_t> pids;
  for (int i = 0; i < processes; ++i) {
    const auto number = std::to_string(i);
    const pid_t child = spawn_true(number);
    pids.push_back(child);
    if (i % 100 != 99) continue;  // as rarely as events of a burst are read
    for (int j = i - 99; j <= i; ++j) {
      const auto found = who_->find(pids[static_cast<std::size_t>(j)]);
      if (found->actor().cmdline != "true " + std::to_string(j)) ++unknown;
    }
  }
  const auto& counters = who_->table().counters();  // on a slow machine some grow too old
  EXPECT_LE(static_cast<std::uint64_t>(unknown),
            who_->dropped() + counters.aged + counters.forgotten);
  EXPECT_EQ(who_->dropped(), 0U) << "the ring is large enough to lose none";
}

TEST_F(Who, CountsLostRecordsAndRecovers) {
  if (std::getenv("GUARD_KERNEL"))
    GTEST_SKIP() << "fifteen hundred processes take minutes in emulation";
  for (int i = 0; i < 1500; ++i) {  // without reading the ring
    ASSERT_GT(spawn_true("x"), 0);
  }
  EXPECT_GT(who_->dropped(), 0U);
  const auto lost = who_->dropped();
  EXPECT_EQ(who_->dispatch(), lost);
  EXPECT_EQ(who_->dispatch(), 0U);
  EXPECT_EQ(who_->find(run({"touch", "/tmp"}))->actor().cmdline, "touch /tmp");
}

}  // namespace guard::test
