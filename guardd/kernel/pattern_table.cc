#include "guardd/kernel/pattern_table.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "guardd/kernel/reversed_patterns.h"

namespace guard {
namespace {

// Sets of nodes can be many (two to the power of the pattern's length for "????a*") and large. This
// bound limits a hostile policy to some hundred milliseconds and megabytes, and gives it no table.
// Most policies stay thousands of times below it.
constexpr std::size_t kMostWork = 10'000'000;
constexpr std::size_t kStatesPerStateLeft = 4;
constexpr std::size_t kMostStates = std::size_t{std::numeric_limits<std::uint16_t>::max()} + 1;

// One row per state: the label, and the next state for each kind of byte.
struct Table {
  std::size_t kinds;
  std::vector<std::uint16_t> labels;
  std::vector<std::uint32_t> next;

  std::size_t size() const { return labels.size(); }
  std::uint32_t after(std::size_t state, std::size_t kind) const {
    return next[state * kinds + kind];
  }
};

struct HashOfNodes {
  std::size_t operator()(const ReversedPatterns::Nodes& nodes) const {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const auto node : nodes) hash = (hash ^ node) * 0x100000001b3U;
    return hash ^ (hash >> 32U);
  }
};

// Only a pattern for the root matches it. One that can match an empty string, such as "{,x}", does
// not.
std::uint16_t label_of_root(const Policy& policy, const std::vector<std::string>& nested) {
  const auto is_root = [](const Pattern& pattern) { return pattern.glob.matches(""); };
  if (std::find(nested.begin(), nested.end(), "") != nested.end() ||
      std::any_of(policy.exclude.begin(), policy.exclude.end(), is_root))
    return Automaton::kExcluded;
  const auto rule = std::find_if(policy.rules.begin(), policy.rules.end(),
                                 [](const Rule& each) { return each.matches(""); });
  if (rule == policy.rules.end()) return Automaton::kPolicy;
  return static_cast<std::uint16_t>(Automaton::kFirstRule + (rule - policy.rules.begin()));
}

// A state for each set of nodes that some path leads to.
std::optional<Table> determinize(ReversedPatterns& patterns, std::uint16_t label_of_root,
                                 std::size_t most) {
  Table table{patterns.kinds(), {label_of_root}, {}};
  // Nothing leads back to the start, which has its own rule: it has no number here.
  std::unordered_map<ReversedPatterns::Nodes, std::uint32_t, HashOfNodes> numbers;
  const auto start = patterns.start();
  std::vector<const ReversedPatterns::Nodes*> sets{&start};
  for (std::size_t state = 0; state < sets.size(); ++state) {
    for (auto& nodes : patterns.after(*sets[state])) {
      const auto fresh = static_cast<std::uint32_t>(sets.size());
      const auto [at, is_new] = numbers.try_emplace(std::move(nodes), fresh);
      table.next.push_back(at->second);
      if (!is_new) continue;
      sets.push_back(&at->first);
      table.labels.push_back(patterns.label(at->first));
    }
    if (sets.size() > most || patterns.work() > kMostWork) return std::nullopt;
  }
  return table;
}

// Hopcroft's algorithm: finds the states that no further input tells apart, by splitting blocks of
// states until each kind of byte leads from a block to only one block.
class Blocks {
 public:
  explicit Blocks(const Table& table)
      : kinds_(table.kinds),
        members_(table.size()),
        where_(table.size()),
        block_of_(table.size()),
        first_source_(table.next.size() + 1),
        sources_(table.next.size()) {
    find_sources(table);
    begin_with_labels(table);
    std::vector<std::uint32_t> touched;
    while (!waiting_.empty()) {
      auto& block = blocks_[waiting_.back()];
      waiting_.pop_back();
      block.waits = false;
      const std::vector<std::uint32_t> splitter(members_.data() + block.begin,
                                                members_.data() + block.end);
      for (std::size_t kind = 0; kind < kinds_; ++kind) {
        for (const auto state : splitter) mark_sources(state * kinds_ + kind, touched);
        for (const auto each : touched) split(each);
        touched.clear();
      }
    }
  }

  std::size_t count() const { return blocks_.size(); }
  std::uint32_t block_of(std::size_t state) const { return block_of_[state]; }

 private:
  struct Block {
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t marked = 0;  // these come first
    bool waits = true;         // to split others
  };

  // The states that lead to each state, by kind.
  void find_sources(const Table& table) {
    const auto slot = [&](std::size_t i) { return table.next[i] * kinds_ + i % kinds_; };
    for (std::size_t i = 0; i < table.next.size(); ++i) ++first_source_[slot(i) + 1];
    std::partial_sum(first_source_.begin(), first_source_.end(), first_source_.begin());
    auto free = first_source_;
    for (std::size_t i = 0; i < table.next.size(); ++i)
      sources_[free[slot(i)]++] = static_cast<std::uint32_t>(i / kinds_);
  }

  void begin_with_labels(const Table& table) {
    std::iota(members_.begin(), members_.end(), 0U);
    std::stable_sort(members_.begin(), members_.end(),
                     [&](auto a, auto b) { return table.labels[a] < table.labels[b]; });
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
      if (i == 0 || table.labels[members_[i]] != table.labels[members_[i - 1]]) add({i, i});
      blocks_.back().end = i + 1;
      where_[members_[i]] = i;
      block_of_[members_[i]] = static_cast<std::uint32_t>(blocks_.size() - 1);
    }
  }

  void add(Block block) {
    if (block.waits) waiting_.push_back(static_cast<std::uint32_t>(blocks_.size()));
    blocks_.push_back(block);
  }

  void mark_sources(std::size_t slot, std::vector<std::uint32_t>& touched) {
    for (auto i = first_source_[slot]; i < first_source_[slot + 1]; ++i) {
      const auto state = sources_[i];
      auto& block = blocks_[block_of_[state]];
      if (block.marked == 0) touched.push_back(block_of_[state]);
      const auto other = members_[block.begin + block.marked];
      std::swap(members_[where_[state]], members_[where_[other]]);
      std::swap(where_[state], where_[other]);
      ++block.marked;
    }
  }

  // The marked states become a block of their own. The smaller half is enough to split others.
  void split(std::uint32_t number) {
    auto& block = blocks_[number];
    const auto marked = std::exchange(block.marked, 0U);
    if (marked == block.end - block.begin) return;
    Block made{block.begin, block.begin + marked};
    block.begin = made.end;
    for (auto i = made.begin; i < made.end; ++i)
      block_of_[members_[i]] = static_cast<std::uint32_t>(blocks_.size());
    if (!block.waits && block.end - block.begin < marked) {
      made.waits = false;
      block.waits = true;
      waiting_.push_back(number);
    }
    add(made);
  }

  std::size_t kinds_;
  std::vector<Block> blocks_;
  std::vector<std::uint32_t> waiting_;
  std::vector<std::uint32_t> members_;  // states, block after block
  std::vector<std::uint32_t> where_;    // a state is among them
  std::vector<std::uint32_t> block_of_;
  std::vector<std::uint32_t> first_source_;
  std::vector<std::uint32_t> sources_;
};

}  // namespace

std::uint16_t Automaton::label_of(std::string_view relative_path) const {
  std::uint16_t state = 0;
  for (auto i = relative_path.size(); i-- > 0;)
    state = states[state].next[static_cast<unsigned char>(relative_path[i])];
  return states[state].label;
}

std::optional<Automaton> automaton_of(const Policy& policy, const std::vector<std::string>& nested,
                                      std::size_t most) {
  most = std::min(most, kMostStates);
  if (policy.rules.size() > kMostStates - Automaton::kFirstRule) return std::nullopt;
  ReversedPatterns patterns(policy, nested);
  const auto table =
      determinize(patterns, label_of_root(policy, nested), most * kStatesPerStateLeft);
  if (!table) return std::nullopt;
  const Blocks blocks(*table);
  if (blocks.count() > most) return std::nullopt;

  // Numbered in the order in which they are met, so that the start is the first.
  constexpr std::uint32_t kUnmet = kMostStates;
  std::vector<std::uint32_t> number_of(blocks.count(), kUnmet);
  std::vector<std::size_t> met;
  for (std::size_t state = 0; state < table->size(); ++state) {
    auto& number = number_of[blocks.block_of(state)];
    if (number != kUnmet) continue;
    number = static_cast<std::uint32_t>(met.size());
    met.push_back(state);
  }
  Automaton automaton;
  automaton.ascii_only = patterns.ascii_only();
  automaton.states.resize(met.size());
  for (std::size_t i = 0; i < met.size(); ++i) {
    auto& state = automaton.states[i];
    state.label = table->labels[met[i]];
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const auto to = table->after(met[i], patterns.kind_of(static_cast<unsigned char>(byte)));
      state.next[byte] = static_cast<std::uint16_t>(number_of[blocks.block_of(to)]);
    }
  }
  return automaton;
}

}  // namespace guard
