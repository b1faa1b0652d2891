#include "guardd/sources/permission_marks.h"

#include <set>
#include <utility>

namespace guard {
namespace {

class IgnoringReader final : public NoticeReader {
 public:
  void noticed(const Notice& /*notice*/) noexcept override {}
  void violated(std::uint32_t /*tree*/, Violation /*violation*/,
                std::uint64_t /*time*/) noexcept override {}
  void lost_notices() noexcept override {}
  void lost_sight(std::uint32_t tree, const std::string& /*why*/) noexcept override {
    lost.insert(tree);
  }

  std::set<std::uint32_t> lost;
};

}  // namespace

Result<std::unique_ptr<PermissionMarks>> PermissionMarks::create(PermissionResponder& responder) {
  std::unique_ptr<PermissionMarks> marks(new PermissionMarks(responder));
  GUARD_TRY(marks->directories_, FanotifySource::create({}, responder));
  return marks;
}

// Fails open: a file opened in a directory that cannot be marked is fixed once it has settled.
void PermissionMarks::mark(std::uint32_t tree, const Place& place) {
  const bool is_marked = directories_->directory(tree, "") != nullptr;
  if (!responder_.group_of(tree)) {
    if (is_marked) directories_->forget_tree(tree);
    return;
  }
  IgnoringReader reader;
  if (is_marked) {
    if (directories_->renew(tree, place.covered, reader)) return;
    directories_->forget_tree(tree);  // another directory is there now
  }
  (void)directories_->watch_tree(tree, place.path, place.covered, reader);
}

void PermissionMarks::update(std::uint32_t tree, const std::string& path, CoveredPart covered) {
  const auto at = trees_.insert_or_assign(tree, Place{path, std::move(covered)}).first;
  mark(tree, at->second);
}

void PermissionMarks::forget_tree(std::uint32_t tree) {
  directories_->forget_tree(tree);
  trees_.erase(tree);
}

void PermissionMarks::renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) {
  directories_->renumber(numbers);
  trees_ = renumbered(std::move(trees_), numbers);
}

void PermissionMarks::dispatch() {
  IgnoringReader reader;
  (void)directories_->dispatch(reader);
  directories_->work(reader);
  for (const auto tree : reader.lost) {
    const auto at = trees_.find(tree);
    if (at != trees_.end() && !directories_->look_again(tree, reader)) mark(tree, at->second);
  }
}

void PermissionMarks::work(std::chrono::steady_clock::time_point now) {
  if (const auto due = next(); !due || *due > now) return;
  IgnoringReader reader;
  directories_->work(reader);
  (void)directories_->take_visited();
}

}  // namespace guard
