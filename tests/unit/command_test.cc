// The command of an actor as a person would name it.
#include "guardd/who/command.h"

#include <gtest/gtest.h>

#include "tests/unit/records.h"

namespace guard {
namespace {

const auto kInit = process(1, "systemd");
const auto kSshd = process(90, "sshd", "sshd: alice [priv]");
const auto kShell = process(100, "bash", "-bash");
const auto kSudo = process(150, "sudo", "sudo make install");

// A script: the kernel names it after its file.
Ancestor script(std::int32_t pid, const std::string& comm, const std::string& cmdline) {
  auto process = guard::process(pid, comm, cmdline);
  process.exe = "/usr/bin/bash";
  return process;
}

Actor actor_of(const Ancestor& self, std::vector<Ancestor> lineage) {
  Violation violation;
  acts(violation.actor.edit(), self, std::move(lineage));
  return *violation.actor;
}

std::string command(const Ancestor& self, std::vector<Ancestor> lineage) {
  return actor_of(self, std::move(lineage)).command.cmdline;
}

std::vector<std::string> via(const Ancestor& self, std::vector<Ancestor> lineage,
                             const std::string& unit = "") {
  auto actor = actor_of(self, std::move(lineage));
  if (!unit.empty()) actor.unit = unit;
  name_command(actor);
  return actor.via;
}

using Texts = std::vector<std::string>;

TEST(Command, OfAPersonAtAShell) {
  const auto cp = process(300, "cp", "cp conf conf.bak");
  EXPECT_EQ(command(cp, {}), "cp conf conf.bak");
  EXPECT_EQ(command(cp, {kShell, kSshd, kInit}), "cp conf conf.bak");
  EXPECT_EQ(command(cp, {kSudo, kSudo, kShell, kSshd, kInit}), "cp conf conf.bak");
  EXPECT_EQ(via(cp, {kSudo, kSudo, kShell, kSshd, kInit}), Texts{});
  EXPECT_EQ(command(cp, {process(100, "bash", "bash -l"), process(80, "su", "su -")}),
            "cp conf conf.bak");
  EXPECT_EQ(command(cp, {kShell, process(80, "tmux: server", "tmux"), kInit}), "cp conf conf.bak");
  // The server of tmux is forked by a client, and named later.
  const auto tmux = process(80, "tmux: client", "tmux new-session -d");
  EXPECT_EQ(command(cp, {kShell, tmux, tmux, kSshd}), "cp conf conf.bak");
  EXPECT_EQ(via(cp, {kShell, tmux, tmux, kSshd}), Texts{});
  EXPECT_EQ(command(cp, {process(200, "timeout", "timeout 9 cp conf conf.bak"), kShell}),
            "cp conf conf.bak");
  EXPECT_EQ(command(cp, {kSshd}), "cp conf conf.bak") << "ssh host cp conf conf.bak";
}

TEST(Command, OfAShellThatWritesItself) {
  EXPECT_EQ(command(kShell, {kSshd, kInit}), "-bash");
  const auto text = process(300, "sh", "sh -c 'echo x > f'");
  EXPECT_EQ(command(text, {kSudo, kShell}), "sh -c 'echo x > f'");
  auto fork = text;
  fork.pid = 301;
  EXPECT_EQ(actor_of(fork, {text, kSudo, kShell}).command.pid, 300);
  EXPECT_EQ(command(script(300, "deploy.sh", "/bin/bash ./deploy.sh"), {kShell, kSshd}),
            "/bin/bash ./deploy.sh");
}

TEST(Command, OfAScriptIsWhatItRuns) {
  const auto cp = process(300, "cp", "cp a b");
  const auto bash = process(200, "bash", "/bin/bash /opt/deploy.sh");
  EXPECT_EQ(command(cp, {bash, kShell, kSshd}), "cp a b");
  EXPECT_EQ(via(cp, {bash, kShell, kSshd}), Texts{"bash /opt/deploy.sh"});
  EXPECT_EQ(command(cp, {script(210, "step", "/bin/sh step"), bash, kSudo, kShell}), "cp a b");
  EXPECT_EQ(command(cp, {process(200, "sh", "sh -c 'cp a b; cp c d'"), kSudo, kShell}), "cp a b");
  EXPECT_EQ(via(cp, {process(200, "sh", "sh -c 'cp a b; cp c d'"), kSudo, kShell}),
            Texts{"sh -c 'cp a b; cp c d'"});
}

TEST(Command, OfAProgramWithHelpersIsThatProgram) {
  const auto cp = process(300, "cp", "cp a b");
  const auto shell = process(250, "sh", "sh -c 'cp a b; true'");
  const auto make = process(200, "make", "make install");
  EXPECT_EQ(command(cp, {shell, make, kSudo, kShell}), "make install");
  EXPECT_EQ(command(cp, {shell, process(210, "make", "make -C sub"), make, kShell}),
            "make install");
  EXPECT_EQ(command(cp, {process(200, "xargs", "xargs cp -t b"), kShell}), "xargs cp -t b");
  EXPECT_EQ(command(cp, {process(200, "find", "find . -exec cp '{}' b ';'"), kShell}),
            "find . -exec cp '{}' b ';'");
  EXPECT_EQ(
      command(cp, {shell, process(200, "parallel", "/usr/bin/perl /usr/bin/parallel cp"), kShell}),
      "/usr/bin/perl /usr/bin/parallel cp");
  const auto deploy = process(200, "python3", "python3 deploy.py");
  EXPECT_EQ(command(cp, {shell, deploy, kShell, kSshd}), "python3 deploy.py");
  // The same in a unit: only programs that are known to run helpers.
  EXPECT_EQ(command(cp, {shell, make, script(150, "job", "/bin/sh job"), kInit}), "make install");
}

TEST(Command, OfGitIsGit) {
  const auto pull = process(200, "git", "git pull");
  const auto fetch = process(210, "git", "git fetch --update-head-ok");
  const auto hook = script(220, "post-merge", "/bin/sh .git/hooks/post-merge");
  EXPECT_EQ(
      command(process(230, "git-remote-http", "git-remote-https origin"), {fetch, pull, kSudo}),
      "git pull");
  EXPECT_EQ(command(process(230, "touch", "touch x"), {hook, pull, kShell}), "git pull");
  EXPECT_EQ(command(process(230, "touch", "touch x"),
                    {hook, pull, script(150, "update", "/bin/sh update"), kInit}),
            "git pull");
  EXPECT_EQ(origin_of(actor_of(process(230, "touch"), {hook, pull, kShell})).pid, 200);
}

TEST(Command, OfAPackageManagerWithTheScriptsOfItsPackages) {
  const auto apt = process(200, "apt", "apt install foo");
  const auto dpkg = process(210, "dpkg", "dpkg --configure foo");
  const auto postinst =
      script(220, "foo.postinst", "/bin/sh /var/lib/dpkg/info/foo.postinst configure");
  const auto touch = process(300, "touch", "touch x");
  EXPECT_EQ(command(touch, {postinst, dpkg, apt, kSudo, kShell}), "apt install foo");
  // A script that changes the user.
  const auto su = process(230, "su", "su -s /bin/sh postgres -c initdb");
  const auto actor = actor_of(process(300, "initdb"), {su, postinst, dpkg, apt, kSudo, kShell});
  EXPECT_EQ(actor.command.cmdline, "apt install foo");
  EXPECT_EQ(origin_of(actor).pid, 200);
  const auto upgrade =
      process(150, "unattended-upgr", "/usr/bin/python3 /usr/bin/unattended-upgrade");
  EXPECT_EQ(
      command(touch, {postinst, dpkg, upgrade, script(140, "apt.systemd.dai", "/bin/sh x"), kInit}),
      "/usr/bin/python3 /usr/bin/unattended-upgrade");
}

TEST(Command, OfAJob) {
  const auto rsync = process(300, "rsync", "rsync -a /a /b");
  const auto cron = process(50, "cron", "/usr/sbin/cron -f");
  const auto shell = process(200, "sh", "/bin/sh -c 'cd / && backup.sh'");
  const auto backup = script(210, "backup.sh", "/bin/bash backup.sh");
  EXPECT_EQ(command(rsync, {backup, shell, cron, cron, kInit}), "rsync -a /a /b");
  EXPECT_EQ(via(rsync, {backup, shell, cron, cron, kInit}),
            (Texts{"cron", "sh -c 'cd / && backup.sh'", "bash backup.sh"}));
  EXPECT_EQ(
      command(process(300, "cp", "cp a b"), {process(200, "python3", "python3 job.py"), cron}),
      "python3 job.py");
  // A timer, whose unit runs a script.
  const auto nightly = process(200, "bash", "/bin/bash maintenance.sh");
  EXPECT_EQ(command(rsync, {nightly, kInit}), "rsync -a /a /b");
  EXPECT_EQ(via(rsync, {nightly, kInit}, "nightly.service"),
            (Texts{"nightly.service", "bash maintenance.sh"}));
  EXPECT_EQ(command(rsync, {kInit}), "rsync -a /a /b");
  EXPECT_EQ(via(rsync, {kInit}, "nightly.service"), Texts{"nightly.service"});
}

TEST(Command, OfAnUnknownAgentIsWhatItRuns) {
  const auto cp = process(300, "cp", "cp conf conf.bak");
  const auto agent = process(100, "binary_backend", "line_io_tools/binary_backend --uid 0");
  const auto shell = process(200, "bash", "bash -c 'cp conf conf.bak && true'");
  EXPECT_EQ(command(cp, {shell, agent, kInit}), "cp conf conf.bak");
  EXPECT_EQ(command(cp, {script(210, "quickstart", "/bin/bash packaging/quickstart"), shell, agent,
                         kInit}),
            "cp conf conf.bak");
  EXPECT_EQ(command(cp, {agent, kInit}), "cp conf conf.bak") << "started without a shell";
  EXPECT_EQ(via(cp, {agent, kInit}, "ci.service"), (Texts{"ci.service", "binary_backend --uid 0"}));
  EXPECT_EQ(command(cp, {shell, agent}), "cp conf conf.bak") << "not all ancestors are known";
  const auto python = process(100, "python3", "python3 /opt/agent.py");
  auto worker = python;
  worker.pid = 110;
  EXPECT_EQ(command(cp, {worker, python, kInit}), "cp conf conf.bak");
  EXPECT_EQ(command(python, {kInit}), "python3 /opt/agent.py");
}

TEST(Command, OfAKnownAgent) {
  const auto cp = process(300, "cp", "cp a b");
  const auto runner = process(60, "gitlab-runner", "gitlab-runner run");
  EXPECT_EQ(command(cp, {process(200, "bash", "bash -s"), runner, kInit}), "cp a b");
  const auto npm = process(250, "npm", "npm ci");
  EXPECT_EQ(command(cp, {process(260, "sh", "sh -c 'cp a b'"), npm,
                         process(200, "bash", "/usr/bin/bash -e step.sh"),
                         process(70, "Runner.Worker"), process(60, "Runner.Listener"), kInit}),
            "npm ci");
}

TEST(Command, OfADaemonWithWorkersIsTheDaemon) {
  const auto main = process(100, "nginx", "nginx: master process /usr/sbin/nginx");
  const auto worker = process(110, "nginx", "nginx: worker process");
  EXPECT_EQ(command(worker, {main, kInit}), "nginx: master process /usr/sbin/nginx");
  EXPECT_EQ(via(worker, {main, kInit}, "nginx.service"), Texts{"nginx.service"});
  EXPECT_EQ(command(process(120, "convert", "convert a b"),
                    {process(115, "sh", "sh -c 'convert a b; x'"), worker, main, kInit}),
            "convert a b");
}

TEST(Command, OfAContainer) {
  const auto cp = process(300, "cp", "cp a b");
  const auto shim = process(60, "containerd-shim", "/usr/bin/containerd-shim-runc-v2");
  EXPECT_EQ(command(cp, {shim, kInit}), "cp a b") << "docker exec";
  EXPECT_EQ(
      command(cp, {process(200, "sh", "sh -c 'cp a b; c'"), process(70, "runc:[2:INIT]"), shim}),
      "cp a b");
  EXPECT_EQ(command(cp, {process(200, "app", "/app"), process(90, "tini", "tini -- /app"), shim}),
            "cp a b");
}

TEST(Command, OfAnAnsibleModule) {
  const auto module = process(300, "python3", "python3 /home/alice/.ansible/tmp/AnsiballZ_copy.py");
  EXPECT_EQ(
      command(module, {kSudo, process(200, "sh", "/bin/sh -c 'sudo python3 x && sleep 0'"), kSshd}),
      module.cmdline);
}

TEST(Command, GroupsWhatAScriptRuns) {
  const auto bash = process(200, "bash", "bash deploy.sh");
  const auto origin = [&](std::int32_t pid) {
    return origin_of(actor_of(process(pid, "cp"), {bash, kShell, kSshd})).pid;
  };
  EXPECT_EQ(origin(300), 200);
  EXPECT_EQ(origin(301), 200);
  EXPECT_EQ(origin_of(actor_of(process(300, "cp"), {kShell})).pid, 300);
  EXPECT_EQ(origin_of(Actor()).pid, 0);
}

}  // namespace
}  // namespace guard
