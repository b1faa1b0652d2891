#include "tests/root/daemon_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <utility>

#include "policy/base/handle.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::string_view kMarker = "marker-of-the-test-";

bool is_about_marker(const Json& record) {
  return record["path"].get<std::string>().find(kMarker) != std::string::npos;
}

// Prints what the owner cannot do. Runs as the owner.
bool works_in(int directory) {
  const Handle<DIR, ::closedir> listing(::fdopendir(directory));
  if (!listing) return false;
  const int here = ::dirfd(listing.get());
  std::vector<std::string> names;
  while (const auto* each = ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string name = each->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  const auto fails = [](const std::string& name, const char* what) {
    std::fprintf(stderr, "the owner cannot %s %s: %m\n", what, name.c_str());
    return false;
  };
  for (const auto& name : names) {
    struct stat facts {};
    if (::fstatat(here, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return fails(name, "stat");
    if (S_ISREG(facts.st_mode)) {
      // Some files, such as git's packs, are read-only, but their owner can change that.
      if ((facts.st_mode & S_IWUSR) == 0 && ::fchmodat(here, name.c_str(), 0600, 0) != 0)
        return fails(name, "chmod");
      const Fd opened(::openat(here, name.c_str(), O_RDWR | O_CLOEXEC));
      if (!opened) return fails(name, "write");
    } else if (S_ISDIR(facts.st_mode)) {
      const int below = ::openat(here, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (below < 0) return fails(name, "open");
      if (!works_in(below)) return false;
    }
    if (::renameat(here, name.c_str(), here, ".renamed") != 0) return fails(name, "rename");
    if (::unlinkat(here, ".renamed", S_ISDIR(facts.st_mode) ? AT_REMOVEDIR : 0) != 0)
      return fails(name, "remove");
  }
  return true;
}

}  // namespace

void DaemonTest::SetUp() {
  ScratchFsTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  tree_ = root() / "srv" / "app";
  logged_ = root() / "srv" / "logged";
  other_ = root() / "other";
  state_ = root().string() + ".state";
  fs::create_directory(other_);
  fs::create_directory(root() / "policies");
  for (const auto& tree : {tree_, logged_}) {
    fs::create_directories(tree);
    ASSERT_EQ(::chown(tree.c_str(), kApp, kApp), 0);
  }
  ASSERT_EQ(::setenv("T", tree_.c_str(), 1), 0);
  // The sanitizer keeps freed memory for a while; too much of it looks like a leak.
  ASSERT_EQ(::setenv("ASAN_OPTIONS", "quarantine_size_mb=8", 1), 0);
  ASSERT_EQ(::setenv("O", other_.c_str(), 1), 0);
  ::umask(022);
}

void DaemonTest::TearDown() {
  if (pid_ > 0) stop();
}

void DaemonTest::policy(const std::string& name, const std::string& action,
                        const std::string& settle, const std::string& more) {
  std::ofstream(root() / "policies" / (name + ".toml"))
      << "[[policy]]\nname = \"" << name << "\"\npaths = [\"" << (root() / "srv" / name).string()
      << "\"]\nowner = 4242\ngroup = 4242\naction = \"" << action << "\"\nsettle = \"" << settle
      << "\"\n"
      << more << "\n";
}

void DaemonTest::guard_both(const std::string& settle, const std::string& more) {
  policy("app", "fix", settle, more);
  policy("logged", "log", settle, more);
}

void DaemonTest::guard_app(const std::string& action, const std::string& settle,
                           const std::string& more) {
  policy("app", action, settle, more);
}

std::string DaemonTest::backend() {
  const char* name = std::getenv("GUARD_TEST_BACKEND");  // NOLINT(concurrency-mt-unsafe)
  return name ? name : "fanotify";
}

void DaemonTest::start() {
  const auto out = output_path();
  const auto directory = (root() / "policies").string();
  const auto state = state_.string();
  std::vector<std::string> words{GUARDD, "--policy-dir", directory, "--state-dir", state, "--bus",
                                 bus_,   "--backend",    backend(), "--log",       "json"};
  words.insert(words.end(), options_.begin(), options_.end());
  read_ = 0;
  by_type_.clear();
  by_path_.clear();
  if (std::getenv("GUARD_TEST_CALLS")) {  // NOLINT(concurrency-mt-unsafe)
    recorder_ = std::make_unique<CallRecorder>();
    pid_ = recorder_->start(words, out);
    ASSERT_GT(pid_, 0);
    ASSERT_TRUE(eventually([&] { return !of_type("ready").empty(); }));
    return;
  }
  std::vector<char*> arguments;
  // As in its unit.
  const std::vector<std::string> as_service{"setpriv", "--no-new-privs"};
  words.insert(words.begin(), as_service.begin(), as_service.end());
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ASSERT_EQ(::posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  ASSERT_TRUE(eventually([&] { return !of_type("ready").empty(); }));
}

std::vector<fs::path> DaemonTest::guarded_trees() const {
  std::vector<fs::path> trees;
  for (const auto& tree : {tree_, logged_}) {
    const auto policy_file = root() / "policies" / (tree.filename().string() + ".toml");
    if (fs::exists(policy_file) && fs::exists(tree)) trees.push_back(tree);
  }
  return trees;
}

int DaemonTest::stop() {
  int status = 0;
  ::kill(pid_, SIGTERM);
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  check_calls();
  return status;
}

void DaemonTest::check_calls() {
  const auto recorder = std::exchange(recorder_, nullptr);
  if (!recorder) return;
  EXPECT_GT(recorder->watched(), 0U);
  EXPECT_EQ(recorder->forbidden(), std::vector<std::string>()) << "these are for helpers";
}

void DaemonTest::kill_it() {
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  check_calls();
}

std::size_t DaemonTest::marks() const {
  std::size_t count = 0;
  for (const auto& each : fs::directory_iterator("/proc/" + std::to_string(pid_) + "/fdinfo")) {
    std::ifstream lines(each.path());
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("fanotify ino:")) ++count;
  }
  return count;
}

bool DaemonTest::eventually(const std::function<bool()>& true_yet) {
  // A virtual machine in software emulation is slow.
  const bool is_slow = std::getenv("GUARD_KERNEL") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  for (int i = 0; i < (is_slow ? 1800 : 300); ++i) {
    if (true_yet()) return true;
    std::this_thread::sleep_for(50ms);
  }
  return false;
}

// Events of one file system arrive in order, and the first one settles first.
void DaemonTest::let_settle() {
  const auto name = std::string(kMarker) + std::to_string(markers_++);
  for (const auto& tree : guarded_trees()) {
    std::ofstream(tree / name).close();
    EXPECT_TRUE(eventually([&] { return !violations(tree / name).empty(); }))
        << "the daemon does not report " << tree / name;
  }
  std::this_thread::sleep_for(300ms);
}

void DaemonTest::read_on() const {
  std::ifstream record(output_path());
  record.seekg(read_);
  for (std::string line; std::getline(record, line) && !record.eof();) {
    read_ += static_cast<std::streamoff>(line.size()) + 1;
    auto json = Json::parse(line, nullptr, false);
    if (json.is_discarded()) continue;
    if (json["type"] == "violation") by_path_[json["path"].get<std::string>()].push_back(json);
    by_type_[json["type"].get<std::string>()].push_back(std::move(json));
  }
}

std::vector<Json> DaemonTest::of_type(const std::string& type) const {
  read_on();
  return by_type_[type];
}

std::vector<Json> DaemonTest::violations(const fs::path& path) const {
  read_on();
  return by_path_[path.string()];
}

std::vector<Json> DaemonTest::violations_below(const fs::path& tree) const {
  auto found = of_type("violation");
  std::erase_if(found, [&](const Json& record) {
    return !record["path"].get<std::string>().starts_with(tree.string()) || is_about_marker(record);
  });
  return found;
}

std::vector<Json> DaemonTest::closed_incidents() const {
  auto found = of_type("incident");
  std::erase_if(found, [](const Json& record) {
    return record["state"] != "closed" ||
           (record["count"] < 3 && record["sample"].dump().find(kMarker) != std::string::npos);
  });
  return found;
}

void DaemonTest::caught(const std::string& name, const Expected& expected) const {
  for (const auto& tree : {tree_, logged_}) {
    const bool fixes = tree == tree_;
    const auto path = name.empty() ? tree : tree / name;
    SCOPED_TRACE(path);
    (void)eventually([&] { return !violations(path).empty(); });
    const auto all = violations(path);
    EXPECT_EQ(all.size(), 1U) << Json(all).dump(1);
    if (all.empty()) continue;
    const auto& record = all.front();
    const bool is_fixed = fixes && expected.skipped.empty();
    EXPECT_EQ(record["policy"], fixes ? "app" : "logged");
    const bool other_operation = !fixes && !expected.logged_operation.empty();
    EXPECT_EQ(record["operation"],
              other_operation ? expected.logged_operation : expected.operation);
    const bool is_skipped = !is_fixed && record.contains("reason");
    EXPECT_EQ(record["action"], is_fixed ? "fixed" : is_skipped ? "skipped" : "logged") << record;
    if (fixes && !expected.skipped.empty()) {
      EXPECT_NE(record.value("reason", "").find(expected.skipped), std::string::npos) << record;
    }
    if (!expected.exe.empty()) {
      EXPECT_EQ(fs::path(record.value("exe", "?")).filename(), expected.exe) << record;
      EXPECT_GT(record.value("pid", 0), 0) << record;
      EXPECT_NE(record.value("cmdline", ""), "") << record;
      EXPECT_EQ(record.value("fsuid", -1), record.value("uid", -2)) << record;
    }
    const auto now = facts(path);
    EXPECT_EQ(record["uid_after"], now.st_uid);
    EXPECT_EQ(record["gid_after"], now.st_gid);
    if (is_fixed) {
      EXPECT_EQ(now.st_uid, kApp);
      EXPECT_EQ(now.st_gid, kApp);
    } else {
      EXPECT_EQ(record["uid_before"], now.st_uid);
      EXPECT_EQ(record["gid_before"], now.st_gid);
    }
  }
}

void DaemonTest::nothing_told(const std::vector<std::string>& but) const {
  for (const auto& tree : {tree_, logged_}) {
    for (const auto& record : violations_below(tree)) {
      const auto expected = std::any_of(but.begin(), but.end(), [&](const std::string& name) {
        return record["path"] == (tree / name).string();
      });
      EXPECT_TRUE(expected) << record.dump(1);
    }
  }
}

std::string DaemonTest::missing(const std::vector<std::string>& programs) {
  for (const auto& each : programs)
    if (std::system(("command -v " + each + " > /dev/null").c_str()) != 0) return each;  // NOLINT
  return "";
}

void DaemonTest::as_root(const std::string& command) {
  EXPECT_EQ(std::system(("set -e\n" + command).c_str()), 0) << command;  // NOLINT
}

void DaemonTest::as_user(uid_t user, const std::string& command) {
  ASSERT_EQ(::setenv("COMMAND", ("set -e\n" + command).c_str(), 1), 0);
  const auto id = std::to_string(user);
  as_root("exec setpriv --reuid " + id + " --regid " + id + " --clear-groups sh -c \"$COMMAND\"");
}

void DaemonTest::as_app(const std::string& command) {
  as_user(kApp, command);
}

void DaemonTest::in_both(const std::string& command) const {
  for (const auto& tree : {logged_, tree_}) {
    ASSERT_EQ(::setenv("T", tree.c_str(), 1), 0);
    as_root(command);
  }
}

void DaemonTest::in_both_as_app(const std::string& command) const {
  for (const auto& tree : {logged_, tree_}) {
    ASSERT_EQ(::setenv("T", tree.c_str(), 1), 0);
    as_app(command);
  }
}

struct stat DaemonTest::facts(const fs::path& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) facts.st_uid = kNoOwner;
  return facts;
}

uid_t DaemonTest::owner(const fs::path& path) {
  return facts(path).st_uid;
}

unsigned DaemonTest::mode(const fs::path& path) {
  return facts(path).st_mode & 07777U;
}

bool DaemonTest::becomes_apps(const std::string& name) const {
  return eventually([&] { return owner(tree_ / name) == kApp; });
}

void DaemonTest::owner_can_work_in(const fs::path& directory) const {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool is_owner = ::setgroups(0, nullptr) == 0 && ::setresgid(kApp, kApp, kApp) == 0 &&
                          ::setresuid(kApp, kApp, kApp) == 0;
    const int opened = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ::_exit(is_owner && opened >= 0 && works_in(opened) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the owner cannot work in " << directory;
}

}  // namespace guard::test
