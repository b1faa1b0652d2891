// A source of changes in guarded trees: what the kernel reports, by either backend. The rest of
// guardd does not depend on which one it is. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guardd/base/config.h"
#include "guardd/evidence/witness.h"
#include "guardd/files/object.h"
#include "guardd/sources/notices.h"
#include "guardd/sources/watched_directories.h"
#include "policy/base/result.h"
#include "policy/base/text.h"
#include "policy/covered.h"
#include "policy/policy_set.h"

namespace guard {

// How often what cannot be watched is scanned.
inline constexpr auto kBetweenScans = std::chrono::minutes(1);
inline std::string why_scanned(std::string_view path, const std::string& why) {
  return quote(path) + " cannot be watched: " + why + "; guardd scans it every minute";
}

// Facts about trees, keyed by new tree numbers. `numbers` maps old numbers to new ones.
template <typename Trees>
Trees renumbered(Trees trees, const std::map<std::uint32_t, std::uint32_t>& numbers) {
  Trees now;
  for (const auto& [before, after] : numbers)
    if (const auto at = trees.find(before); at != trees.end())
      now.emplace(after, std::move(at->second));
  return now;
}

// Descriptors that keep the kernel's part in force while guardd is down.
struct KeptDescriptors {
  std::vector<std::pair<std::string, int>> links;  // by the names of their programs
  int pins = -1;  // keeps the tags of tree roots; -1: there is none
};

class ChangeSource {
 public:
  ChangeSource() = default;
  ChangeSource(const ChangeSource&) = delete;
  ChangeSource& operator=(const ChangeSource&) = delete;
  virtual ~ChangeSource() = default;

  virtual int fd() const = 0;
  virtual WatchedDirectories& directories() = 0;
  // By its path in the tree. Null: it is not watched.
  virtual WatchedDirectory* directory(std::uint32_t tree, std::string_view path) = 0;

  // From here on, tree numbers are those of this set. Trees that are forgotten before finish() stay
  // protected until then, so that there is no gap between the old policies and the new ones.
  virtual Status prepare(std::shared_ptr<const PolicySet> set) = 0;
  virtual void finish() = 0;

  // Watches a tree's root, and from there on the directories below it, on this mount only: the tree
  // is visited, see take_visited(). Leaves out what is covered: excluded as a whole, or part of a
  // nested tree, which is watched by itself or not at all. Reports nothing of what is already
  // there: a scan follows. Keeps the root open only during a visit, so that its file system can be
  // unmounted.
  virtual Status watch_tree(std::uint32_t tree, const std::string& path, CoveredPart covered,
                            NoticeReader& reader) = 0;
  // No if the file system was unmounted and mounted again, although its root looks the same.
  virtual bool still_watches(std::uint32_t tree, const Object& root) = 0;
  // The policies have changed. Keeps what is already known, and visits the tree only if that is
  // needed to watch it in another way.
  virtual Status renew(std::uint32_t tree, CoveredPart covered, NoticeReader& reader) = 0;
  // After a loss: visits the tree again, and keeps what is already known.
  virtual Status look_again(std::uint32_t tree, NoticeReader& reader) = 0;
  // Trees whose visits have ended since the last call. From there on, no change in them is missed,
  // so what happened before has to be found by a scan.
  virtual std::vector<std::uint32_t> take_visited() = 0;
  // Trees that are being visited: how many directories were met so far.
  virtual std::map<std::uint32_t, std::size_t> visits() const { return {}; }
  virtual void forget_tree(std::uint32_t tree) = 0;
  // See WatchedDirectories.
  virtual void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) = 0;

  // A process still has this file open for writing: report kClosed when it closes the file, if the
  // source does not do so anyway. Call it again for as long as it matters.
  virtual void await_closing(const WatchedDirectory& /*directory*/, std::string_view /*name*/,
                             std::uint64_t /*inode*/) {}

  // Reads what is there, up to a bound, so that the loop gets its turn. True if there may be more.
  virtual bool dispatch(NoticeReader& reader) = 0;
  // When work() wants to be called.
  virtual std::optional<std::chrono::steady_clock::time_point> next() const { return std::nullopt; }
  virtual void work(NoticeReader& /*reader*/) {}

  // Null: it has no evidence of its own.
  virtual Witness* witness() { return nullptr; }
  // The ctime of the object with this name, if there is evidence for it: nothing can happen to an
  // inode without a new ctime.
  virtual std::optional<std::int64_t> proven_at(const WatchedDirectory& /*directory*/,
                                                std::string_view /*name*/,
                                                const FileId& /*object*/) {
    return std::nullopt;
  }
  // There was evidence for it in an earlier run of guardd, when it had this ctime.
  virtual void prove_again(const WatchedDirectory& /*directory*/, std::string_view /*name*/,
                           const FileId& /*object*/, std::int64_t /*changed*/) {}

  virtual void set_limits(const Limits& /*limits*/) {}
  // Directories that were not watched because of their limit, by policy.
  virtual BeyondLimit unwatched() const { return {}; }
  // Why trees are watched in part only, one sentence each.
  virtual std::map<std::uint32_t, std::string> troubles() const { return {}; }
  // Whether these have changed since the last call.
  virtual bool take_trouble_news() { return false; }

  // What policies ask for and this source cannot do, one sentence each.
  virtual std::vector<std::string> shortcomings() const { return {}; }
  virtual KeptDescriptors kept() const { return {}; }
  // What this process does is guardd's own work.
  virtual Status trust(int /*process*/) { return {}; }
  // Whether it looks at objects when changes are reported to it, so that a file system that does
  // not answer would hold it up.
  virtual bool looks_at_objects() const { return false; }
  // Exempts a process, by its pidfd, and every process that it starts from now on.
  virtual Status excuse(int /*process*/) { return {}; }
  // The last process that mounted or unmounted something in a tree, if that was just now.
  virtual std::optional<std::int32_t> mounter() const { return std::nullopt; }
  // Directories whose changes call for refresh_programs(). They may not exist.
  virtual std::vector<std::string> program_directories() const { return {}; }
  // Programs that policies name may have been replaced: looks them up again.
  virtual Status refresh_programs() { return {}; }
};

}  // namespace guard
