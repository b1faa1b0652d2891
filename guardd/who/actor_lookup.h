// Looks up what a helper has to find out: the names of users and groups, possibly from a directory
// service, and hints in the environment of an actor and those of its ancestors. Callers never wait.
// Results are bounded. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "guardd/host/clock.h"
#include "guardd/who/inquiry.h"
#include "policy/record/record.h"

namespace guard {

// A map that drops its oldest entry if it is full.
template <typename Key, typename Value, typename Hash>
class BoundedMap {
 public:
  explicit BoundedMap(std::size_t bound) : bound_(bound) {}

  Value* find(const Key& key) {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }

  template <typename Visit>
  void each(Visit visit) const {
    for (const auto& [key, value] : values_) visit(value);
  }

  Value& put(const Key& key) {
    const auto [at, is_new] = values_.try_emplace(key);
    if (!is_new) return at->second;
    oldest_first_.push_back(key);
    if (values_.size() > bound_) {
      values_.erase(oldest_first_.front());
      oldest_first_.pop_front();
    }
    return values_.at(key);
  }

 private:
  std::size_t bound_;
  std::unordered_map<Key, Value, Hash> values_;
  std::deque<Key> oldest_first_;
};

class ActorLookup {
 public:
  struct Options {
    // Before a record goes out without the results. A directory service may hang. What a helper
    // reads itself it has read by then, or never will: a busy machine must not make a difference.
    std::chrono::milliseconds patience{50};
    std::chrono::milliseconds patience_with_helpers = kLongestInquiry;
    std::chrono::seconds good_for{300};  // an older name is looked up again, and used meanwhile
    std::size_t names = 1024;
    std::size_t processes = 1024;
    // A container that is just being started may have no names yet.
    std::chrono::milliseconds nameless_for{200};
  };

  explicit ActorLookup(HelperPort& inquiry) : ActorLookup(inquiry, Options()) {}
  ActorLookup(HelperPort& inquiry, Options options);
  ActorLookup(const ActorLookup&) = delete;
  ActorLookup& operator=(const ActorLookup&) = delete;

  // Fills in known results and starts look-ups for the rest. False: call again after a reply, or at
  // until(). True: nothing more will come soon.
  bool complete(Actor& actor);
  // The names of the owners, too, and what the actor's container calls its users.
  bool complete(Violation& violation);
  SteadyTime until() const { return until_; }  // as of the last call
  // Starts the look-ups that are possible only while the container of the process runs: there may
  // soon be a violation by it, in a tree of this owner.
  void expect(const Snapshot& process, Uid owner);

 private:
  struct ProcessId {
    std::int32_t pid = 0;
    std::uint64_t start = 0;
    friend bool operator==(const ProcessId&, const ProcessId&) = default;
  };
  struct ContainerUser {
    std::string container;  // the path of its control group
    Uid user;
    friend bool operator==(const ContainerUser&, const ContainerUser&) = default;
  };
  struct Hash {
    std::size_t operator()(const ContainerUser& user) const {
      return std::hash<std::string>()(user.container) ^ user.user.value;
    }
    std::size_t operator()(Uid user) const { return user.value; }
    std::size_t operator()(Gid group) const { return group.value; }
    std::size_t operator()(const ProcessId& process) const {
      return std::hash<std::uint64_t>()(process.start ^ static_cast<std::uint32_t>(process.pid));
    }
  };
  template <typename Value>
  struct LookUp {
    std::optional<Value> value;
    std::optional<SteadyTime> asked;  // while there is no reply
    std::optional<SteadyTime> learned;
    SteadyTime until(std::chrono::milliseconds patience) const {
      return learned || !asked ? SteadyTime() : *asked + patience;
    }
  };

  template <typename Id>
  using Names = BoundedMap<Id, LookUp<std::string>, Hash>;

  // They return until when more may come; a time in the past: nothing will.
  template <typename Id>
  SteadyTime find_name(Names<Id>& names, const std::optional<Id>& id,
                       std::optional<std::string>& name);
  SteadyTime find_name(const std::optional<Uid>& user, std::optional<std::string>& name) {
    return find_name(names_, user, name);
  }
  SteadyTime find_name(const std::optional<Gid>& group, std::optional<std::string>& name) {
    return find_name(groups_, group, name);
  }
  SteadyTime find_names(const Violation& violation, const std::optional<Ownership>& state,
                        std::string& owner, std::string& group);
  SteadyTime find_in_container(Violation& violation);
  SteadyTime find_in_container(const std::string& cgroup, Uid user, std::string& name);
  SteadyTime find_hints(Actor& actor);
  SteadyTime find_all(Actor& actor);
  SteadyTime find_all(SharedActor& actor);
  bool ends(SteadyTime until);

  HelperPort& inquiry_;
  Options options_;
  Names<Uid> names_;
  Names<Gid> groups_;
  BoundedMap<ProcessId, LookUp<Hints>, Hash> hints_;
  BoundedMap<ContainerUser, LookUp<std::string>, Hash> container_users_;
  // The last actor, before and after; shared by all records of a process.
  SharedActor given_, completed_;
  SteadyTime completed_at_;  // with all results
  SteadyTime until_;
};

// Sets `human` by the rules in describe.h. The names of the actor must be known.
void set_human(Actor& actor);

}  // namespace guard
