// The metrics for Prometheus, and the file that holds them.
#include "guardd/control/metrics_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dbus/metrics.h"

namespace guard {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

bus::PolicyFacts shop() {
  bus::PolicyFacts facts;
  facts.name = "shop";
  facts.action = "deny";
  facts.effective_action = "fix";
  facts.state = "active";
  facts.violations = 7;
  facts.skipped = {{"busy", 0}, {"war", 2}};
  facts.beyond_limit = {{"pending", 9}};
  return facts;
}

TEST(PrometheusText, IsValidForTheOldParser) {
  bus::Facts facts;
  facts.version = "1\"\\\n";
  facts.health = "ok";
  facts.lost = 3;
  facts.answered_late = 4;
  facts.answered_unseen = 5;
  facts.helpers_given_up = {{"broken", 1}, {"late", 6}};
  facts.helpers_hung = 2;
  facts.alerts = {{"skipped", "outcome == skipped", 2, 17, 1'795'183'387'250'000},
                  {"new", "", 0, 0, 0}};
  const auto text = bus::prometheus_text(facts, {shop()});
  std::istringstream lines(text);
  std::string family;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string mark;
    std::string kind;
    std::string name;
    std::string type;
    words >> mark >> kind >> name >> type;
    if (mark != "#") {
      EXPECT_THAT(line, StartsWith(family)) << "does not start with the name of its family";
      EXPECT_THAT(line.substr(family.size(), 1), AnyOf("{", " "));
    } else if (kind == "TYPE") {
      EXPECT_THAT(type, AnyOf("counter", "gauge"));
      family = name;
    } else {
      EXPECT_EQ(kind, "HELP");
    }
  }
  EXPECT_THAT(text, HasSubstr(R"(guardd_build_info{version="1\"\\\n",backend=""} 1)"));
  EXPECT_THAT(text, HasSubstr("# TYPE guardd_violations_total counter\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_violations_total{policy=\"shop\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_lost_total 3\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_answered_late_total 4\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_answered_unseen_total 5\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_helpers_given_up_total{why=\"late\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_helpers_hung 2\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_alert_starts_total{alert=\"skipped\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_alert_held_back_total{alert=\"skipped\"} 17\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_alert_last_start_timestamp{alert=\"skipped\"} 1795183387\n"
                              "guardd_alert_last_start_timestamp{alert=\"new\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_skipped_total{policy=\"shop\",reason=\"busy\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_skipped_total{policy=\"shop\",reason=\"war\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("\nguardd_beyond_limit_total{policy=\"shop\",limit=\"pending\"} 9\n"));
  EXPECT_THAT(text, HasSubstr("\nguardd_health{guardd_health=\"ok\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("# EOF")));
}

class MetricsFileTest : public ::testing::Test {
 protected:
  MetricsFileTest() {
    std::string name = (fs::temp_directory_path() / "guardd-test-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~MetricsFileTest() override { fs::remove_all(directory_); }
  MetricsFileTest(const MetricsFileTest&) = delete;
  MetricsFileTest& operator=(const MetricsFileTest&) = delete;

  std::string path() const { return directory_ / "guardd.prom"; }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_))
      names.push_back(entry.path().filename());
    return names;
  }
  void finish() {
    pollfd ready{jobs_.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&ready, 1, 5'000), 1) << "no file is written";
    jobs_.finish();
  }

  fs::path directory_;
  BackgroundJobs jobs_{1};
};

TEST_F(MetricsFileTest, IsReplacedAsAWholeAndReadableByAll) {
  const auto before = ::umask(077);
  ASSERT_TRUE(replace_file(path(), "one\n"));
  const Fd reader(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(replace_file(path(), "two\n"));
  ::umask(before);
  char buffer[8] = {};
  EXPECT_EQ(::read(reader.get(), buffer, sizeof buffer), 4) << "a reader keeps the old file";
  EXPECT_STREQ(buffer, "one\n");
  EXPECT_EQ(content(path()), "two\n");
  EXPECT_EQ(fs::status(path()).permissions(), fs::perms{0644});
  EXPECT_THAT(names(), ElementsAre("guardd.prom"));
}

TEST_F(MetricsFileTest, FollowsNoLinkAndRemovesLeftoversOfACrash) {
  std::ofstream(directory_ / "victim") << "precious";
  fs::create_symlink(directory_ / "victim", path());
  fs::create_symlink(directory_ / "victim", directory_ / ".guardd.prom.guardd");
  ASSERT_TRUE(replace_file(path(), "text\n"));
  EXPECT_EQ(content(directory_ / "victim"), "precious");
  EXPECT_FALSE(fs::is_symlink(path()));
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(MetricsFileTest, ReportsAFailedWriteUntilOneWorks) {
  MetricsFile file(jobs_);
  file.set_path(directory_ / "none" / "guardd.prom");
  const auto start = *file.next();
  const auto text = [] { return std::string("text\n"); };
  file.work(start, text);
  finish();
  file.work(start, text);
  EXPECT_THAT(file.trouble(), HasSubstr("cannot write the metrics: "));
  EXPECT_THAT(file.trouble(), HasSubstr("No such file or directory"));
  fs::create_directory(directory_ / "none");
  file.work(start + MetricsFile::kEvery, text);
  finish();
  file.work(start + MetricsFile::kEvery, text);
  EXPECT_EQ(file.trouble(), "");
  EXPECT_EQ(content(directory_ / "none" / "guardd.prom"), "text\n");
}

TEST_F(MetricsFileTest, IsWrittenRegularlyAndNeverTwiceAtATime) {
  MetricsFile file(jobs_);
  int asked = 0;
  const auto text = [&] { return std::to_string(++asked); };
  EXPECT_FALSE(file.next()) << "no path is set";
  file.work(std::chrono::steady_clock::now(), text);
  file.set_path(path());
  const auto start = *file.next();
  file.work(start, text);
  EXPECT_EQ(*file.next(), start + MetricsFile::kEvery);
  file.work(start + MetricsFile::kEvery - 1ms, text);
  file.work(start + MetricsFile::kEvery, text);
  EXPECT_EQ(asked, 1) << "the first write is not finished";
  finish();
  file.work(start + 2 * MetricsFile::kEvery, text);
  finish();
  EXPECT_EQ(content(path()), "2");
  file.set_path("");
  EXPECT_FALSE(file.next());
  EXPECT_TRUE(fs::exists(path()));
}

}  // namespace
}  // namespace guard
