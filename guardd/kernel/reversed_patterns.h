// The patterns of one policy, reversed: an automaton that reads a path from its last byte to its
// first and can be at many nodes at once. pattern_table.cc builds a table from it. Never reads a
// path itself. Built, used and discarded by one thread.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_set.h"

namespace guard {

class ReversedPatterns {
 public:
  using Nodes = std::vector<std::uint32_t>;  // sorted, each once

  ReversedPatterns(const Policy& policy, const std::vector<std::string>& nested);

  // Bytes that all patterns treat alike are one kind.
  std::size_t kinds() const { return kinds_; }
  std::size_t kind_of(unsigned char byte) const { return kind_of_[byte]; }

  Nodes start();
  std::vector<Nodes> after(const Nodes& nodes);  // after one more byte, by its kind
  std::uint16_t label(const Nodes& nodes) const;

  // Whether a pattern counts characters where this counts bytes.
  bool ascii_only() const { return ascii_only_; }
  // The cost of all answers so far. It grows with the nodes that were visited.
  std::size_t work() const { return work_; }

 private:
  using Bytes = std::bitset<256>;
  // The set of bytes that a node reads: the first 256 sets hold one byte each, these follow.
  enum : std::uint32_t { kInName = 256, kAnything, kNothing };

  struct Node {
    std::uint16_t label;  // of the excludes or the rule that it belongs to
    bool accepts = false;
    bool for_good = false;  // once the label applies here, no further input changes it
    std::uint32_t reads = kNothing;
    std::uint32_t to = 0;
    std::vector<std::uint32_t> free;  // where it leads without reading
  };

  void begin_group(std::uint16_t label);
  void add(const Glob& glob);
  void add_literal(std::string_view path);
  void add_below(std::string_view directory);
  void add_suffix(std::string_view tail);
  void add_steps(const Glob& glob);
  std::uint32_t bytes_of(const Glob& glob, std::size_t at);

  std::uint32_t node();
  std::uint32_t branch(std::uint32_t from);
  void free(std::uint32_t from, std::uint32_t to) { nodes_[from].free.push_back(to); }
  void read(std::uint32_t from, std::uint32_t bytes, std::uint32_t to);
  void read_text(std::uint32_t from, std::string_view text, std::uint32_t to);

  void find_kinds();
  void find_final_labels();
  Nodes reachable(std::vector<std::uint32_t> pending);

  std::vector<Node> nodes_;
  std::vector<Bytes> byte_sets_;
  std::vector<std::uint32_t> starts_;
  bool ascii_only_ = false;

  // The group that patterns are being added to.
  std::uint16_t label_ = 0;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  std::uint32_t below_ = kNowhere;        // something was read
  std::uint32_t below_names_ = kNowhere;  // and a slash after it
  static constexpr std::uint32_t kNowhere = 0xffffffff;

  std::array<std::uint8_t, 256> kind_of_{};
  std::size_t kinds_ = 1;
  std::vector<std::vector<std::uint8_t>> kinds_of_set_;

  std::vector<std::uint32_t> visited_;
  std::uint32_t visit_ = 0;
  std::size_t work_ = 0;
};

}  // namespace guard
