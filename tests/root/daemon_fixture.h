// Runs the daemon on two trees of its own: one whose policy fixes, one whose policy only logs.
// Commands run once in each, as $T, so that one test covers both.
//
//   class Caught : public guard::test::DaemonTest {};
//   TEST_P(Caught, ACopy) { guard_both(); start(); in_both("cp $T/conf $T/bak"); caught("bak", …);
//   }
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <ios>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/root/call_recorder.h"
#include "tests/root/scratch_fs.h"

namespace guard::test {

using Json = nlohmann::json;

constexpr uid_t kApp = 4242;
constexpr uid_t kNoOwner = static_cast<uid_t>(-1);

// The expected fields of a violation besides its policy, path and outcome.
struct Expected {
  std::string operation;
  std::string exe = "";               // its last component; empty: any
  std::string skipped = "";           // part of the reason; empty: the file is fixed
  std::string logged_operation = "";  // under "log"; empty: the same
};

class DaemonTest : public ScratchFsTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Adds a policy for the tree of its name in srv/.
  void policy(const std::string& name, const std::string& action, const std::string& settle,
              const std::string& more = "");
  // "app" with fix and "logged" with log, each for its $T.
  void guard_both(const std::string& settle = "50ms", const std::string& more = "");
  // "app" alone.
  void guard_app(const std::string& action, const std::string& settle = "50ms",
                 const std::string& more = "");

  // GUARD_TEST_BACKEND, else fanotify, which works everywhere.
  static std::string backend();
  static bool on_lsm() { return backend() == "lsm"; }

  void start();
  int stop();
  void kill_it();  // SIGKILL
  pid_t daemon() const { return pid_; }
  std::size_t marks() const;  // the directories that the daemon watches

  // Waits until the condition is true; generously, because the machine may be busy.
  static bool eventually(const std::function<bool()>& true_yet);

  // Returns when everything done before has been judged.
  void let_settle();

  std::vector<Json> of_type(const std::string& type) const;
  std::vector<Json> violations(const std::filesystem::path& path) const;
  // All violations in a tree except those of let_settle().
  std::vector<Json> violations_below(const std::filesystem::path& tree) const;
  std::vector<Json> closed_incidents() const;

  // Expects one violation under each policy, and the final state that it wants.
  void caught(const std::string& name, const Expected& expected) const;
  // Expects no violations in either tree except of these names.
  void nothing_told(const std::vector<std::string>& but = {}) const;

  // The first of these programs that is not installed; empty: all are.
  static std::string missing(const std::vector<std::string>& programs);
  static void as_root(const std::string& command);
  static void as_app(const std::string& command);
  static void as_user(uid_t user, const std::string& command);
  // Once with $T the tree under log, once with $T the tree under fix.
  void in_both(const std::string& command) const;
  void in_both_as_app(const std::string& command) const;

  static struct stat facts(const std::filesystem::path& path);
  static uid_t owner(const std::filesystem::path& path);
  static unsigned mode(const std::filesystem::path& path);
  bool becomes_apps(const std::string& name) const;
  // Expects that the owner can open everything for writing, rename it and remove it.
  void owner_can_work_in(const std::filesystem::path& directory) const;

  std::filesystem::path tree_;    // srv/app: $T
  std::filesystem::path logged_;  // srv/logged
  std::filesystem::path other_;   // not guarded: $O
  std::filesystem::path state_;   // not on the file system under test, which may become read-only
  std::string bus_ = "none";      // its address
  std::vector<std::string> options_;  // more command line options

 private:
  std::vector<std::filesystem::path> guarded_trees() const;
  // The daemon's output, outside the file system under test.
  std::string output_path() const { return root().string() + ".output"; }
  void read_on() const;

  // The output that has been read so far.
  mutable std::streamoff read_ = 0;
  mutable std::map<std::string, std::vector<Json>> by_type_;
  mutable std::map<std::string, std::vector<Json>> by_path_;

  void check_calls();

  pid_t pid_ = -1;
  int markers_ = 0;
  // With GUARD_TEST_CALLS: the main process may not read what helpers are for.
  std::unique_ptr<CallRecorder> recorder_;
};

}  // namespace guard::test
