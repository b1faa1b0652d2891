// Reports what fanotify says about the directories of guarded trees, after it has happened. Marks
// directories and nothing else; never blocks a process, never judges, never changes a file. Keeps
// up with new, moved and removed directories by itself. Each policy has a queue of events of its
// own while there are enough. Works in slices, so that the loop can serve others in between. One
// thread: the daemon's loop.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "guardd/files/object.h"
#include "guardd/helpers/process.h"
#include "guardd/permission/responder.h"
#include "guardd/sources/directory_walks.h"
#include "guardd/sources/event_queues.h"
#include "guardd/sources/fanotify_witness.h"
#include "guardd/sources/source.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

struct FanotifyEvent;

class FanotifySource final : public ChangeSource {
 public:
  struct Options {
    // Costs one descriptor per event: for a caller that cannot identify processes in any other way.
    bool with_pidfds = false;
    bool with_evidence = false;
    std::uint32_t queues = 1;  // at most, besides those of subvolumes
  };

  // Asks for the most detailed events first, then for those that older kernels know. The
  // responder's marks are placed on the same directories.
  static Result<std::unique_ptr<FanotifySource>> create(const Options& options,
                                                        PermissionResponder& responder);
  ~FanotifySource() override;

  int fd() const override { return ready_.get(); }
  WatchedDirectories& directories() override { return directories_; }
  WatchedDirectory* directory(std::uint32_t tree, std::string_view path) override {
    return directories_.find(tree, path);
  }

  Status prepare(std::shared_ptr<const PolicySet> set) override;
  void finish() override;
  Status watch_tree(std::uint32_t tree, const std::string& path, CoveredPart covered,
                    NoticeReader& reader) override;
  bool still_watches(std::uint32_t /*tree*/, const Object& /*root*/) override { return true; }
  Status renew(std::uint32_t tree, CoveredPart covered, NoticeReader& reader) override;
  Status look_again(std::uint32_t tree, NoticeReader& reader) override;
  void forget_tree(std::uint32_t tree) override;
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) override;
  std::vector<std::uint32_t> take_visited() override { return std::exchange(visited_, {}); }
  std::map<std::uint32_t, std::size_t> visits() const override;
  bool dispatch(NoticeReader& reader) override;
  std::optional<std::chrono::steady_clock::time_point> next() const override;
  void work(NoticeReader& reader) override;
  void set_limits(const Limits& limits) override { limits_ = limits; }
  BeyondLimit unwatched() const override { return unwatched_; }
  std::map<std::uint32_t, std::string> troubles() const override;
  bool take_trouble_news() override { return std::exchange(has_trouble_news_, false); }
  std::vector<std::string> shortcomings() const override;
  Witness* witness() override { return witness_.get(); }
  bool looks_at_objects() const override { return true; }
  std::optional<std::int64_t> proven_at(const WatchedDirectory& directory, std::string_view name,
                                        const FileId& object) override;
  void prove_again(const WatchedDirectory& directory, std::string_view name, const FileId& object,
                   std::int64_t changed) override;

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Place {
    Place(std::string path, CoveredPart covered)
        : path(std::move(path)), covered(std::move(covered)) {}

    std::string path;
    CoveredPart covered;
    std::uint64_t watch = 0;  // its number, never used again
    // By volumes: that of the root, and those of subvolumes.
    std::map<std::uint64_t, std::uint32_t> queues;
    std::uint64_t mask = 0;
    std::shared_ptr<PermissionGroup> answers;
    FileId root;
    std::uint32_t visit = 0;  // the last one
    bool is_visiting = false;
    bool is_first_visit = true;           // nothing can be left from before
    bool waits = false;                   // until marks of a previous tree have been removed
    bool visits_again = false;            // once this visit has ended
    std::size_t met = 0;                  // directories, in this visit
    std::size_t new_names = 0;            // that are still to be walked
    std::deque<std::uint64_t> unchecked;  // after a visit: directories that may be gone
    std::size_t unwatched = 0;            // directories beyond the limit, in this visit
    bool is_limited = false;              // there were some in the last one, or are in this one
    std::string trouble;                  // not empty: why a directory met last cannot be watched
    std::string next_trouble;             // the same, of this visit
    Time limited_at;
  };

  std::unique_lock<std::mutex> lock() const;
  // ---- events
  std::vector<std::uint32_t> full_queues();
  bool read_queue(std::uint32_t queue, NoticeReader& reader);
  std::size_t handle_all(std::uint32_t queue, std::string_view events, NoticeReader& reader);
  void lose(std::uint32_t queue, NoticeReader& reader);
  WatchedDirectory* watched(const FileId& id) const;
  void handle(const FanotifyEvent& event, NoticeReader& reader);
  void handle_self(const FanotifyEvent& event, WatchedDirectory& directory, NoticeReader& reader);
  void handle_rename(const FanotifyEvent& event, NoticeReader& reader);
  void handle_moved(const FanotifyEvent& event, WatchedDirectory* from, WatchedDirectory* to,
                    NoticeReader& reader);
  void note(const FanotifyEvent& event, WatchedDirectory& directory) const;
  bool move_directory(WatchedDirectory& directory, WatchedDirectory& to, std::string_view name);
  void enter(const FanotifyEvent& event, const WatchedDirectory& parent, NoticeReader& reader);
  void verify(WatchedDirectory& directory, NoticeReader& reader);
  // ---- queues and marks
  static constexpr std::uint32_t kWalks = UINT32_MAX;
  Status poll(int fd, std::uint32_t number) const;
  // Those that have been opened since the last call.
  Status read_new_queues();
  // Marks the first directory of a file system.
  Status watch_file_system(std::uint32_t tree, Place& place, const FileId& id, int directory);
  std::uint64_t usual_mask() const;
  std::uint64_t mask_of(std::uint32_t tree) const;
  void use_terms(std::uint32_t tree, Place& place);
  bool is_nested(const WatchedDirectory& directory, std::string_view name) const;
  // Nothing in this directory has to be watched.
  bool is_covered(const WatchedDirectory& directory, std::string_view name) const;
  // Opens the directory itself, by its names, and checks its identity.
  Result<Object> locate(const WatchedDirectory& directory) const;
  // ---- steps of walks
  void visit(Place& place);
  void start_visit(Place& place);
  void handle_step(const WalkStep& step, NoticeReader& reader);
  void decide(std::uint32_t tree, Place& place, WalkChunk& chunk);
  void mark_apart(std::uint32_t tree, Place& place, WalkedDirectory& directory);
  WalkedDirectory::WatchVerdict verdict_on(std::uint32_t tree, Place& place,
                                           const WalkedDirectory& directory, std::size_t& room);
  void report(const WalkStep& step, NoticeReader& reader);
  void forget_gone(const WalkStep& step, NoticeReader& reader);
  void end_visit(std::uint32_t tree, Place& place, NoticeReader& reader);
  // Forgets what a visit has not met. True: it is done.
  bool check(Place& place, Time until);
  void finish_visit(std::uint32_t tree, Place& place);
  void end_change_if_marked();
  std::size_t room_of(std::uint32_t tree) const;
  void watch_more(Time now);
  void note_trouble(Place& place, const std::string& path, const std::string& why);
  void release_forgotten(Time until);
  bool is_ours(std::int32_t process) const {
    return process == self_ || HelperProcess::is_one(process);
  }

  const std::int32_t self_ = ::getpid();  // compared with every event
  Fd ready_;                              // readable when a queue or the walks are
  EventQueues queues_;
  std::uint32_t read_queues_ = 0;  // how many are read
  std::uint32_t next_queue_ = 0;   // to be read first
  std::uint32_t queue_ = 0;        // whose events are being handled
  bool names_objects_ = false;
  PermissionResponder& responder_;
  std::shared_ptr<const PolicySet> set_;
  Limits limits_;
  BeyondLimit unwatched_;
  WatchedDirectories directories_;
  std::unordered_map<std::uint32_t, Place> trees_;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;  // of trees, by their watches
  std::uint64_t last_watch_ = 0;
  std::set<std::uint64_t> not_marked_;  // trees without the marks of a new permission group
  bool ends_change_ = false;            // once there is none
  std::vector<std::uint32_t> visited_;
  bool has_steps_ = false;  // work() has left some
  bool has_trouble_news_ = false;
  // Directories that were known in another tree when they were met, by their numbers.
  std::unordered_map<std::uint64_t, std::uint64_t> displaced_;
  // Watches whose marks are being removed one by one. Until that is done, no marks are added that
  // would go with them.
  std::vector<std::uint64_t> leaving_;
  std::map<std::uint64_t, std::vector<FileId>> to_unmark_;  // by watch
  std::unique_ptr<FanotifyWitness> witness_;                // null: there is no evidence
  std::unique_ptr<DirectoryWalks> walks_;                   // last: its thread uses the queues

  FanotifySource(EventQueues queues, bool names_objects, PermissionResponder& responder)
      : queues_(std::move(queues)), names_objects_(names_objects), responder_(responder) {}
};

}  // namespace guard
