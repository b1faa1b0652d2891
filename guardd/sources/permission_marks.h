// Another source, and beside it the directories in which somebody has to be asked: that source need
// not know a tree's directories, but whoever opens something in one can only be held up by a mark
// on it. Only in the trees of policies that need an answer. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "guardd/permission/responder.h"
#include "guardd/sources/fanotify_source.h"
#include "guardd/sources/source.h"

namespace guard {

class PermissionMarks final : public ChangeSource {
 public:
  static Result<std::unique_ptr<PermissionMarks>> create(std::unique_ptr<ChangeSource> told,
                                                         PermissionResponder& answers);

  int fd() const override { return both_.get(); }
  WatchedDirectories& directories() override { return told_->directories(); }
  WatchedDirectory* directory(std::uint32_t tree, std::string_view path) override {
    return told_->directory(tree, path);
  }
  Status enforce(std::shared_ptr<const PolicySet> set) override;
  void enforced() override;
  Status watch_tree(std::uint32_t tree, const std::string& path, Covered covered,
                    NoticeReader& reader) override;
  bool still_watches(std::uint32_t tree, const Object& root) override {
    return told_->still_watches(tree, root);
  }
  void cover(std::uint32_t tree, Covered covered) override;
  Status look_again(std::uint32_t tree, NoticeReader& reader) override;
  void forget_tree(std::uint32_t tree) override;
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) override;
  void await_closing(const WatchedDirectory& directory, std::string_view name,
                     std::uint64_t inode) override {
    told_->await_closing(directory, name, inode);
  }
  bool dispatch(NoticeReader& reader) override;
  std::optional<std::chrono::steady_clock::time_point> next() const override {
    return told_->next();
  }
  void work(NoticeReader& reader) override { told_->work(reader); }

 private:
  struct Place {
    std::string path;
    Covered covered;
  };
  // What is told of the directories themselves only keeps the marks where they belong: what happens
  // in them the other source tells.
  class Marks final : public NoticeReader {
   public:
    void noticed(const Notice& /*notice*/) noexcept override {}
    void violated(std::uint32_t /*tree*/, Violation /*violation*/,
                  std::uint64_t /*time*/) noexcept override {}
    void lost_notices() noexcept override { has_lost = true; }
    void lost_sight(std::uint32_t /*tree*/, const std::string& /*why*/) noexcept override {}
    bool owner_can_write(std::uint32_t /*tree*/,
                         const ObjectState& /*directory*/) noexcept override {
      return true;
    }

    bool has_lost = false;
  };

  PermissionMarks(std::unique_ptr<ChangeSource> told, PermissionResponder& answers, Fd both)
      : told_(std::move(told)), answers_(answers), both_(std::move(both)) {}

  void ask_in(std::uint32_t tree);

  std::unique_ptr<ChangeSource> told_;
  PermissionResponder& answers_;
  Fd both_;
  std::unique_ptr<FanotifySource> asked_;
  Marks marks_;
  std::map<std::uint32_t, Place> trees_;
};

}  // namespace guard
