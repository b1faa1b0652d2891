#include "guardd/sources/permission_marks.h"

#include <sys/epoll.h>

#include <cerrno>
#include <utility>

namespace guard {

Result<std::unique_ptr<PermissionMarks>> PermissionMarks::create(std::unique_ptr<ChangeSource> told,
                                                                 PermissionResponder& answers) {
  Fd both(::epoll_create1(EPOLL_CLOEXEC));
  if (!both) return Error::from_errno(errno, "epoll_create");
  std::unique_ptr<PermissionMarks> source(
      new PermissionMarks(std::move(told), answers, std::move(both)));
  GUARD_TRY(source->asked_, FanotifySource::create(false, &answers));
  for (const int each : {source->told_->fd(), source->asked_->fd()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(source->both_.get(), EPOLL_CTL_ADD, each, &event) != 0)
      return Error::from_errno(errno, "epoll_ctl");
  }
  return source;
}

Status PermissionMarks::enforce(std::shared_ptr<const PolicySet> set) {
  return told_->enforce(std::move(set));
}

void PermissionMarks::enforced() {
  told_->enforced();
  answers_.end_change();
}

// Fails towards not asking: what is opened there is put right once it has settled.
void PermissionMarks::ask_in(std::uint32_t tree) {
  const bool is_asked = asked_->directory(tree, "") != nullptr;
  if (!answers_.needs_marks(tree)) {
    if (is_asked) asked_->forget_tree(tree);
    return;
  }
  const auto& [path, covered] = trees_.at(tree);
  if (is_asked) {
    asked_->cover(tree, covered);
    if (asked_->look_again(tree, marks_)) return;
    asked_->forget_tree(tree);  // another directory is there now
  }
  (void)asked_->watch_tree(tree, path, covered, marks_);
}

Status PermissionMarks::watch_tree(std::uint32_t tree, const std::string& path, Covered covered,
                                   NoticeReader& reader) {
  GUARD_CHECK(told_->watch_tree(tree, path, covered, reader));
  trees_.insert_or_assign(tree, Place{path, std::move(covered)});
  ask_in(tree);
  return {};
}

void PermissionMarks::cover(std::uint32_t tree, Covered covered) {
  told_->cover(tree, covered);
  if (const auto at = trees_.find(tree); at != trees_.end())
    at->second.covered = std::move(covered);
}

Status PermissionMarks::look_again(std::uint32_t tree, NoticeReader& reader) {
  GUARD_CHECK(told_->look_again(tree, reader));
  ask_in(tree);
  return {};
}

void PermissionMarks::forget_tree(std::uint32_t tree) {
  told_->forget_tree(tree);
  asked_->forget_tree(tree);
  trees_.erase(tree);
}

void PermissionMarks::renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) {
  told_->renumber(numbers);
  asked_->renumber(numbers);
  trees_ = renumbered(std::move(trees_), numbers);
}

bool PermissionMarks::dispatch(NoticeReader& reader) {
  const bool more_marks = asked_->dispatch(marks_);
  if (std::exchange(marks_.has_lost, false))
    for (const auto& [tree, place] : trees_) ask_in(tree);
  return told_->dispatch(reader) || more_marks;
}

}  // namespace guard
