// The console's text for incidents and news.
#include "guardd/publish/console_publisher.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <sstream>

#include "guardd/publish/advice.h"
#include "guardd/publish/incidents.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

using testing::HasSubstr;
using testing::Not;

class ConsoleTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);  // NOLINT(concurrency-mt-unsafe): one thread
    ::tzset();
  }
  void tell(Violation violation) {
    const auto change = incidents_.add(violation, {});
    if (change.opened) console_.incident_opened(*change.incident);
    console_.violation(violation, *change.incident);
  }
  void close() {
    for (const auto& incident : incidents_.close_all()) console_.incident_closed(*incident);
  }

  std::string screen_;
  Incidents incidents_{{}, RecordIds(RecordIds::Length::kIncident)};
  ConsolePublisher console_{
      [this](const std::string& text) { screen_ += text; }, {}, [] { return moment(); }};
};

TEST_F(ConsoleTest, OneIncidentIsOneBlock) {
  for (int i = 0; i < 1200; ++i) {
    auto v = git_violation("/srv/shop/" + std::to_string(i));
    v.time = moment(i * 1000);
    if (i == 1) {
      v.action = Outcome::kSkipped;
      v.reason = "it has more than one name";
    }
    tell(v);
  }
  close();
  const auto id = screen_.substr(71, 9);
  EXPECT_EQ(screen_,
            "14:03:07  shop  alice as root: git pull                                " + id + R"(
          instead: sudo -u shop git pull
          fixed    /srv/shop/0  root:root → shop:shop
          skipped  /srv/shop/1  root:root, wanted shop:shop
                   it has more than one name
          fixed    /srv/shop/2  root:root → shop:shop
          fixed    /srv/shop/3  root:root → shop:shop
          fixed    /srv/shop/4  root:root → shop:shop
          … and 1,195 more; total: 1,199 fixed, 1 skipped in 1.2 s
)");
}

TEST_F(ConsoleTest, ASingleViolationHasNoClosingLine) {
  tell(git_violation());
  const auto before = screen_;
  close();
  EXPECT_EQ(screen_, before);
}

TEST_F(ConsoleTest, RepeatsTheHeadingAfterAnotherIncident) {
  auto bob = git_violation("/srv/shop/bob");
  bob.actor.edit().login_uid = Uid{1001};
  bob.actor.edit().login_user = "bob";
  tell(git_violation("/srv/shop/a"));
  tell(bob);
  tell(git_violation("/srv/shop/b"));
  EXPECT_THAT(screen_.substr(screen_.find("/srv/shop/bob")), HasSubstr("alice as root: git pull"));
}

TEST_F(ConsoleTest, EscapesTerminalControls) {
  auto v = git_violation("/srv/shop/\x1b[2J\n\xff");
  v.reason = "\x1b]0;x\a";
  v.owner_wanted = "\x1b[31m";
  v.group_wanted = "\r";
  v.actor.edit().login_user = "\x1b[31mroot";
  v.actor.edit().unit = "\x1b.service";
  acts(v.actor.edit(), process(9, "\x1b[31m", "\x1b[31m; rm -rf /"), {});
  v.policy = "\x1b[1m";
  tell(v);
  v.path += "2";
  tell(v);
  close();
  for (const char c : screen_)
    EXPECT_TRUE(c == '\n' || (c >= ' ' && c != '\x7f') || c < 0) << screen_;
}

TEST_F(ConsoleTest, LinesFitIfPossible) {
  auto v = git_violation("/srv/shop/" + std::string(45, 'x') + "/y");
  acts(v.actor.edit(), process(9, "cp", "cp " + std::string(500, 'z')), {});
  v.reason = "it has more than one name, and one of them may be a file of another user elsewhere";
  v.action = Outcome::kSkipped;
  tell(v);
  std::istringstream lines(screen_);
  for (std::string line; std::getline(lines, line);) {
    const bool is_copied = line.find("instead: ") != std::string::npos;
    EXPECT_LE(is_copied ? 0 : columns_of(line), 80U) << line;
  }
}

TEST_F(ConsoleTest, ShowsNewsOfTheDaemon) {
  publish(console_, ReadyNews{"0.1.0", Backend::kFanotify, 1, "abc", 3, 12, 1, 4310});
  publish(console_, ReloadNews{false, 1, "abc", 1, {"a.toml:1:1: bad \x1b"}});
  publish(console_, HealthNews{Health::kDegraded, "events were lost; scanning", {}});
  publish(console_, StopNews{"SIGTERM", {1200, 1199, 0, 3}});
  EXPECT_EQ(screen_,
            R"(14:03:07  guarding  3 policies in 12 trees, 4,310 directories, through fanotify;
          1 not there yet
14:03:07  not reloaded  the previous policies stay in force:
          a.toml:1:1: bad \x1b
14:03:07  degraded  events were lost; scanning
14:03:07  stopped  SIGTERM; 1,200 violations seen, 1,199 fixed, 3 lost
)");
}

std::string advice_about(Violation v, const Ancestor& self, std::vector<Ancestor> lineage = {}) {
  acts(v.actor.edit(), self, std::move(lineage));
  return advice_for(v).text();
}

TEST(Advice, IsSafeToPaste) {
  const auto advice = [](const std::string& comm, const std::string& cmdline) {
    return advice_about(git_violation(), process(7, comm, cmdline));
  };
  EXPECT_EQ(advice("git", "git pull"), "sudo -u shop git pull");
  EXPECT_EQ(advice("git", "git commit -m 'x;rm -rf /'"), "sudo -u shop git commit -m 'x;rm -rf /'");
  EXPECT_EQ(advice("sh", "sh -c 'echo x > f'"), "sudo -u shop sh -c 'echo x > f'");
  constexpr auto kShell = "guardctl exec shop -- sh  # then repeat the command";
  EXPECT_EQ(advice("git", "git commit -m x;rm -rf /"), kShell) << "not as guardd writes it";
  EXPECT_EQ(advice("x", "$(reboot) x"), kShell);
  EXPECT_EQ(advice("x", "x 'a\nb'"), kShell);
  EXPECT_EQ(advice("x", "x aaaa…"), kShell) << "not all of it is known";
  EXPECT_EQ(advice("x", "LD_PRELOAD=x y"), kShell);
  EXPECT_EQ(advice("sshd", "sshd: alice@pts/0"), kShell);
  EXPECT_EQ(advice("bash", "-bash"), kShell);
  auto v = git_violation();
  v.owner_wanted = "a;b";
  v.policy = "a;b";
  EXPECT_EQ(advice_about(v, process(7, "git", "git pull")),
            "sudo setpriv --reuid=4242 --regid=4242 --clear-groups git pull");
  EXPECT_EQ(advice_about(v, process(7, "bash", "-bash")), "");
}

TEST(Advice, NamesTheDirectoryIfItMatters) {
  auto v = git_violation();
  v.actor.edit().cwd = "/srv/my shop";
  EXPECT_EQ(advice_about(v, process(7, "cp", "cp conf conf.bak")),
            "cd '/srv/my shop' && sudo -u shop cp conf conf.bak");
  EXPECT_EQ(advice_about(v, process(7, "touch", "touch -m /srv/shop/x")),
            "sudo -u shop touch -m /srv/shop/x");
  EXPECT_EQ(advice_about(v, process(7, "deploy.sh", "./deploy.sh")),
            "cd '/srv/my shop' && sudo -u shop ./deploy.sh");
  EXPECT_EQ(advice_about(v, process(7, "make", "make")), "cd '/srv/my shop' && sudo -u shop make");
  EXPECT_EQ(advice_about(v, process(7, "make", "make -j2 -s")),
            "cd '/srv/my shop' && sudo -u shop make -j2 -s");
  EXPECT_EQ(advice_about(v, process(7, "make", "make -C src install")),
            "sudo -u shop make -C src install")
      << "where it was typed is not known";
}

TEST(Advice, FitsTheActor) {
  auto v = git_violation();
  v.actor.edit().login_uid.reset();
  v.actor.edit().unit = "backup.service";
  const auto drop_in =
      "printf '[Service]\\nUser=shop\\nGroup=shop\\n' | sudo install -D -m 644 /dev/stdin "
      "/etc/systemd/system/backup.service.d/owner.conf\nsudo systemctl daemon-reload  # for all of "
      "backup.service";
  const auto cp = process(9, "cp", "cp a b");
  EXPECT_EQ(advice_about(v, cp, {process(1, "systemd")}), drop_in);
  EXPECT_EQ(advice_about(v, cp, {process(7, "bash", "bash job.sh"), process(1, "systemd")}),
            drop_in);
  EXPECT_EQ(advice_about(v, cp, {process(7, "agent"), process(1, "systemd")}),
            "sudo -u shop cp a b");
  v.actor.edit().unit = "cron.service";
  v.actor.edit().cron_uid = kRoot;
  EXPECT_EQ(advice_about(v, cp, {process(7, "cron"), process(1, "systemd")}),
            "sudo -u shop cp a b  # in the crontab");
  v = git_violation();
  v.actor.edit().container = "c0ffee000000000000";
  v.actor.edit().container_runtime = "docker";
  EXPECT_EQ(advice_about(v, cp), "docker exec -u shop c0ffee000000 cp a b");
  v.actor.edit().container_runtime = "systemd-nspawn";
  EXPECT_EQ(advice_about(v, cp), "");
  v = git_violation();
  v.actor.edit().label = "package-manager";
  EXPECT_EQ(advice_about(v, process(7, "dpkg", "dpkg -i x")), "") << "it has to be root";
  v = git_violation();
  v.actor = {};
  v.operation = Operation::kScan;
  EXPECT_EQ(advice_for(v).text(), "");
  EXPECT_EQ(who_text(v), "an unknown process");
  v.uid_wanted = kRoot;
  EXPECT_EQ(advice_about(v, cp), "");
  v.uid_wanted = Uid{4242};
  v.owner_wanted = "4242";  // it has no name
  EXPECT_EQ(advice_about(v, cp), "sudo setpriv --reuid=4242 --regid=4242 --clear-groups cp a b");
}

TEST(Advice, HasTheFirstThreeCommandsOfAScript) {
  Incident incident;
  incident.first = git_violation();
  for (const auto* each : {"cp a b", "chown x y", "rsync -a x y", "touch z"})
    incident.commands.push_back({process(7, "x", each), 1});
  EXPECT_EQ(advice_for(incident).text(),
            "sudo -u shop cp a b\nsudo -u shop chown x y\nsudo -u shop rsync -a x y");
  incident.command = incident.commands.front().command;
  EXPECT_EQ(commands_text(incident, 80), "cp a b and 3 more commands");
}

TEST(PaintTest, ColoursOnlyIfWanted) {
  EXPECT_EQ(Colours(true)(Tone::kGood, "x"), "\x1b[32mx\x1b[0m");
  EXPECT_EQ(Colours()(Tone::kGood, "x"), "x");
  EXPECT_EQ(Colours::detect(-1)(Tone::kGood, "x"), "x");
}

}  // namespace
}  // namespace guard
