#include "guardd/repair/left_alone.h"

#include <utility>

namespace guard {

LeftAlone::LeftAlone(std::vector<UndoneFile> remembered, Keep keep, std::size_t most)
    : most_(most), keep_(std::move(keep)) {
  for (auto& file : remembered) remember(std::move(file));
}

void LeftAlone::add(UndoneFile file) {
  if (!file.object.known()) return;
  const std::lock_guard lock(mutex_);
  if (keep_) keep_(file);
  remember(std::move(file));
}

void LeftAlone::remember(UndoneFile file) {
  is_empty_ = false;
  if (!changed_.insert_or_assign(file.object, file.changed).second) return;
  oldest_first_.push_back(std::move(file.object));
  if (oldest_first_.size() <= most_) return;
  changed_.erase(oldest_first_.front());
  oldest_first_.pop_front();
}

bool LeftAlone::is_untouched(const Object& object) const {
  if (is_empty_) return false;
  const auto id = FileId::of(object.fd.get());
  if (!id) return false;
  const std::lock_guard lock(mutex_);
  const auto found = changed_.find(*id);
  return found != changed_.end() && found->second == object.changed;
}

void LeftAlone::keep_no_more() {
  const std::lock_guard lock(mutex_);
  keep_ = nullptr;
}

}  // namespace guard
