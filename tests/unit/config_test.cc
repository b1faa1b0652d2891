#include "guardd/base/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace guard {
namespace {

using namespace std::chrono_literals;

std::string complaints(const Diagnostics& diagnostics) {
  std::string text;
  for (const auto& each : diagnostics.all()) text += diagnostics.format(each) + "\n";
  return text;
}

std::string wrong(const std::string& text) {
  Diagnostics diagnostics;
  const auto file = diagnostics.add_file("guardd.toml");
  (void)read_config(text, file, diagnostics);
  return complaints(diagnostics);
}

TEST(Config, ReadsWhatTheContractNames) {
  Diagnostics diagnostics;
  const auto file = diagnostics.add_file("guardd.toml");
  const auto config = read_config(R"(
backend = "fanotify"
tracer = "off"
[answer]
deadline = "1s"
on_deadline = "deny"
on_overload = "deny"
unknown_intent = "read"
threads = 2
[lsm]
pin = "/sys/fs/bpf/guardd/"
[scan]
threads = 3
every = "24h"
[audit]
path = "/srv/audit"
retention = "30d"
max_size = "2M"
[journal]
sample = 7
min_severity = "low"
rate = 7
[incident]
quiet = "5s"
[metrics]
textfile = "/var/lib/metrics/guardd.prom"
)",
                                  file, diagnostics);
  EXPECT_EQ(complaints(diagnostics), "");
  EXPECT_EQ(config.backend, BackendChoice::kFanotify);
  EXPECT_EQ(config.tracer, TracerChoice::kOff);
  EXPECT_EQ(config.answer.deadline, 1s);
  EXPECT_EQ(config.answer.on_deadline, Answer::kDeny);
  EXPECT_EQ(config.answer.on_overload, Answer::kDeny);
  EXPECT_EQ(config.answer.unknown_intent, UnknownIntent::kRead);
  EXPECT_EQ(config.answer.threads, 2U);
  EXPECT_EQ(config.lsm.pin, "/sys/fs/bpf/guardd");
  EXPECT_EQ(config.scan.threads, 3U);
  EXPECT_EQ(config.scan.every, 24h);
  EXPECT_EQ(config.audit.path, "/srv/audit");
  EXPECT_EQ(config.audit.retention, 30 * 24h);
  EXPECT_EQ(config.audit.max_size, 2U << 20U);
  EXPECT_EQ(config.journal.sample, 7U);
  EXPECT_EQ(config.journal.min_severity, Severity::kLow);
  EXPECT_EQ(config.journal.rate, 7U);
  EXPECT_EQ(config.incident.quiet, 5s);
  EXPECT_EQ(config.metrics.textfile, "/var/lib/metrics/guardd.prom");
}

TEST(Config, EveryMistakeShowsItsPlaceAndAFix) {
  EXPECT_EQ(wrong("bakend = \"lsm\"\n"),
            "guardd.toml:1:1: unknown key \"bakend\"; did you mean \"backend\"?\n");
  EXPECT_NE(wrong("[incident]\nquiet = \"soon\"\n").find("guardd.toml:2:9: "), std::string::npos);
  EXPECT_NE(wrong("[scan]\nthreads = 0\n").find("guardd.toml:2:"), std::string::npos);
  EXPECT_NE(wrong("[scan]\nevery = \"never\"\n").find("or \"off\""), std::string::npos);
  EXPECT_NE(wrong("[lsm]\npin = \"bpf\"\n").find("for example, \"/sys/fs/bpf/guardd\""),
            std::string::npos);
  EXPECT_EQ(wrong("[lsm]\npin = \"\"\n"), "");
  EXPECT_NE(wrong("[audit]\nmax_size = \"big\"\n").find("for example, \"1G\""), std::string::npos);
  const auto relative = wrong("[audit]\npath = \"audit.db\"\n");
  EXPECT_NE(relative.find(":2:8: path = \"audit.db\" is not an absolute path; write, for example, "
                          "\"/var/lib/guardd/audit.db\""),
            std::string::npos)
      << relative;
  EXPECT_EQ(wrong("[journal]\nmin_severity = \"hihg\"\n"),
            "guardd.toml:2:16: min_severity must be info, low, medium, high or critical, not "
            "\"hihg\"; did you mean \"high\"?\n");
  EXPECT_NE(wrong("backend = \n").find("guardd.toml:1:"), std::string::npos);
  const auto both = wrong("tracer = \"on\"\nbackend = \"best\"\n");
  EXPECT_NE(both.find(":1:"), std::string::npos);
  EXPECT_NE(both.find(":2:"), std::string::npos);
}

TEST(Config, ReadsAlerts) {
  Diagnostics diagnostics;
  const auto file = diagnostics.add_file("guardd.toml");
  const auto config = read_config(R"([[alert]]
name = "skipped"
when = "outcome == skipped"
[[alert]]
name = "many"
when = 'more than 50 violations in 10s by one command'
unit = "guardd-alert-wall@.service"
every = "1h"
)",
                                  file, diagnostics);
  EXPECT_EQ(complaints(diagnostics), "");
  ASSERT_EQ(config.alerts.size(), 2U);
  EXPECT_EQ(config.alerts[0].name, "skipped");
  EXPECT_EQ(config.alerts[0].when.text, "outcome == skipped");
  EXPECT_EQ(config.alerts[0].unit, "guardd-alert@.service");
  EXPECT_EQ(config.alerts[0].every, 5min);
  EXPECT_EQ(config.alerts[1].unit, "guardd-alert-wall@.service");
  EXPECT_EQ(config.alerts[1].every, 1h);
  EXPECT_TRUE(config.alerts[1].when.rate);
}

TEST(Config, MistakesInAlertsHaveTheirPlaces) {
  const std::string good = "[[alert]]\nname = \"a\"\nwhen = \"outcome == skipped\"\n";
  EXPECT_EQ(wrong("[[alert]]\nname = \"a\"\nwhen = \"severty >= high\"\n"),
            "guardd.toml:3:9: when: unknown field \"severty\"; did you mean \"severity\"?\n");
  EXPECT_EQ(wrong("[[alert]]\nname = \"a\"\n  when = 'policy == shop or uid == 0'\n"),
            "guardd.toml:3:26: when: there is no \"or\"; write one [[alert]] for each case\n");
  // With escapes, the place is that of the value.
  EXPECT_EQ(wrong("[[alert]]\nname = \"a\"\nwhen = \"policy == \\\"a b\\\" or\"\n"),
            "guardd.toml:3:8: when: there is no \"or\"; write one [[alert]] for each case\n");
  EXPECT_EQ(wrong("[[alert]]\n"),
            "guardd.toml:1:1: [[alert]] has no name; write name = \"skipped\"\n"
            "guardd.toml:1:1: [[alert]] has no when; write when = \"outcome == skipped\"\n");
  EXPECT_EQ(wrong(good + good), "guardd.toml:5:8: there is another alert \"a\" in guardd.toml:2\n");
  EXPECT_EQ(wrong("[[alert]]\nname = \"A\"\nwhen = \"uid == 0\"\n"),
            "guardd.toml:2:8: name = \"A\" is not valid; use lower-case letters, digits, \".\", "
            "\"_\" and \"-\"\n");
  EXPECT_EQ(wrong(good + "unit = \"../x@.service\"\n"),
            "guardd.toml:4:8: unit = \"../x@.service\" is not a template of a service; write, for "
            "example, \"guardd-alert-wall@.service\"\n");
  EXPECT_EQ(wrong(good + "unit = \"mail.service\"\n").find("guardd.toml:4:8: unit"), 0U);
  EXPECT_EQ(wrong(good + "every = \"10ms\"\n"), "guardd.toml:4:9: every must be at least \"1s\"\n");
  EXPECT_EQ(wrong(good + "evry = \"10s\"\n"),
            "guardd.toml:4:1: unknown key \"evry\" in [[alert]]; did you mean \"every\"?\n");
  EXPECT_EQ(wrong("[alert]\nname = \"a\"\n"),
            "guardd.toml:1:1: alert must be an array of tables, each under [[alert]] in double "
            "brackets\n");
  std::string many;
  for (int i = 0; i <= 50; ++i)
    many += "[[alert]]\nname = \"" + std::to_string(i) + "\"\nwhen = \"uid == 0\"\n";
  EXPECT_NE(wrong(many).find("there are more than 50 alerts"), std::string::npos);
}

class ConfigFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "guardd-config-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& text, mode_t mode = 0644) const {
    const auto path = directory_ / "guardd.toml";
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path.string();
  }

  std::filesystem::path directory_;
};

// The installed file has each setting as a comment, with its default.
TEST(Config, TheInstalledFileHasTheDefaults) {
  std::ifstream file(GUARD_SOURCE_DIR "/units/guardd.toml");
  std::string text;
  std::size_t settings = 0;
  for (std::string line; std::getline(file, line);) {
    const bool is_setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    text += (is_setting ? line.substr(1) : line) + "\n";
    if (is_setting && line[1] != '[') ++settings;
  }
  Diagnostics diagnostics;
  const auto got = read_config(text, diagnostics.add_file("guardd.toml"), diagnostics);
  EXPECT_EQ(complaints(diagnostics), "");
  const Config usual;
  EXPECT_EQ(got.backend, usual.backend);
  EXPECT_EQ(got.tracer, usual.tracer);
  EXPECT_EQ(got.answer.deadline, usual.answer.deadline);
  EXPECT_EQ(got.answer.on_deadline, usual.answer.on_deadline);
  EXPECT_EQ(got.answer.on_overload, usual.answer.on_overload);
  EXPECT_EQ(got.answer.unknown_intent, usual.answer.unknown_intent);
  EXPECT_EQ(got.answer.threads, 4U);  // at most, which is what its comment says
  EXPECT_EQ(got.lsm.pin, usual.lsm.pin);
  EXPECT_EQ(got.scan.threads, 4U);  // at most, which is what its comment says
  EXPECT_EQ(got.scan.every, usual.scan.every);
  EXPECT_EQ(got.audit.path, usual.audit.path);
  EXPECT_EQ(got.audit.retention, usual.audit.retention);
  EXPECT_EQ(got.audit.max_size, usual.audit.max_size);
  EXPECT_EQ(got.limits.directories, usual.limits.directories);
  EXPECT_EQ(got.limits.pending, usual.limits.pending);
  EXPECT_EQ(got.limits.queues, usual.limits.queues);
  EXPECT_EQ(got.limits.audit_rows, usual.limits.audit_rows);
  EXPECT_EQ(got.limits.audit_size, usual.limits.audit_size);
  EXPECT_EQ(got.journal.sample, usual.journal.sample);
  EXPECT_EQ(got.journal.min_severity, usual.journal.min_severity);
  EXPECT_EQ(got.journal.rate, usual.journal.rate);
  EXPECT_EQ(got.incident.quiet, usual.incident.quiet);
  EXPECT_EQ(got.metrics.textfile, usual.metrics.textfile);
  ASSERT_EQ(got.alerts.size(), 1U);
  EXPECT_EQ(got.alerts[0].unit, AlertSettings().unit);
  EXPECT_EQ(got.alerts[0].every, AlertSettings().every);
  EXPECT_EQ(settings, 27U);
}

TEST_F(ConfigFile, IsReadIfItIsNamed) {
  Diagnostics diagnostics;
  const auto config = load_config(write("[journal]\nsample = 9\n"), diagnostics);
  ASSERT_TRUE(config) << complaints(diagnostics);
  EXPECT_EQ(config->journal.sample, 9U);
}

TEST_F(ConfigFile, MustExistIfItIsNamed) {
  Diagnostics diagnostics;
  EXPECT_FALSE(load_config((directory_ / "none.toml").string(), diagnostics));
  EXPECT_NE(complaints(diagnostics).find("none.toml:1:1: it cannot be opened"), std::string::npos);
}

TEST_F(ConfigFile, IsRejectedWhenOthersCanWriteIt) {
  Diagnostics diagnostics;
  EXPECT_FALSE(load_config(write("", 0666), diagnostics));
  EXPECT_NE(complaints(diagnostics).find("users other than root can write it"), std::string::npos);
}

TEST_F(ConfigFile, IsNotUsedIfItHasAMistake) {
  Diagnostics diagnostics;
  EXPECT_FALSE(load_config(write("journal = 1\n"), diagnostics));
  EXPECT_TRUE(diagnostics.has_errors());
}

}  // namespace
}  // namespace guard
