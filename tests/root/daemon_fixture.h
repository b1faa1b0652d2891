// The daemon itself, started as a person would, on trees of its own: one whose policy puts right,
// one whose policy only logs. Commands run once in each, as $T, so that one test shows both.
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
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/root/scratch_fs.h"

namespace guard::test {

using Json = nlohmann::json;

constexpr uid_t kApp = 4242;
constexpr uid_t kNobodyWeKnow = static_cast<uid_t>(-1);

// What a violation is expected to say besides its policy, its path and its outcome.
struct Expected {
  std::string operation;
  std::string exe = "";      // the last part of it; empty: whatever it is
  std::string skipped = "";  // part of the reason why it is left as it is; empty: it is put right
  std::string logged_operation = "";  // where nothing is put right, if it is another one
};

class DaemonTest : public ScratchFsTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  // One policy more, for the tree of its name in srv/.
  void policy(const std::string& name, const std::string& action, const std::string& settle,
              const std::string& more = "");
  // "app" for $T under fix, "logged" for $T under log.
  void guard_both(const std::string& settle = "50ms", const std::string& more = "");
  // "app" alone.
  void guard_app(const std::string& action, const std::string& settle = "50ms",
                 const std::string& more = "");

  // GUARD_TEST_BACKEND, else fanotify, which works everywhere.
  static std::string backend();
  static bool on_lsm() { return backend() == "lsm"; }

  void start();
  int stop();
  void kill_it();  // as a crash does: it has no chance to do anything any more
  pid_t daemon() const { return pid_; }
  std::size_t marks() const;  // the directories that the kernel tells it of

  // The machine may be busy: what matters is that it comes true at all.
  static bool eventually(const std::function<bool()>& true_yet);

  // Whatever was done before this has been judged when it returns.
  void let_settle();

  std::vector<Json> of_type(const std::string& type) const;
  std::vector<Json> violations(const std::filesystem::path& path) const;
  // All that was told of objects in a tree, but for what let_settle() did itself.
  std::vector<Json> violations_below(const std::filesystem::path& tree) const;
  std::vector<Json> closed_incidents() const;

  // One violation under both policies, and the end state that each wants.
  void caught(const std::string& name, const Expected& expected) const;
  // Nothing was told of either tree but of these names.
  void nothing_told(const std::vector<std::string>& but = {}) const;

  // The first of these programs that is not here; empty: all are.
  static std::string missing(const std::vector<std::string>& programs);
  static void as_root(const std::string& command);
  static void as_app(const std::string& command);
  static void as_user(uid_t user, const std::string& command);
  // Once with $T the tree that is put right, once with $T the one that is only logged.
  void in_both(const std::string& command) const;
  void in_both_as_app(const std::string& command) const;

  static struct stat facts(const std::filesystem::path& path);
  static uid_t owner(const std::filesystem::path& path);
  static unsigned mode(const std::filesystem::path& path);
  bool becomes_apps(const std::string& name) const;
  // The user's real test: the owner opens everything for writing, renames it and removes it.
  void owner_can_work_in(const std::filesystem::path& directory) const;

  std::filesystem::path tree_;        // srv/app: $T
  std::filesystem::path logged_;      // srv/logged
  std::filesystem::path other_;       // guarded by nobody: $O
  std::filesystem::path state_;       // not on the file system under test, which may get read-only
  std::string bus_ = "none";          // its address
  std::vector<std::string> options_;  // for the command line, besides the usual ones

 private:
  std::vector<std::filesystem::path> guarded_trees() const;
  // On another file system, which a test may do anything to.
  std::string told_path() const { return root().string() + ".told"; }
  void read_on() const;

  // What was told so far, as far as it was read.
  mutable std::streamoff read_ = 0;
  mutable std::map<std::string, std::vector<Json>> by_type_;
  mutable std::map<std::string, std::vector<Json>> by_path_;

  pid_t pid_ = -1;
  int markers_ = 0;
};

}  // namespace guard::test
