#include "guardd/kernel/reversed_patterns.h"

#include <algorithm>
#include <map>
#include <utility>

#include "guardd/kernel/pattern_table.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// The reverse of decode_utf8().
std::string encode(std::uint32_t character) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  const auto tail = [&](unsigned shift) { return byte(0x80U | ((character >> shift) & 0x3fU)); };
  if (character < 0x80) return {byte(character)};
  if (character >= kBadByte) return {byte(character - kBadByte)};
  if (character < 0x800) return {byte(0xc0U | (character >> 6U)), tail(0)};
  if (character < 0x10000) return {byte(0xe0U | (character >> 12U)), tail(6), tail(0)};
  return {byte(0xf0U | (character >> 18U)), tail(12), tail(6), tail(0)};
}

}  // namespace

ReversedPatterns::ReversedPatterns(const Policy& policy, const std::vector<std::string>& nested) {
  for (std::size_t i = 0; i < 256; ++i) byte_sets_.emplace_back().set(i);
  byte_sets_.emplace_back().set().reset('/');  // kInName
  byte_sets_.emplace_back().set();             // kAnything
  byte_sets_.emplace_back();                   // kNothing

  begin_group(Automaton::kExcluded);
  for (const auto& tree : nested) {
    add_literal(tree);
    add_below(tree.empty() ? "" : tree + '/');
  }
  for (const auto& pattern : policy.exclude) add(pattern.glob);
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    begin_group(static_cast<std::uint16_t>(Automaton::kFirstRule + i));
    for (const auto& pattern : policy.rules[i].match) add(pattern.glob);
  }
  visited_.assign(nodes_.size(), 0);
  find_kinds();
  find_final_labels();
}

// Groups come in order of precedence: of two nodes the one with the lower number goes first.
void ReversedPatterns::begin_group(std::uint16_t label) {
  label_ = label;
  last_ = node();
  nodes_[last_].accepts = true;
  first_ = node();
  starts_.push_back(first_);
  below_ = below_names_ = kNowhere;
}

void ReversedPatterns::add(const Glob& glob) {
  switch (glob.shape_) {
    case Glob::Shape::kLiteral:
      return add_literal(glob.head_);
    case Glob::Shape::kBelow:
      return add_below(glob.head_);
    case Glob::Shape::kSuffix:
      return add_suffix(glob.tail_);
    case Glob::Shape::kName:
    case Glob::Shape::kGeneral:
      return add_steps(glob);
  }
}

void ReversedPatterns::add_literal(std::string_view path) {
  read_text(branch(first_), path, last_);
}

// All directories share the nodes of the unknown part: a policy can have many nested trees.
void ReversedPatterns::add_below(std::string_view directory) {
  if (below_ == kNowhere) {
    const auto any = branch(first_);
    below_ = node();
    read(any, kAnything, below_);
    free(below_, any);
    below_names_ = node();
    read(branch(below_), '/', below_names_);
  }
  if (directory.empty()) return free(below_, last_);
  directory.remove_suffix(1);
  read_text(branch(below_names_), directory, last_);
}

void ReversedPatterns::add_suffix(std::string_view tail) {
  const auto any = node();
  read(any, kAnything, any);
  free(any, last_);
  read_text(branch(first_), tail, any);
}

// Every step in reverse. Steps over bytes agree with steps over characters as long as the literal
// parts are UTF-8 and wildcards match any number of characters: the first byte of a UTF-8 character
// never occurs inside one, so both find the literal parts in the same places, with whole characters
// between them. The only ** that needs at least one character stands between a slash and the end.
void ReversedPatterns::add_steps(const Glob& glob) {
  const auto& steps = glob.steps_;
  const auto base = static_cast<std::uint32_t>(nodes_.size());
  for (std::size_t i = 0; i < steps.size(); ++i) node();
  free(first_, base + static_cast<std::uint32_t>(steps.size()) - 1);
  free(base, last_);
  for (std::uint32_t i = 0; i < steps.size(); ++i) {
    const auto& step = steps[i];
    switch (step.op) {
      case Glob::Op::kMatch:
        break;
      case Glob::Op::kSplit:
        free(base + step.other, base + i);
        [[fallthrough]];
      case Glob::Op::kJump:
        free(base + step.value, base + i);
        break;
      case Glob::Op::kCharacter:
        ascii_only_ = ascii_only_ || step.value >= kBadByte;
        read_text(base + i + 1, encode(step.value), base + i);
        break;
      case Glob::Op::kInName:
      case Glob::Op::kAnything:
      case Glob::Op::kSet:
        read(base + i + 1, bytes_of(glob, i), base + i);
        break;
    }
  }
}

std::uint32_t ReversedPatterns::bytes_of(const Glob& glob, std::size_t at) {
  const auto& step = glob.steps_[at];
  if (step.op == Glob::Op::kAnything) return kAnything;
  if (step.op == Glob::Op::kInName) {
    const auto& next = glob.steps_[at + 1];
    const bool any_number = next.op == Glob::Op::kJump && next.value < at;  // only loops go back
    ascii_only_ = ascii_only_ || !any_number;
    return kInName;
  }
  Bytes bytes;
  for (std::uint32_t byte = 0; byte < 0x80; ++byte) bytes[byte] = glob.consumes(step, byte);
  const auto& set = glob.sets_[step.value];
  const bool more = set.negated || std::any_of(set.ranges.begin(), set.ranges.end(),
                                               [](const auto& range) { return range.last > 0x7f; });
  ascii_only_ = ascii_only_ || more;
  if (bytes.none()) return kNothing;
  byte_sets_.push_back(bytes);
  return static_cast<std::uint32_t>(byte_sets_.size() - 1);
}

std::uint32_t ReversedPatterns::node() {
  nodes_.push_back({.label = label_, .free = {}});
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

std::uint32_t ReversedPatterns::branch(std::uint32_t from) {
  const auto to = node();
  free(from, to);
  return to;
}

void ReversedPatterns::read(std::uint32_t from, std::uint32_t bytes, std::uint32_t to) {
  nodes_[from].reads = bytes;
  nodes_[from].to = to;
}

void ReversedPatterns::read_text(std::uint32_t from, std::string_view text, std::uint32_t to) {
  if (text.empty()) return free(from, to);
  for (auto i = text.size(); i-- > 0;) {
    const auto next = i == 0 ? to : node();
    read(from, static_cast<unsigned char>(text[i]), next);
    from = next;
  }
}

void ReversedPatterns::find_kinds() {
  std::vector<bool> used(byte_sets_.size());
  for (const auto& node : nodes_) used[node.reads] = true;
  for (std::size_t set = 0; set < byte_sets_.size(); ++set) {
    if (!used[set]) continue;
    std::map<std::pair<std::uint8_t, bool>, std::uint8_t> split;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const auto fresh = static_cast<std::uint8_t>(split.size());
      kind_of_[byte] =
          split.try_emplace({kind_of_[byte], byte_sets_[set][byte]}, fresh).first->second;
    }
    kinds_ = split.size();
  }
  kinds_of_set_.resize(byte_sets_.size());
  for (std::size_t set = 0; set < byte_sets_.size(); ++set) {
    std::bitset<256> kinds;
    for (std::size_t byte = 0; byte < 256; ++byte)
      if (byte_sets_[set][byte]) kinds.set(kind_of_[byte]);
    for (std::size_t kind = 0; kind < kinds_; ++kind)
      if (kinds[kind]) kinds_of_set_[set].push_back(static_cast<std::uint8_t>(kind));
  }
}

void ReversedPatterns::find_final_labels() {
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].reads != kAnything) continue;
    const auto then = reachable({nodes_[i].to});
    nodes_[i].for_good =
        label(then) != Automaton::kPolicy && std::binary_search(then.begin(), then.end(), i);
  }
}

ReversedPatterns::Nodes ReversedPatterns::start() {
  return reachable(starts_);
}

std::vector<ReversedPatterns::Nodes> ReversedPatterns::after(const Nodes& nodes) {
  std::vector<std::vector<std::uint32_t>> reached(kinds_);
  for (const auto at : nodes) {
    const auto& kinds = kinds_of_set_[nodes_[at].reads];
    for (const auto kind : kinds) reached[kind].push_back(nodes_[at].to);
    work_ += kinds.size() + 1;
  }
  for (auto& to : reached) to = reachable(std::move(to));
  return reached;
}

std::uint16_t ReversedPatterns::label(const Nodes& nodes) const {
  const auto first = std::find_if(nodes.begin(), nodes.end(),
                                  [&](std::uint32_t at) { return nodes_[at].accepts; });
  return first == nodes.end() ? Automaton::kPolicy : nodes_[*first].label;
}

ReversedPatterns::Nodes ReversedPatterns::reachable(std::vector<std::uint32_t> pending) {
  ++visit_;
  Nodes nodes;
  while (!pending.empty()) {
    const auto at = pending.back();
    const auto& node = nodes_[at];
    pending.pop_back();
    if (visited_[at] == visit_) continue;
    visited_[at] = visit_;
    work_ += node.free.size() + 1;
    if (node.accepts || node.reads != kNothing) nodes.push_back(at);
    pending.insert(pending.end(), node.free.begin(), node.free.end());
  }
  std::sort(nodes.begin(), nodes.end());

  // Nodes behind a label that applies for good make no difference.
  const auto applies = label(nodes);
  const auto settled = std::find_if(nodes.begin(), nodes.end(), [&](std::uint32_t at) {
    return nodes_[at].for_good && nodes_[at].label == applies;
  });
  if (settled != nodes.end()) nodes.erase(settled + 1, nodes.end());
  return nodes;
}

}  // namespace guard
