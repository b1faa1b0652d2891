// Notices: what fanotify tells of the directories of guarded trees, after it has happened. Marks
// directories, and only those; never holds anybody up, never judges, never changes a file. Keeps up
// with new, moved and vanished directories by itself. One thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "guardd/files/object.h"
#include "guardd/sources/source.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

class PermissionResponder;

class FanotifySource final : public ChangeSource {
 public:
  // Asks for the richest reports first; what the kernel does not know is done without.
  // `tell_whether_gone` costs a descriptor a notice: for whoever has no other way to know a process
  // for sure.
  // `answers`: to be asked in the same directories; may be null.
  static Result<std::unique_ptr<FanotifySource>> create(bool tell_whether_gone,
                                                        PermissionResponder* answers = nullptr);

  int fd() const override { return group_.get(); }
  bool names_objects() const { return names_objects_; }
  WatchedDirectories& directories() override { return directories_; }
  WatchedDirectory* directory(std::uint32_t tree, std::string_view path) override {
    return directories_.find(tree, path);
  }

  Status enforce(std::shared_ptr<const PolicySet> set) override {
    set_ = std::move(set);
    return {};
  }
  void enforced() override;
  Status watch_tree(std::uint32_t tree, const std::string& path, Covered covered,
                    NoticeReader& reader) override;
  bool still_watches(std::uint32_t /*tree*/, const Object& /*root*/) override { return true; }
  void cover(std::uint32_t tree, Covered covered) override;
  Status look_again(std::uint32_t tree, NoticeReader& reader) override;
  void forget_tree(std::uint32_t tree) override;
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) override;
  bool dispatch(NoticeReader& reader) override;

 private:
  struct Event;

  FanotifySource(Fd group, bool names_objects, PermissionResponder* answers)
      : group_(std::move(group)), names_objects_(names_objects), answers_(answers) {}

  void handle(const Event& event, NoticeReader& reader);
  void directory_came(const Event& event, WatchedDirectory& parent, NoticeReader& reader);
  void verify(WatchedDirectory& directory, NoticeReader& reader);
  std::uint64_t mask_of(std::uint32_t tree) const;
  Status mark(std::uint32_t tree, int directory) const;
  void unmark(const WatchedDirectory& directory) const;
  bool is_nested(const WatchedDirectory& directory, std::string_view name) const;
  // Nothing of what is in it has to be noticed.
  bool is_covered(const WatchedDirectory& directory, std::string_view name) const;
  // How a directory came here, for what is met in it. No pid: nobody brought it, and nothing is
  // told.
  struct Arrival {
    std::int32_t pid = 0;
    Witness witness;
    bool was_moved = false;
    bool again = false;  // what is known already is visited too
  };
  void adopt(Fd directory, WatchedDirectory& node, Arrival arrival, NoticeReader& reader);
  // The directory itself, found by its names and known by its identity.
  Result<Object> locate(const WatchedDirectory& directory) const;

  Fd group_;
  bool names_objects_ = false;
  PermissionResponder* answers_ = nullptr;
  std::shared_ptr<const PolicySet> set_;
  WatchedDirectories directories_;
  std::uint32_t visit_ = 0;
  struct Place {
    std::string path;
    Covered covered;
  };
  std::unordered_map<std::uint32_t, Place> trees_;
};

}  // namespace guard
