#include "guardd/audit/ranking.h"

#include <algorithm>

namespace guard {
namespace {

// A key and its kind never contain a NUL.
std::string place_of(const std::string& key, const std::string& kind) {
  return kind + '\0' + key;
}

}  // namespace

void add_to(Tally& sum, const Tally& tally) {
  sum.violations += tally.violations;
  for (std::size_t i = 0; i < sum.by_outcome.size(); ++i) sum.by_outcome[i] += tally.by_outcome[i];
  sum.first = std::min(sum.first, tally.first);
  sum.last = std::max(sum.last, tally.last);
}

Ranking::Index Ranking::index_of(const std::string& key, const std::string& kind) {
  const auto next = static_cast<Index>(entries_.size());
  const auto [found, is_new] = places_.try_emplace(place_of(key, kind), next);
  if (is_new) entries_.push_back({key, kind, {}});
  return found->second;
}

void Ranking::make_room() {
  if (entries_.size() < kMost) return;
  const auto half = entries_.begin() + static_cast<std::ptrdiff_t>(kMost / 2);
  std::nth_element(entries_.begin(), half, entries_.end(), [](const Entry& a, const Entry& b) {
    return a.counted.tally.violations > b.counted.tally.violations;
  });
  for (auto each = half; each != entries_.end(); ++each) {
    add_to(forgotten_, each->counted.tally);
    ++forgotten_keys_;
  }
  entries_.erase(half, entries_.end());
  places_.clear();
  for (std::size_t i = 0; i < entries_.size(); ++i)
    places_.emplace(place_of(entries_[i].key, entries_[i].kind), static_cast<Index>(i));
}

ReportTable Ranking::table(std::size_t most) const {
  std::vector<const Entry*> order;
  for (const auto& entry : entries_)
    if (entry.counted.tally.violations > 0) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
    const auto of_a = a->counted.tally.violations;
    const auto of_b = b->counted.tally.violations;
    return of_a != of_b ? of_a > of_b : a->key < b->key;
  });
  ReportTable table;
  table.others = forgotten_;
  table.more = forgotten_keys_;
  for (const auto* entry : order) {
    if (table.rows.size() < most) {
      table.rows.push_back({entry->key, entry->kind, entry->counted.tally});
    } else {
      add_to(table.others, entry->counted.tally);
      ++table.more;
    }
  }
  return table;
}

}  // namespace guard
