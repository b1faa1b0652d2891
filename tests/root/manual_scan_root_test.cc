// Scans that a user requests, which fix more than guardd does by itself.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <string>

#include "guardd/enforce/violation.h"
#include "guardd/request_process/manual_scan.h"
#include "guardd/request_process/undo.h"
#include "tests/root/scratch_fs.h"

namespace guard::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kApp = 4242;
constexpr uid_t kKeys = 4343;

Pattern pattern(const std::string& text) {
  auto glob = Glob::compile(text);
  EXPECT_TRUE(glob) << text;
  return {*std::move(glob), {}};
}

struct AskedScan {
  std::string where;
  bool fix = false;
  bool dry_run = false;
};

class ManualScanTest : public ScratchFsTest {
 protected:
  void SetUp() override {
    ScratchFsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    policy("app", Action::kLog);
    policy("off", Action::kOff);
    policy("other", Action::kFix);
    for (const char* name : {"app", "off", "other"}) tree(name, name);
    tree("app/nested", "other");
  }

  void policy(const std::string& name, Action action) {
    Policy made;
    made.said.name.value = name;
    made.said.action.value = action;
    made.said.guards.value = {Guard::kOwnership};
    made.wanted.owner = {Uid{kApp}, "app"};
    made.wanted.group = {Gid{kApp}, "app"};
    numbers_[name] = static_cast<std::uint32_t>(policies_.size());
    policies_.push_back(std::move(made));
  }
  void tree(const std::string& path, const std::string& policy) {
    directory(path);
    trees_.push_back({at(path), numbers_.at(policy), {}});
  }
  std::string at(const std::string& path) const { return (root() / path).string(); }
  void directory(const std::string& path, uid_t uid = kApp, mode_t mode = 0755) const {
    fs::create_directories(root() / path);
    ASSERT_EQ(::chown(at(path).c_str(), uid, uid), 0);
    ASSERT_EQ(::chmod(at(path).c_str(), mode), 0);
  }
  void file(const std::string& path, mode_t mode = 0644) const {
    std::ofstream(root() / path) << "content";
    ASSERT_EQ(::chmod(at(path).c_str(), mode), 0);
  }
  uid_t owner(const std::string& path) const {
    struct stat facts {};
    EXPECT_EQ(::lstat(at(path).c_str(), &facts), 0) << path;
    return facts.st_uid;
  }

  PolicySet set() const { return {policies_, trees_, {"p.toml"}, 1}; }

  // What the scan fixed or left. Sets error_ on failure.
  using Found = std::map<std::string, std::string>;
  Found scan(const AskedScan& asked, const std::stop_token& stop = {}) {
    const auto set = this->set();
    Found found;
    reported_.clear();
    const auto done = scan_of(
        set, asked,
        [&](const Violation& violation) {
          found[violation.path.substr(root().string().size() + 1)] =
              violation.action == Outcome::kFixed ? "fixed" : "left";
          EXPECT_EQ(violation.uid_wanted, Uid{kApp});
          reported_.push_back(violation);
        },
        stop);
    error_ = done ? "" : done.error().text();
    if (done) report_ = *done;
    return found;
  }

  Result<ManualScanReport> scan_of(const PolicySet& set, const AskedScan& asked,
                                   const std::function<void(const Violation&)>& found,
                                   const std::stop_token& stop = {}) {
    GUARD_TRY(const auto targets, targets_of(set, asked.where));
    OnManualScan on;
    on.found = [&](const ManualFinding& finding) {
      NoticedChange seen;
      seen.operation = Operation::kScan;
      found(make_violation(set, finding.tree, finding.path, seen, finding.outcome));
    };
    return scan_now(set, {targets, asked.fix, asked.dry_run}, {}, on, stop, progress_);
  }

  std::vector<Policy> policies_;
  std::map<std::string, std::uint32_t> numbers_;
  std::vector<Tree> trees_;
  ScanProgress progress_;
  ManualScanReport report_;
  std::vector<Violation> reported_;
  std::string error_;
};
GUARD_ON_EVERY_FS(ManualScanTest);

TEST_P(ManualScanTest, OnlyLooks) {
  file("app/file");
  file("app/secret", 0600);
  directory("app/private", 0, 0700);
  file("app/private/file");
  EXPECT_TRUE(scan({"app"}).empty());
  EXPECT_EQ(report_.found, 4U);
  EXPECT_EQ(report_.fixed, 0U);
  EXPECT_TRUE(report_.complete);
  EXPECT_EQ(owner("app/file"), 0U);
}

TEST_P(ManualScanTest, FixesWhatThePolicyLogsAndWhatTheOwnerCouldNotRead) {
  file("app/file");
  file("app/secret", 0600);
  directory("app/private", 0, 0700);
  file("app/private/file", 0600);
  const auto found = scan({"app", true});
  EXPECT_EQ(found.size(), 4U);
  for (const auto& [name, result] : found) {
    EXPECT_EQ(result, "fixed") << name;
    EXPECT_EQ(owner(name), kApp) << name;
  }
  EXPECT_EQ(report_.fixed, 4U);
  ASSERT_EQ(reported_.size(), 4U);
  for (const auto& violation : reported_) {
    EXPECT_EQ(violation.action, Outcome::kFixed);
    EXPECT_EQ(violation.operation, Operation::kScan);
    EXPECT_EQ(violation.policy, "app");
    EXPECT_EQ(violation.before->uid, kRoot);
    EXPECT_EQ(violation.after->uid, Uid{kApp});
    EXPECT_TRUE(found.contains(violation.path.substr(root().string().size() + 1)));
  }
}

TEST_P(ManualScanTest, ADryRunChangesNothing) {
  file("app/secret", 0600);
  fs::create_hard_link(root() / "app/secret", root() / "outside");
  file("app/file");
  EXPECT_EQ(scan({"app", true, true}), (Found{{"app/file", "fixed"}, {"app/secret", "left"}}));
  EXPECT_EQ(report_.found, 2U);
  EXPECT_EQ(report_.fixed, 1U);
  EXPECT_EQ(owner("app/file"), 0U);
}

TEST_P(ManualScanTest, DoesNotFixWhatIsUnsafe) {
  file("app/setuid", 04755);
  file("app/linked");
  fs::create_hard_link(root() / "app/linked", root() / "outside");
  ASSERT_EQ(::mkfifo(at("app/fifo").c_str(), 0644), 0);
  file("app/log");
  const Fd writer(::open(at("app/log").c_str(), O_WRONLY | O_CLOEXEC));
  for (const auto& [name, result] : scan({"app", true})) {
    EXPECT_EQ(result, "left") << name;
    EXPECT_EQ(owner(name), 0U) << name;
  }
  EXPECT_EQ(report_.found, 4U);
  EXPECT_EQ(report_.fixed, 0U);
  for (const auto& violation : reported_) EXPECT_EQ(violation.action, Outcome::kSkipped);
}

TEST_P(ManualScanTest, LooksBelowAPathOnly) {
  directory("app/part");
  for (const char* name : {"app/file", "app/part/file", "app/nested/file", "other/file"})
    file(name);
  EXPECT_EQ(scan({at("app/part"), true, true}), (Found{{"app/part/file", "fixed"}}));
  EXPECT_EQ(scan({at("app/other/.././part/"), true, true}), (Found{{"app/part/file", "fixed"}}));
  EXPECT_EQ(scan({at("app/file"), true}), (Found{{"app/file", "fixed"}}));
  EXPECT_EQ(owner("app/file"), kApp);
  EXPECT_EQ(scan({at("app/file")}), Found{});
  EXPECT_EQ(error_, "");
  EXPECT_EQ(scan({at("app"), true, true}),
            (Found{{"app/part/file", "fixed"}, {"app/nested/file", "fixed"}}));
  EXPECT_EQ(scan({root().string(), true, true}).size(), 3U);
  EXPECT_EQ(scan({"", true, true}).size(), 3U);
  EXPECT_EQ(scan({"other", true, true}),
            (Found{{"app/nested/file", "fixed"}, {"other/file", "fixed"}}));
  (void)scan({at("app/nothing")});
  EXPECT_NE(error_, "");
}

TEST_P(ManualScanTest, ReportsWhatItCannotScan) {
  file("off/file");
  EXPECT_EQ(scan({"off", true}), Found{});
  EXPECT_NE(error_.find("policy \"off\" is off"), std::string::npos) << error_;
  EXPECT_EQ(scan({at("off/file"), true}), Found{});
  EXPECT_NE(error_.find("policy \"off\" is off"), std::string::npos) << error_;
  (void)scan({"ap"});
  EXPECT_NE(error_.find("did you mean \"app\"?"), std::string::npos) << error_;
  (void)scan({"/elsewhere"});
  EXPECT_NE(error_.find("no policy has a tree"), std::string::npos) << error_;
  EXPECT_EQ(owner("off/file"), 0U);
  fs::remove_all(root() / "other");
  EXPECT_EQ(scan({"other", true, true}), Found{});
  EXPECT_EQ(error_, "");
}

TEST_P(ManualScanTest, IgnoresFilesOfARuleThatIsOff) {
  Rule rule;
  rule.match.push_back(pattern("keys/**"));
  rule.wanted = policies_[0].wanted;
  rule.wanted.owner = {Uid{kKeys}, "keys"};
  rule.action = Action::kOff;
  policies_[0].rules.push_back(rule);
  directory("app/keys");
  file("app/keys/key");
  file("app/file");
  EXPECT_EQ(scan({"app", true}), (Found{{"app/file", "fixed"}}));
}

TEST_P(ManualScanTest, FixesFilesOfAPausedPolicy) {
  policies_[numbers_["other"]].said.action.value = Action::kDeny;
  file("other/secret", 0600);
  const auto paused = set().paused({{"other", "excused: because"}});
  std::vector<Violation> reported;
  const auto done = scan_of(paused, {"other", true},
                            [&](const Violation& violation) { reported.push_back(violation); });
  ASSERT_TRUE(done);
  EXPECT_EQ(done->fixed, 1U);
  ASSERT_EQ(reported.size(), 1U);
  EXPECT_EQ(reported[0].action, Outcome::kFixed);
  EXPECT_EQ(owner("other/secret"), kApp);
}

TEST_P(ManualScanTest, FixesFilesThatWereUndone) {
  file("other/file");
  ASSERT_EQ(scan({"other", true}).size(), 1U);
  const auto& reported = reported_.at(0);
  LeftAlone left_alone;
  std::atomic<std::uint64_t> looked_at = 0;
  const auto undoing = undo({{reported.time, "i", reported.policy, reported.path, reported.object,
                              *reported.before, *reported.after}},
                            set(), &left_alone, {}, looked_at);
  ASSERT_EQ(undoing.restored.size(), 1U);
  EXPECT_EQ(owner("other/file"), 0U);
  EXPECT_EQ(scan({"other", true}), (Found{{"other/file", "fixed"}}));
}

TEST_P(ManualScanTest, CanBeStopped) {
  file("app/file");
  std::stop_source source;
  source.request_stop();
  (void)scan({"app", true}, source.get_token());
  EXPECT_EQ(error_, "");
  EXPECT_FALSE(report_.complete);
  EXPECT_EQ(owner("app/file"), 0U);
}

}  // namespace
}  // namespace guard::test
