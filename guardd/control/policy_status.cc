#include "guardd/control/policy_status.h"

#include <algorithm>
#include <map>
#include <utility>

#include "guardd/enforce/violation.h"
#include "guardd/host/terminal_text.h"
#include "guardd/version.h"
#include "policy/base/text.h"

namespace guard {
namespace {

struct State {
  std::string name;
  std::string reason;
};

class States {
 public:
  States(const PoliciesInForce& in_force, const WatchedTrees& trees)
      : in_force_(in_force),
        trees_(trees),
        pauses_(in_force.pauses().sentences()),
        watched_(trees.watched()),
        troubles_(trees.troubles()),
        visits_(trees.visits()) {}

  State of(std::uint32_t policy) const {
    const auto& loaded = in_force_.loaded()->policies()[policy];
    if (in_force_.disabled()) return {"disabled", *in_force_.disabled()};
    if (loaded.action() == Action::kOff) return {"off", ""};
    if (const auto pause = pauses_.find(loaded.name()); pause != pauses_.end())
      return {"paused", pause->second};
    State state{"active", ""};
    std::size_t unproven = 0;
    const auto& trees = in_force_.set()->trees();
    for (std::uint32_t tree = 0; tree < trees.size(); ++tree) {
      if (trees[tree].policy != policy) continue;
      if (const auto trouble = troubles_.find(tree); trouble != troubles_.end())
        return {"degraded", trouble->second};
      if (std::find(watched_.begin(), watched_.end(), tree) == watched_.end())
        state = {"pending", quote(trees[tree].root()) + " does not exist yet"};
      if (const auto visit = visits_.find(tree); visit != visits_.end())
        state.reason = "guardd begins to watch " + quote(trees[tree].root()) + ": " +
                       counted(visit->second, "directory", "directories") + " so far";
      unproven += trees_.unproven(tree);
    }
    if (unproven > 0 && state.reason.empty()) {
      state.reason = counted(unproven, "object belongs", "objects belong") +
                     " to other users, and guardd has no evidence that " +
                     loaded.wanted.owner.name +
                     " may have them; to hand them over, run: " + "guardctl fix " + loaded.name();
    }
    return state;
  }

 private:
  const PoliciesInForce& in_force_;
  const WatchedTrees& trees_;
  std::map<std::string, std::string> pauses_;
  std::vector<std::uint32_t> watched_;
  std::map<std::uint32_t, std::string> troubles_;
  std::map<std::uint32_t, std::size_t> visits_;
};

std::vector<std::string> guards_of(const Policy& policy) {
  std::vector<std::string> guards;
  for (std::size_t i = 0; i < Words<Guard>::kAll.size(); ++i)
    if (policy.said.guards.value.has(static_cast<Guard>(i)))
      guards.emplace_back(Words<Guard>::kAll[i]);
  return guards;
}

}  // namespace

std::vector<bus::PolicyFacts> policy_facts(const PoliciesInForce& in_force, Backend backend,
                                           const WatchedTrees& trees) {
  const States states(in_force, trees);
  const auto paused = in_force.pauses().all();
  std::vector<bus::PolicyFacts> all;
  const auto& policies = in_force.loaded()->policies();
  for (std::uint32_t i = 0; i < policies.size(); ++i) {
    const auto& policy = policies[i];
    auto& facts = all.emplace_back();
    facts.name = policy.name();
    for (const auto& path : policy.said.paths) facts.paths.push_back(path.value);
    facts.owner = policy.wanted.owner.name;
    facts.group = policy.wanted.group.name;
    facts.action = word(policy.action());
    const auto effective =
        effective_action(in_force.set()->policies()[i], backend, in_force.limits()[i]);
    facts.effective_action = word(in_force.disabled() ? Action::kOff : effective.got);
    facts.differences = effective.differences;
    auto state = states.of(i);
    facts.state = std::move(state.name);
    facts.state_reason = std::move(state.reason);
    facts.guards = guards_of(policy);
    facts.severity = word(policy.said.severity.value);
    facts.category = policy.said.category.value;
    // A counter that appears with its first event shows no increase.
    for (const auto word : skip_words()) facts.skipped.emplace(word, 0);
    facts.file = in_force.loaded()->files()[policy.said.place.file];
    facts.line = policy.said.place.line;
    const auto pause = std::find_if(paused.begin(), paused.end(),
                                    [&](const Pause& each) { return each.policy == facts.name; });
    if (pause == paused.end()) continue;
    facts.paused_until = microseconds_of(pause->until);
    facts.paused_by = pause->user;
    facts.pause_reason = pause->reason;
  }
  return all;
}

StatusFacts status_facts(const PoliciesInForce& in_force, Backend backend,
                         const WatchedTrees& trees, std::vector<std::string> shortcomings) {
  const auto& set = *in_force.set();
  StatusFacts facts;
  facts.policies = set.policies().size();
  facts.trees = set.trees().size();
  facts.pending = trees.pending();
  for (const auto& [tree, met] : trees.visits()) {
    ++facts.visiting;
    facts.met += met;
  }
  facts.backend = backend;
  for (const auto& pause : in_force.pauses().all()) facts.paused.push_back(pause.policy);
  facts.disabled = in_force.disabled();
  facts.shortcomings = std::move(shortcomings);
  return facts;
}

ReadyNews ready_news(const PoliciesInForce& in_force, const ChosenSource& source,
                     const WatchedTrees& trees) {
  const auto& set = *in_force.set();
  ReadyNews news;
  news.version = GUARD_VERSION;
  news.backend = source.backend;
  news.generation = set.generation();
  news.policy_identity = set.identity();
  news.policies = set.policies().size();
  news.trees = set.trees().size();
  news.pending = in_force.disabled() ? 0 : trees.pending();
  news.directories = source.source->directories().size();
  return news;
}

bus::Counts counts_of(const std::string& policy, const std::map<std::string, BeyondLimit>& limits) {
  bus::Counts counts;
  for (const auto& [key, all] : limits) {
    const auto at = all.find(policy);
    counts[key] = at == all.end() ? 0 : at->second;
  }
  return counts;
}

}  // namespace guard
