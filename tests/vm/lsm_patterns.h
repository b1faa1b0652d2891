// Trees whose policies have rules and excludes.
#pragma once

#include "guardd/kernel/pattern_table.h"
#include "tests/vm/lsm_fixture.h"

namespace guard {

class LsmPatterns : public LsmTest {
 protected:
  void TearDown() override {
    if (rows_ > 0) lsm_->drop_patterns(kTable, rows_);
    for (std::size_t i = 0; i < rules_; ++i) lsm_->drop_rule(rule(i));
    LsmTest::TearDown();
  }

  static std::vector<Pattern> compiled(const std::vector<std::string>& patterns) {
    std::vector<Pattern> all;
    for (const auto& pattern : patterns) all.push_back({*Glob::compile(pattern), {}});
    return all;
  }

  // As guardd prepares a policy: the labels of the rules follow their order.
  TreeTag tag_with(const std::vector<std::string>& exclude,
                   const std::vector<std::vector<std::string>>& rules,
                   const std::vector<Terms>& terms = {}) {
    Policy policy;
    policy.exclude = compiled(exclude);
    for (const auto& match : rules) policy.rules.emplace_back().match = compiled(match);
    const auto automaton = automaton_of(policy, {});
    EXPECT_TRUE(automaton);
    std::vector<PatternRow> rows;
    for (const auto& state : automaton->states) {
      auto& row = rows.emplace_back();
      row.label = state.label;
      std::copy(state.next.begin(), state.next.end(), row.next);
    }
    EXPECT_TRUE(lsm_->add_patterns(kTable, rows));
    rows_ = rows.size();
    for (std::size_t i = 0; i < terms.size(); ++i) EXPECT_TRUE(lsm_->add_rule(rule(i), terms[i]));
    rules_ = terms.size();
    auto tag = tag_for(kOwner);
    tag.patterns = kTable;
    if (automaton->ascii_only) tag.flags |= kTreeAsciiOnly;
    return tag;
  }

  static constexpr std::uint32_t kTable = 7;

 private:
  static RuleKey rule(std::size_t index) {
    return {kTable, static_cast<std::uint32_t>(Automaton::kFirstRule + index)};
  }

  std::size_t rows_ = 0;
  std::size_t rules_ = 0;
};

}  // namespace guard
