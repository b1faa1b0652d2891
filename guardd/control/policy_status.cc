#include "guardd/control/policy_status.h"

#include <algorithm>
#include <map>

#include "policy/base/text.h"

namespace guard {
namespace {

struct Stand {
  std::string state;
  std::string reason;
};

class Stands {
 public:
  Stands(const PoliciesInForce& in_force, const WatchedTrees& trees, const Pauses& pauses)
      : in_force_(in_force), trees_(trees), pauses_(pauses.sentences()) {
    for (const auto tree : trees.watched()) watched_.push_back(tree);
  }

  Stand of(std::uint32_t policy) const {
    const auto& said = in_force_.said->policies()[policy];
    if (in_force_.disabled) return {"disabled", *in_force_.disabled};
    if (said.action() == Action::kOff) return {"off", ""};
    if (const auto pause = pauses_.find(said.name()); pause != pauses_.end())
      return {"paused", pause->second};
    Stand stand{"active", ""};
    const auto& trees = in_force_.set->trees();
    for (std::uint32_t tree = 0; tree < trees.size(); ++tree) {
      if (trees[tree].policy != policy) continue;
      if (const auto trouble = trees_.troubles().find(tree); trouble != trees_.troubles().end())
        return {"degraded", trouble->second};
      if (std::find(watched_.begin(), watched_.end(), tree) == watched_.end())
        stand = {"pending", quote(trees[tree].root()) + " is not there yet"};
    }
    return stand;
  }

 private:
  const PoliciesInForce& in_force_;
  const WatchedTrees& trees_;
  std::map<std::string, std::string> pauses_;
  std::vector<std::uint32_t> watched_;
};

std::uint64_t microseconds(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch());
  return since.count() < 0 ? 0 : static_cast<std::uint64_t>(since.count());
}

std::vector<std::string> guards_of(const Policy& policy) {
  std::vector<std::string> guards;
  for (std::size_t i = 0; i < Words<Guard>::kAll.size(); ++i)
    if (policy.said.guards.value.has(static_cast<Guard>(i)))
      guards.emplace_back(Words<Guard>::kAll[i]);
  return guards;
}

}  // namespace

std::vector<bus::PolicyFacts> policy_facts(const PoliciesInForce& in_force, Backend backend,
                                           const WatchedTrees& trees, const Pauses& pauses) {
  const Stands stands(in_force, trees, pauses);
  const auto paused = pauses.all();
  std::vector<bus::PolicyFacts> all;
  const auto& policies = in_force.said->policies();
  for (std::uint32_t i = 0; i < policies.size(); ++i) {
    const auto& policy = policies[i];
    auto& facts = all.emplace_back();
    facts.name = policy.name();
    for (const auto& path : policy.said.paths) facts.paths.push_back(path.value);
    facts.owner = policy.wanted.owner.name;
    facts.group = policy.wanted.group.name;
    facts.action = word(policy.action());
    const auto effective =
        effective_action(in_force.set->policies()[i], backend, in_force.limits[i]);
    facts.effective_action = word(in_force.disabled ? Action::kOff : effective.got);
    facts.differences = effective.differences;
    auto stand = stands.of(i);
    facts.state = std::move(stand.state);
    facts.state_reason = std::move(stand.reason);
    facts.guards = guards_of(policy);
    facts.severity = word(policy.said.severity.value);
    facts.category = policy.said.category.value;
    facts.file = in_force.said->files()[policy.said.place.file];
    facts.line = policy.said.place.line;
    const auto pause = std::find_if(paused.begin(), paused.end(),
                                    [&](const Pause& each) { return each.policy == facts.name; });
    if (pause == paused.end()) continue;
    facts.paused_until = microseconds(pause->until);
    facts.paused_by = pause->user;
    facts.pause_reason = pause->reason;
  }
  return all;
}

}  // namespace guard
