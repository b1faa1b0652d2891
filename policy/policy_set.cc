#include "policy/policy_set.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "policy/base/text.h"
#include "policy/identity.h"

namespace guard {
namespace {

constexpr std::uint32_t kEmptySlot = 0xffffffff;

// FNV-1a is incremental, so one pass over a path computes the hash of every directory on the way.
class PathHash {
 public:
  void add(char c) { value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U; }
  std::uint64_t value() const { return value_ ^ (value_ >> 29U); }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

std::uint64_t hash_of(std::string_view path) {
  PathHash hash;
  for (const char c : path) hash.add(c);
  return hash.value();
}

void pause(Policy& policy, const std::string& excuse) {
  const auto at_most_log = [](Action& action) { action = std::min(action, Action::kLog); };
  at_most_log(policy.said.action.value);
  for (auto& rule : policy.rules) at_most_log(rule.action);
  policy.said.fix_at.value = FixAt::kSettle;
  policy.excuse = excuse;
}

}  // namespace

bool Rule::matches(std::string_view relative_path) const {
  return std::any_of(match.begin(), match.end(),
                     [&](const Pattern& pattern) { return pattern.glob.matches(relative_path); });
}

bool ContainerPatterns::match(std::string_view container, std::string_view of_image) const {
  if (!name && !image) return false;
  if (name && (container.empty() || !name->matches(container))) return false;
  if (!image) return true;
  return !of_image.empty() &&
         (image->matches(of_image) || image->matches(of_image.substr(of_image.rfind('/') + 1)));
}

Action Policy::strongest_action() const {
  auto strongest = action();
  if (strongest == Action::kOff) return strongest;
  for (const auto& rule : rules) strongest = std::max(strongest, rule.action);
  return strongest;
}

PolicySet::PolicySet(std::vector<Policy> policies, std::vector<Tree> trees,
                     std::vector<std::string> files, std::uint64_t generation)
    : policies_(std::move(policies)),
      trees_(std::move(trees)),
      files_(std::move(files)),
      generation_(generation),
      identity_(sha256_hex(canonical_text(policies_))) {
  index_trees();
}

void PolicySet::index_trees() {
  const auto size = std::bit_ceil(trees_.size() * 4 + 4);
  slots_.assign(size, kEmptySlot);
  slot_mask_ = size - 1;
  for (std::uint32_t i = 0; i < trees_.size(); ++i) {
    auto slot = hash_of(trees_[i].path) & slot_mask_;
    while (slots_[slot] != kEmptySlot) slot = (slot + 1) & slot_mask_;
    slots_[slot] = i;
  }
}

PolicySet PolicySet::paused(const std::map<std::string, std::string>& excuses) const {
  auto set = *this;
  for (auto& policy : set.policies_)
    if (const auto found = excuses.find(policy.name()); found != excuses.end())
      pause(policy, found->second);
  return set;
}

template <typename Visit>
void PolicySet::each_tree_holding(std::string_view path, Visit visit) const {
  PathHash hash;
  const auto ask = [&](std::size_t length) {
    for (auto slot = hash.value() & slot_mask_; slots_[slot] != kEmptySlot;
         slot = (slot + 1) & slot_mask_)
      if (trees_[slots_[slot]].path == path.substr(0, length)) visit(trees_[slots_[slot]]);
  };
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '/') ask(i);
    hash.add(path[i]);
  }
  if (path != "/") ask(path.size());
}

const Tree* PolicySet::tree_of(std::string_view path) const {
  const Tree* innermost = nullptr;
  each_tree_holding(path, [&](const Tree& tree) { innermost = &tree; });
  return innermost;
}

std::vector<const Tree*> PolicySet::trees_holding(std::string_view path) const {
  std::vector<const Tree*> trees;
  each_tree_holding(path, [&](const Tree& tree) { trees.push_back(&tree); });
  return trees;
}

std::string_view PolicySet::relative(const Tree& tree, std::string_view path) {
  path.remove_prefix(std::min(tree.path.size() + 1, path.size()));
  return path;
}

const Policy* PolicySet::find_policy(std::string_view name) const {
  const auto found = std::find_if(policies_.begin(), policies_.end(),
                                  [&](const Policy& policy) { return policy.name() == name; });
  return found == policies_.end() ? nullptr : &*found;
}

std::vector<std::string_view> PolicySet::names() const {
  std::vector<std::string_view> names;
  for (const auto& policy : policies_) names.push_back(policy.name());
  return names;
}

Result<const Policy*> PolicySet::policy_called(std::string_view name) const {
  if (const auto* policy = find_policy(name)) return policy;
  return Error("no policy is called " + quote(name) + did_you_mean(name, names()));
}

}  // namespace guard
