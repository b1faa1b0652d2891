// What a pause excuses, and what happens at its end. These tests write the pause into the state
// before guardd starts.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "guardd/state/database.h"
#include "guardd/state/store.h"
#include "tests/root/daemon_fixture.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;
namespace fs = std::filesystem;

class PauseTest : public DaemonTest {
 protected:
  void pause_app(std::chrono::seconds length) const {
    auto store = Store::open(state_.string());
    ASSERT_TRUE(store) << store.error().text();
    const auto now = system_clock::now();
    (*store)->keep_pause({"app", now, now + length, "an upgrade", Uid{1000}, "alice"});
  }
  void resume_app() const {
    auto store = Store::open(state_.string());
    ASSERT_TRUE(store) << store.error().text();
    (*store)->forget_pause("app");
  }
  std::int64_t count(const std::string& what) const {
    auto database = Database::open((state_ / "guardd.db").string());
    if (!database) return -1;
    const auto counted = database->number(("SELECT count(*) FROM " + what).c_str());
    return counted ? *counted : -1;
  }
  // Root makes a file that the owner cannot read, and the pause excuses it.
  void excused(const std::string& name) const {
    as_root("umask 077; echo secret > $T/" + name);
    ASSERT_TRUE(eventually([&] { return !violations(tree_ / name).empty(); }));
    ASSERT_TRUE(eventually([&] { return count("pending WHERE is_excused") > 0; }));
  }
  bool health_is(const std::string& health, const std::string& words) const {
    const auto all = of_type("health");
    return std::any_of(all.begin(), all.end(), [&](const Json& record) {
      return record["health"] == health &&
             record.value("health_reason", "").find(words) != std::string::npos;
    });
  }
};
GUARD_ON_EVERY_FS(PauseTest);

TEST_P(PauseTest, ExcusesUntilItEndsByItself) {
  guard_app("fix");
  pause_app(5s);
  start();
  EXPECT_TRUE(eventually([&] { return health_is("paused", "policy \"app\" is paused until"); }));
  EXPECT_FALSE(health_is("degraded", "paused"));
  excused("secret");
  const auto record = violations(tree_ / "secret").front();
  EXPECT_EQ(record["action"], "logged");
  EXPECT_EQ(record["operation"], "create");
  const auto reason = record.value("reason", "");
  EXPECT_TRUE(reason.starts_with("excused: paused until ")) << reason;
  EXPECT_TRUE(reason.ends_with("Z by alice: an upgrade")) << reason;
  EXPECT_EQ(owner(tree_ / "secret"), 0U);
  EXPECT_TRUE(becomes_apps("secret"));
  EXPECT_EQ(mode(tree_ / "secret"), 0600U);
  ASSERT_TRUE(eventually([&] { return violations(tree_ / "secret").size() == 2; }));
  const auto fixed = violations(tree_ / "secret").back();
  EXPECT_EQ(fixed["action"], "fixed");
  EXPECT_EQ(fixed["operation"], "create");
  EXPECT_FALSE(fixed.contains("reason")) << fixed;
  EXPECT_TRUE(eventually([&] { return health_is("ok", "policy \"app\" is no longer paused"); }));
  EXPECT_TRUE(eventually([&] { return count("pending") == 0 && count("pause") == 0; }));
}

TEST_P(PauseTest, SurvivesACrashWithWhatItHasExcused) {
  guard_app("fix");
  pause_app(6s);
  start();
  excused("secret");
  kill_it();
  start();
  EXPECT_TRUE(eventually([&] { return health_is("paused", "is paused until"); }));
  EXPECT_EQ(owner(tree_ / "secret"), 0U);
  EXPECT_TRUE(becomes_apps("secret"));
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "secret").empty(); }));
  EXPECT_EQ(violations(tree_ / "secret").size(), 1U) << "reported again after the crash";
  EXPECT_EQ(violations(tree_ / "secret").back()["action"], "fixed");
}

TEST_P(PauseTest, IsOverIfItEndedWhileGuarddWasDown) {
  guard_app("fix");
  pause_app(3s);
  start();
  excused("secret");
  EXPECT_EQ(stop(), 0);
  std::this_thread::sleep_for(3s);
  start();
  EXPECT_TRUE(becomes_apps("secret"));
  EXPECT_FALSE(health_is("paused", ""));
}

TEST_P(PauseTest, FindsWhatItExcusedUnderAnotherName) {
  guard_app("fix");
  pause_app(5s);
  start();
  as_root("umask 077; mkdir $T/new");
  excused("new/secret");
  as_root("mv $T/new $T/release");
  EXPECT_TRUE(becomes_apps("release/secret"));
  EXPECT_TRUE(becomes_apps("release"));
  EXPECT_TRUE(eventually([&] { return count("pending") == 0; }));
}

TEST_P(PauseTest, GivesNoEvidenceForWhatTheOwnerMovesIn) {
  guard_app("fix");
  pause_app(5s);
  start();
  excused("moved");
  excused("replaced");
  excused("stays");
  as_root("chmod 0777 $O; umask 077; echo secret > $O/foreign");
  as_app(
      "mv $T/moved $O/moved; mv $O/moved $T/moved; rm -f $T/replaced; mv $O/foreign $T/replaced");
  EXPECT_TRUE(becomes_apps("stays"));
  let_settle();
  EXPECT_EQ(owner(tree_ / "moved"), 0U);
  EXPECT_EQ(owner(tree_ / "replaced"), 0U);
}

TEST_P(PauseTest, DeniesNothing) {
  guard_app("deny", "50ms", "guard = [\"ownership\", \"content\"]");
  as_app("echo mine > $T/file");
  start();
  as_root("! sh -c 'echo theirs >> $T/file' 2> /dev/null");
  EXPECT_EQ(stop(), 0);
  pause_app(1min);
  start();
  as_root("echo theirs >> $T/file");
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "file").empty(); }));
  const auto record = violations(tree_ / "file").front();
  EXPECT_EQ(record["guard"], "content");
  EXPECT_EQ(record["action"], "logged");
  EXPECT_TRUE(record.value("reason", "").starts_with("excused: ")) << record;
  EXPECT_EQ(stop(), 0);
  resume_app();
  start();
  as_root("! sh -c 'echo theirs >> $T/file' 2> /dev/null");
}

TEST_P(PauseTest, SurvivesAReloadButNotTheLossOfItsPolicy) {
  guard_both();
  pause_app(1min);
  start();
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return of_type("reload").size() == 1; }));
  excused("secret");
  fs::remove(root() / "policies" / "app.toml");
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return of_type("reload").size() == 2; }));
  EXPECT_TRUE(eventually([&] { return health_is("ok", "is no longer paused"); }));
  guard_app("fix");
  ::kill(daemon(), SIGHUP);
  ASSERT_TRUE(eventually([&] { return of_type("reload").size() == 3; }));
  as_root("touch $T/file");
  EXPECT_TRUE(becomes_apps("file"));
}

TEST_P(PauseTest, KeepsTheReasonOfASkip) {
  guard_app("fix");
  as_root("echo x > $T/file; ln $T/file $O/other-name");
  pause_app(1min);
  start();
  ASSERT_TRUE(eventually([&] { return !violations(tree_ / "file").empty(); }));
  const auto record = violations(tree_ / "file").front();
  EXPECT_EQ(record["action"], "logged");
  EXPECT_NE(record.value("reason", "").find("besides, it has another hard link"), std::string::npos)
      << record;
}

}  // namespace
}  // namespace guard::test
