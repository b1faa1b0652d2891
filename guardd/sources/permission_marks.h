// Permission marks for the LSM backend, which does not know every directory of a tree: an open can
// wait for an answer only if its directory is marked. Marks the trees of policies that need an
// answer. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "guardd/permission/responder.h"
#include "guardd/sources/fanotify_source.h"
#include "policy/base/result.h"
#include "policy/covered.h"

namespace guard {

class PermissionMarks {
 public:
  static Result<std::unique_ptr<PermissionMarks>> create(PermissionResponder& responder);

  // Places the marks that a watched tree needs, and removes all if it needs none any more.
  void update(std::uint32_t tree, const std::string& path, CoveredPart covered);
  void forget_tree(std::uint32_t tree);
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers);
  // See ChangeSource.
  void finish() { directories_->finish(); }

  // Readable when directories may have come or gone; then dispatch().
  int fd() const { return directories_->fd(); }
  void dispatch();
  std::optional<std::chrono::steady_clock::time_point> next() const { return directories_->next(); }
  void work(std::chrono::steady_clock::time_point now);

 private:
  struct Place {
    std::string path;
    CoveredPart covered;
  };

  explicit PermissionMarks(PermissionResponder& responder) : responder_(responder) {}
  void mark(std::uint32_t tree, const Place& place);

  PermissionResponder& responder_;
  std::unique_ptr<FanotifySource> directories_;  // follows them; its notices are ignored
  std::map<std::uint32_t, Place> trees_;
};

}  // namespace guard
