// What is known of containers, by control group. A helper reads it from the files of their
// runtimes. What was learned stays after the container is gone, as long as there is room. One
// thread: the daemon's loop, which never waits.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/host/clock.h"
#include "guardd/who/actor_lookup.h"
#include "guardd/who/inquiry.h"
#include "guardd/who/known_container.h"

namespace guard {

class Containers {
 public:
  struct Options {
    std::size_t most = 1024;
    // Containers can be renamed, and a runtime can write its files late.
    std::chrono::milliseconds good_for{60'000};
    std::chrono::milliseconds unknown_for{1'000};
  };

  explicit Containers(HelperPort& inquiry) : Containers(inquiry, Options()) {}
  Containers(HelperPort& inquiry, Options options)
      : inquiry_(inquiry), options_(options), of_root_(options.most), of_users_(options.most) {}
  Containers(const Containers&) = delete;
  Containers& operator=(const Containers&) = delete;

  // Of a process in this control group. Null: none, or not known yet.
  KnownContainerPtr find(std::string_view cgroup);

  // Has a helper look it up unless it is known. `done` is called once there is nothing to wait for,
  // possibly at once.
  void look_up(std::string_view cgroup, std::function<void()> done = {});

  // Those that count for exemptions; `changed` is called when there are others.
  std::vector<KnownContainerPtr> of_root() const;
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

 private:
  using Waiting = std::vector<std::function<void()>>;
  struct Entry {
    KnownContainerPtr container;
    std::optional<SteadyTime> learned;
    std::shared_ptr<Waiting> waiting;  // null: no helper was asked
  };

  bool is_good(const Entry& entry) const;
  void learn(const std::string& group, std::optional<KnownContainer> found);

  HelperPort& inquiry_;
  Options options_;
  // Apart, so that no user's containers push out those of root.
  using Map = BoundedMap<std::string, Entry, std::hash<std::string>>;
  Map& map_of(std::string_view group);
  Map of_root_;
  Map of_users_;
  std::function<void()> changed_;
};

}  // namespace guard
