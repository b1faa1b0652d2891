#include "guardd/kernel/tree_tags.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "guardd/kernel/pattern_table.h"
#include "policy/base/text.h"
#include "policy/covered.h"

namespace guard {
namespace {

static_assert(Automaton::kPolicy == kLabelPolicy && Automaton::kExcluded == kLabelExcluded &&
              Automaton::kFirstRule == kLabelFirstRule);
static_assert(static_cast<int>(Action::kOff) == kTreeActionOff &&
              static_cast<int>(Action::kDeny) == kTreeActionDeny);
static_assert(static_cast<int>(Guard::kOwnership) == kGuardOwnership &&
              static_cast<int>(Guard::kRead) == kGuardRead);

Terms terms_of(const WantedState& wanted, Action action) {
  return {wanted.owner.id.value, wanted.group.id.value,
          wanted.file_mode ? wanted.file_mode->value : std::uint32_t{kAnyMode},
          wanted.dir_mode ? wanted.dir_mode->value : std::uint32_t{kAnyMode},
          static_cast<std::uint32_t>(action)};
}

class Tagger {
 public:
  Tagger(const PolicySet& set, ExemptionSlots& slots, std::uint32_t& next_table)
      : set_(set), slots_(slots), next_table_(next_table) {}

  TreeTags take() {
    for (const auto& policy : set_.policies()) of_policy_.push_back(tag_of(policy));
    for (const auto& tree : set_.trees()) all_.tags.push_back(tag_of(tree));
    return std::move(all_);
  }

 private:
  // The part that all trees of a policy share.
  TreeTag tag_of(const Policy& policy) {
    TreeTag tag{};
    tag.terms = terms_of(policy.wanted, policy.action());
    if (policy.action() == Action::kOff) return tag;
    policy.said.guards.value.each(
        [&](Guard guard) { tag.guards |= 1U << static_cast<unsigned>(guard); });
    all_.guards |= tag.guards;
    all_.denies = all_.denies || can_deny(policy);
    if (policy.said.only.value == Only::kInteractive) tag.flags |= kTreeOnlyInteractive;
    if (policy.said.strict.value) tag.flags |= kTreeStrict;
    for (const auto& allow : policy.allows) add_allow(tag, policy, allow);
    return tag;
  }

  void add_allow(TreeTag& tag, const Policy& policy, const Allow& allow) {
    const auto exemption = Exemption::of(allow);
    const auto slot = exemption.is_for_all() ? std::optional<unsigned>() : slots_.take(exemption);
    if (!slot) {
      tag.flags |= kTreeUndecidable;
      add_shortcoming(
          policy, exemption.is_for_all()
                      ? "it has an allow for every process, so nothing is denied there"
                      : "the kernel supports only " + std::to_string(ExemptionSlots::kMost) +
                            " different allows at a time, so nothing is denied there, only fixed "
                            "afterwards");
      return;
    }
    all_.exemptions.insert(exemption);
    const auto bit = std::uint64_t{1} << *slot;
    tag.allows |= bit;
    if (allow.said.effect.value == Effect::kIgnore) tag.ignores |= bit;
    if (exemption.unit && !is_plain_unit(*exemption.unit)) {
      add_shortcoming(policy, "the kernel cannot match units against " + quote(*exemption.unit) +
                                  ", so nothing that a unit does is denied there, only fixed "
                                  "afterwards");
    }
  }

  TreeTag tag_of(const Tree& tree) {
    auto tag = of_policy_[tree.policy];
    const auto& policy = set_.policy_of(tree);
    if (tag.terms.action == kTreeActionOff) return tag;
    auto nested = nested_trees(set_, tree);
    std::sort(nested.begin(), nested.end());
    const bool has_own = !policy.rules.empty() || !policy.exclude.empty();
    if (!has_own && nested.empty()) return tag;
    const auto [table, flags] = patterns_of(tree.policy, std::move(nested));
    tag.patterns = table;
    tag.flags |= flags;
    return tag;
  }

  // The table's number and its flags. Trees of a policy without nested trees share one table.
  using Patterns = std::pair<std::uint32_t, std::uint32_t>;
  Patterns patterns_of(std::uint32_t policy, std::vector<std::string> nested) {
    const auto [known, is_new] =
        known_.try_emplace(std::pair(policy, std::move(nested)), Patterns{0, 0});
    if (is_new) known->second = make_patterns(set_.policies()[policy], known->first.second);
    return known->second;
  }

  Patterns make_patterns(const Policy& policy, const std::vector<std::string>& nested) {
    auto automaton = automaton_of(policy, nested);
    const bool has_own = !policy.rules.empty() || !policy.exclude.empty();
    // Nested trees have their own tags, which the programs find first.
    if (!automaton && !has_own) return {0, 0};
    if (!automaton && !nested.empty()) automaton = automaton_of(policy, {});
    if (!automaton) {
      add_shortcoming(
          policy,
          "it has too many patterns for the kernel, so nothing is denied there, only fixed "
          "afterwards");
      return {0, kTreeUndecidable};
    }
    if (automaton->ascii_only) {
      add_shortcoming(
          policy,
          "the kernel cannot match its patterns against names beyond ASCII, so nothing is "
          "denied for those, only fixed afterwards");
    }
    PatternTable table{next_table_++, policy.name(), automaton->states.size(), {}, {}};
    table.rows.reserve(table.states);
    for (const auto& state : automaton->states) {
      auto& row = table.rows.emplace_back();
      row.label = state.label;
      std::copy(state.next.begin(), state.next.end(), std::begin(row.next));
    }
    for (const auto& rule : policy.rules) table.rules.push_back(terms_of(rule.wanted, rule.action));
    all_.tables.push_back(std::move(table));
    return {all_.tables.back().id, automaton->ascii_only ? std::uint32_t{kTreeAsciiOnly} : 0U};
  }

  static bool can_deny(const Policy& policy) { return policy.strongest_action() == Action::kDeny; }

  // Once for each policy and reason, and only for policies that can deny.
  void add_shortcoming(const Policy& policy, const std::string& why) {
    auto sentence = "policy " + quote(policy.name()) + ": " + why;
    auto& all = all_.shortcomings;
    if (can_deny(policy) && std::find(all.begin(), all.end(), sentence) == all.end())
      all.push_back(std::move(sentence));
  }

  const PolicySet& set_;
  ExemptionSlots& slots_;
  std::uint32_t& next_table_;
  std::vector<TreeTag> of_policy_;
  std::map<std::pair<std::uint32_t, std::vector<std::string>>, Patterns> known_;
  TreeTags all_;
};

}  // namespace

TreeTags tree_tags(const PolicySet& set, ExemptionSlots& slots, std::uint32_t& next_table) {
  return Tagger(set, slots, next_table).take();
}

}  // namespace guard
