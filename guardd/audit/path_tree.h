// Summarizes paths as a given number of directories or files, chosen so that each row covers as
// much as possible. Bounded memory: if there are too many names, rare ones are merged into their
// directory. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "guardd/audit/ranking.h"

namespace guard {

class PathTree {
 public:
  static constexpr std::size_t kMostNodes = 32'768;
  static constexpr std::size_t kMostBytes = std::size_t{8} << 20U;
  static constexpr std::size_t kDeepest = 24;     // names; deeper paths count for their directory
  static constexpr std::size_t kLongest = 1'024;  // bytes

  void add(std::string_view path, Tally::TimePoint time, Outcome outcome, std::uint64_t count,
           std::int64_t incident);
  ReportTable table(std::size_t most) const;

 private:
  struct Node {
    RankedRow counted;
    Node* parent = nullptr;
    std::size_t children = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Nodes = std::unordered_map<std::string, Node, Hash, std::equal_to<>>;

  Node* node_of(std::string_view path);
  void forget_rare_ones();

  Nodes nodes_;  // by the path without a trailing slash; the root is empty
  std::size_t bytes_ = 0;
};

}  // namespace guard
