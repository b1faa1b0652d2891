#include "guardd/who/containers.h"

#include <utility>

#include "guardd/who/container.h"

namespace guard {

KnownContainerPtr Containers::find(std::string_view cgroup) {
  const auto group = container_group(cgroup);
  if (group.empty()) return nullptr;
  const auto* entry = map_of(group).find(std::string(group));
  return entry ? entry->container : nullptr;
}

Containers::Map& Containers::map_of(std::string_view group) {
  return user_of_group(group) ? of_users_ : of_root_;
}

bool Containers::is_good(const Entry& entry) const {
  if (!entry.learned) return false;
  const bool has_name = entry.container && !entry.container->name.empty();
  return std::chrono::steady_clock::now() - *entry.learned <
         (has_name ? options_.good_for : options_.unknown_for);
}

// What is outdated is looked up again, and used meanwhile.
void Containers::look_up(std::string_view cgroup, std::function<void()> done) {
  const auto group = std::string(container_group(cgroup));
  if (group.empty()) {
    if (done) done();
    return;
  }
  auto& entry = map_of(group).put(group);
  const bool has_name = entry.container && !entry.container->name.empty();
  const bool must_wait = !has_name && !is_good(entry);
  if (!must_wait && done) std::exchange(done, nullptr)();
  // That can have changed the map.
  auto& now = map_of(group).put(group);
  if (is_good(now)) return;
  if (now.waiting) {
    if (done) now.waiting->push_back(std::move(done));
    return;
  }
  const auto waiting = std::make_shared<Waiting>();
  if (done) waiting->push_back(std::move(done));
  now.waiting = waiting;
  const auto user = user_of_group(group);
  ask_for_container(inquiry_, group, user.value_or(kRoot),
                    [this, group, waiting](std::optional<KnownContainer> found) {
                      learn(group, std::move(found));
                      for (const auto& each : std::exchange(*waiting, {})) each();
                    });
}

void Containers::learn(const std::string& group, std::optional<KnownContainer> found) {
  auto& entry = map_of(group).put(group);
  entry.waiting = nullptr;
  entry.learned = std::chrono::steady_clock::now();
  // Once the container is gone, its files tell nothing more.
  if (!found || (found->name.empty() && entry.container)) return;
  const bool is_same = entry.container && *entry.container == *found;
  if (is_same) return;
  const bool counts = found->is_of_root || (entry.container && entry.container->is_of_root);
  entry.container = std::make_shared<const KnownContainer>(*std::move(found));
  if (counts && changed_) changed_();
}

std::vector<KnownContainerPtr> Containers::of_root() const {
  std::vector<KnownContainerPtr> all;
  of_root_.each([&](const Entry& entry) {
    if (entry.container && entry.container->is_of_root) all.push_back(entry.container);
  });
  return all;
}

}  // namespace guard
