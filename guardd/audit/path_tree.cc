#include "guardd/audit/path_tree.h"

#include <algorithm>
#include <queue>
#include <vector>

namespace guard {
namespace {

// The share of the total from which a name gets a row of its own, and the share of its directory
// for a file among many.
constexpr std::uint64_t kOneIn = 100;
constexpr std::uint64_t kFileOneIn = 10;
constexpr std::uint64_t kOfItsDirectoryOneIn = 4;

// The part of the path that is distinguished, in whole names.
std::string_view bounded(std::string_view path) {
  std::size_t names = 0;
  std::size_t end = 0;
  while (end < path.size() && names < PathTree::kDeepest) {
    const auto next = path.find('/', end + 1);
    const auto to = next == std::string_view::npos ? path.size() : next;
    if (to > PathTree::kLongest) break;
    end = to;
    ++names;
  }
  path = path.substr(0, end);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

PathTree::Node* PathTree::node_of(std::string_view path) {
  const auto found = nodes_.find(path);
  if (found != nodes_.end()) return &found->second;
  Node* parent = nullptr;
  if (!path.empty()) {
    const auto slash = path.rfind('/');
    parent = node_of(path.substr(0, slash == std::string_view::npos ? 0 : slash));
    ++parent->children;
  }
  bytes_ += path.size();
  auto& node = nodes_[std::string(path)];
  node.parent = parent;
  return &node;
}

void PathTree::add(std::string_view path, Tally::TimePoint time, Outcome outcome,
                   std::uint64_t count, std::int64_t incident) {
  if (nodes_.size() > kMostNodes || bytes_ > kMostBytes) forget_rare_ones();
  for (auto* node = node_of(bounded(path)); node; node = node->parent)
    node->counted.add(time, outcome, count, incident);
}

// An entry of a directory is never more frequent than the directory, and its path is longer.
void PathTree::forget_rare_ones() {
  std::vector<Nodes::iterator> order;
  order.reserve(nodes_.size());
  for (auto each = nodes_.begin(); each != nodes_.end(); ++each) order.push_back(each);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    const auto of_a = a->second.counted.tally.violations;
    const auto of_b = b->second.counted.tally.violations;
    return of_a != of_b ? of_a < of_b : a->first.size() > b->first.size();
  });
  order.resize(order.size() / 2);
  for (const auto& each : order) {
    if (each->second.parent) --each->second.parent->children;
    bytes_ -= each->first.size();
    nodes_.erase(each);
  }
}

// Starting at the root, splits the most frequent name off its directory into a row of its own,
// until there are enough rows or no name is frequent enough.
ReportTable PathTree::table(std::size_t most) const {
  using Named = Nodes::value_type;
  struct Group {
    const Named* node;
    Tally left;
    bool is_split = false;
  };
  struct Candidate {
    const Named* node;
    std::size_t group;
    bool operator<(const Candidate& other) const {
      const auto mine = node->second.counted.tally.violations;
      const auto others = other.node->second.counted.tally.violations;
      return mine != others ? mine < others : node->first > other.node->first;
    }
  };
  ReportTable table;
  const auto root = nodes_.find(std::string_view());
  if (root == nodes_.end() || most == 0) return table;

  std::unordered_map<const Node*, std::vector<const Named*>> inside;
  for (const auto& each : nodes_)
    if (each.second.parent) inside[each.second.parent].push_back(&each);
  std::vector<Group> groups;
  std::priority_queue<Candidate> candidates;
  const auto open = [&](const Named* node) {
    groups.push_back({node, node->second.counted.tally});
    const auto found = inside.find(&node->second);
    if (found == inside.end()) return;
    for (const auto* child : found->second) candidates.push({child, groups.size() - 1});
  };
  open(&*root);
  const auto total = root->second.counted.tally.violations;
  std::size_t rows = 1;
  while (!candidates.empty()) {
    const auto candidate = candidates.top();
    candidates.pop();
    const auto& tally = candidate.node->second.counted.tally;
    if (tally.violations * kOneIn < total) break;
    auto& from = groups[candidate.group];
    const auto directory = from.node->second.counted.tally.violations;
    if (candidate.node->second.children == 0 && tally.violations * kFileOneIn < total &&
        tally.violations * kOfItsDirectoryOneIn < directory)
      continue;
    const bool takes_all = from.left.violations == tally.violations;
    if (!takes_all && rows == most) continue;
    from.left.violations -= tally.violations;
    for (std::size_t i = 0; i < tally.by_outcome.size(); ++i)
      from.left.by_outcome[i] -= tally.by_outcome[i];
    from.left.incidents = 0;
    from.is_split = true;
    if (!takes_all) ++rows;
    open(candidate.node);
  }
  for (const auto& group : groups)
    if (group.left.violations > 0)
      table.rows.push_back(
          {group.node->first.empty() ? "/" : group.node->first, {}, group.left, group.is_split});
  std::stable_sort(table.rows.begin(), table.rows.end(), [](const auto& a, const auto& b) {
    return a.tally.violations > b.tally.violations;
  });
  return table;
}

}  // namespace guard
