#include "guardd/control/shortcomings.h"

#include <utility>

#include "guardd/host/users.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// Of inode flags no notice tells. What is put right instead of refused, effective_action() tells.
bool asks_for_more(const Policy& policy, Backend backend) {
  return backend != Backend::kLsm && policy.said.guards.value.has(Guard::kAttributes);
}

// Never silently less than a policy asks for.
std::string what_policies_miss(const PolicySet& set, Backend backend) {
  std::string names;
  for (const auto& policy : set.policies())
    if (asks_for_more(policy, backend)) names += (names.empty() ? "" : ", ") + policy.name();
  if (names.empty()) return names;
  return "without the LSM nobody tells of changes of inode flags, so these policies get less than "
         "they ask for: " +
         names;
}

}  // namespace

std::vector<std::string> shortcomings_of(const ChosenSource& source, const Processes& processes,
                                         const WatchedTrees& trees, const PolicySet& set,
                                         const std::set<std::string>& accounts) {
  std::vector<std::string> all;
  const auto add = [&all](const std::vector<std::string>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  if (const auto& error = processes.tracer_error()) {
    const auto first = error->text().substr(0, error->text().find('\n'));
    all.push_back("who did it is only known while it runs: " + first);
  }
  const auto still_there = local_users(accounts);
  for (const auto& account : accounts) {
    if (still_there.contains(account)) continue;
    all.push_back("the account " + quote(account) +
                  " is gone: its policies go on with the number that it had");
  }
  for (const auto& [tree, why] : trees.troubles()) all.push_back(why);
  if (!trees.denied().empty()) all.push_back(trees.denied());
  if (source.kernel) add(source.kernel->shortcomings());
  if (source.answers) add(source.answers->shortcomings());
  if (auto less = what_policies_miss(set, source.backend); !less.empty()) {
    all.push_back(std::move(less));
    if (!source.why_not_lsm.empty())
      all.push_back("the LSM, which would do more, is not to be had: " + source.why_not_lsm);
  }
  return all;
}

}  // namespace guard
