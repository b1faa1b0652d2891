#include "guardd/control/shortcomings.h"

#include <utility>

#include "guardd/control/policies_in_force.h"
#include "guardd/host/users.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// fanotify does not report changes of inode flags. effective_action() reports weaker actions.
bool asks_for_more(const Policy& policy, Backend backend) {
  return backend != Backend::kLsm && policy.said.guards.value.has(Guard::kAttributes);
}

std::string unmet_requests(const PolicySet& set, Backend backend) {
  std::string names;
  for (const auto& policy : set.policies())
    if (asks_for_more(policy, backend)) names += (names.empty() ? "" : ", ") + policy.name();
  if (names.empty()) return names;
  return "changes of inode flags are only reported by the LSM backend, so these policies get less "
         "than they ask for: " +
         names;
}

}  // namespace

void Shortcomings::set(std::string_view name, const std::string& text) {
  const auto at = texts_.find(name);
  if (text == (at == texts_.end() ? std::string() : at->second)) return;
  have_changed_ = true;
  if (text.empty())
    texts_.erase(at);
  else
    texts_.insert_or_assign(name, text);
}

std::vector<std::string> Shortcomings::all() {
  have_changed_ = false;
  std::vector<std::string> all;
  for (const auto& [name, text] : texts_) all.push_back(text);
  return all;
}

std::vector<std::string> shortcomings_of(const ChosenSource& source, const Processes& processes,
                                         const WatchedTrees& trees,
                                         const PoliciesInForce& policies) {
  std::vector<std::string> all;
  const auto add = [&all](const std::vector<std::string>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  if (const auto& error = processes.tracer_error()) {
    const auto first = error->text().substr(0, error->text().find('\n'));
    all.push_back("processes can be identified only while they run: " + first);
  }
  const auto still_there = local_users(policies.accounts());
  for (const auto& account : policies.accounts()) {
    if (still_there.contains(account)) continue;
    all.push_back("the account " + quote(account) +
                  " no longer exists: its policies stay in force with its old user ID");
  }
  for (const auto& [tree, why] : trees.troubles()) all.push_back(why);
  if (!trees.denied().empty()) all.push_back(trees.denied());
  add(source.source->shortcomings());
  add(source.responder->shortcomings());
  if (auto unmet = unmet_requests(*policies.set(), source.backend); !unmet.empty()) {
    all.push_back(std::move(unmet));
    if (!source.why_not_lsm.empty())
      all.push_back("BPF LSM, which could enforce more, is not available: " + source.why_not_lsm);
  }
  return all;
}

}  // namespace guard
