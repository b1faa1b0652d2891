#include "guardd/repair/left_alone.h"

#include <utility>

namespace guard {

LeftAlone::LeftAlone(std::vector<FileVersion> remembered, Save save, std::size_t most)
    : most_(most), save_(std::move(save)) {
  for (auto& file : remembered) remember(std::move(file));
}

void LeftAlone::add(FileVersion file) {
  if (!file.object.known()) return;
  const std::lock_guard lock(mutex_);
  if (save_) save_(file);
  remember(std::move(file));
}

void LeftAlone::learn(FileVersion file) {
  if (!file.object.known()) return;
  const std::lock_guard lock(mutex_);
  remember(std::move(file));
}

std::vector<FileVersion> LeftAlone::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<FileVersion> files;
  files.reserve(oldest_first_.size());
  for (const auto& object : oldest_first_) files.push_back({object, changed_.at(object)});
  return files;
}

void LeftAlone::remember(FileVersion file) {
  is_empty_ = false;
  if (!changed_.insert_or_assign(file.object, file.changed).second) return;
  oldest_first_.push_back(std::move(file.object));
  if (oldest_first_.size() <= most_) return;
  changed_.erase(oldest_first_.front());
  oldest_first_.pop_front();
}

bool LeftAlone::contains(const Object& object) const {
  if (is_empty_) return false;
  const auto id = FileId::of(object.fd.get());
  if (!id) return false;
  const std::lock_guard lock(mutex_);
  const auto found = changed_.find(*id);
  return found != changed_.end() && found->second == object.changed;
}

void LeftAlone::stop_saving() {
  const std::lock_guard lock(mutex_);
  save_ = nullptr;
}

}  // namespace guard
