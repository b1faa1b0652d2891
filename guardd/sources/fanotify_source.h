// Reports what fanotify says about the directories of guarded trees, after it has happened. Marks
// directories and nothing else; never blocks a process, never judges, never changes a file. Keeps
// up with new, moved and removed directories by itself. One thread: the daemon's loop.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "guardd/files/object.h"
#include "guardd/sources/fanotify_witness.h"
#include "guardd/sources/source.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

struct FanotifyEvent;
class PermissionResponder;

class FanotifySource final : public ChangeSource {
 public:
  struct Options {
    // Costs one descriptor per event: for a caller that cannot identify processes in any other way.
    bool with_pidfds = false;
    bool with_evidence = false;
  };

  // Asks for the most detailed events first, then for those that older kernels know. The
  // responder's marks are placed on the same directories.
  static Result<std::unique_ptr<FanotifySource>> create(const Options& options,
                                                        PermissionResponder& responder);

  int fd() const override { return group_.get(); }
  WatchedDirectories& directories() override { return directories_; }
  WatchedDirectory* directory(std::uint32_t tree, std::string_view path) override {
    return directories_.find(tree, path);
  }

  Status prepare(std::shared_ptr<const PolicySet> set) override;
  void finish() override;
  Status watch_tree(std::uint32_t tree, const std::string& path, CoveredPart covered,
                    NoticeReader& reader) override;
  bool still_watches(std::uint32_t /*tree*/, const Object& /*root*/) override { return true; }
  void cover(std::uint32_t tree, CoveredPart covered) override;
  Status look_again(std::uint32_t tree, NoticeReader& reader) override;
  void forget_tree(std::uint32_t tree) override;
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) override;
  bool dispatch(NoticeReader& reader) override;
  std::vector<std::string> shortcomings() const override;
  Witness* witness() override { return witness_.get(); }
  std::optional<std::int64_t> proven_at(const WatchedDirectory& directory, std::string_view name,
                                        const FileId& object) override;
  void prove_again(const WatchedDirectory& directory, std::string_view name, const FileId& object,
                   std::int64_t changed) override;

 private:
  FanotifySource(Fd group, bool names_objects, PermissionResponder& responder)
      : group_(std::move(group)), names_objects_(names_objects), responder_(responder) {}

  std::unique_lock<std::mutex> lock() const;
  std::size_t handle_all(std::string_view events, NoticeReader& reader);
  void handle(const FanotifyEvent& event, NoticeReader& reader);
  void handle_self(const FanotifyEvent& event, WatchedDirectory& directory, NoticeReader& reader);
  void handle_rename(const FanotifyEvent& event, NoticeReader& reader);
  void note(const FanotifyEvent& event, const WatchedDirectory& directory) const;
  void move_directory(WatchedDirectory& directory, WatchedDirectory* to, std::string_view name);
  void add_directory(const FanotifyEvent& event, WatchedDirectory& parent, NoticeReader& reader);
  void verify(WatchedDirectory& directory, NoticeReader& reader);
  std::uint64_t usual_mask() const;
  std::uint64_t mask_of(std::uint32_t tree) const;
  Status mark(std::uint32_t tree, int directory) const;
  void unmark(const WatchedDirectory& directory) const;
  bool is_nested(const WatchedDirectory& directory, std::string_view name) const;
  // Nothing in this directory has to be watched.
  bool is_covered(const WatchedDirectory& directory, std::string_view name) const;
  struct NewDirectory {
    std::optional<Notice> found;  // each entry is reported as this
    bool is_born = false;         // another user than the owner has just created it
  };
  // Marks a directory and all that is below it. `again`: visits directories that are known already,
  // too.
  void mark_all(Object first, WatchedDirectory& known, const NewDirectory& news, bool again,
                NoticeReader& reader);
  // Opens the directory itself, by its names, and checks its identity.
  Result<Object> locate(const WatchedDirectory& directory) const;

  const std::int32_t self_ = ::getpid();  // compared with every event
  Fd group_;
  bool names_objects_ = false;
  PermissionResponder& responder_;
  std::shared_ptr<const PolicySet> set_;
  WatchedDirectories directories_;
  std::uint32_t visit_ = 0;
  struct Place {
    std::string path;
    CoveredPart covered;
  };
  std::unordered_map<std::uint32_t, Place> trees_;
  std::unique_ptr<FanotifyWitness> witness_;  // null: there is no evidence
};

}  // namespace guard
