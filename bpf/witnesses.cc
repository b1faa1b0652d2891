#include "bpf/witnesses.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <vector>

namespace guard {

std::optional<WitnessTag> Witnesses::of(int file) const {
  WitnessTag tag{};
  if (bpf_map_lookup_elem(tags_, &file, &tag) != 0) return std::nullopt;
  const auto now = departures(tag.tree);
  if (now == 0 || now != tag.departures) return std::nullopt;
  return tag;
}

Status Witnesses::bear(int file, const WitnessTag& tag) const {
  if (bpf_map_update_elem(tags_, &file, &tag, BPF_ANY) == 0) return {};
  return Error::from_errno(errno, "note where a file comes from");
}

void Witnesses::forget(int file) const {
  (void)bpf_map_delete_elem(tags_, &file);
}

std::uint64_t Witnesses::departures(std::uint64_t tree) const {
  std::uint64_t count = 0;
  return bpf_map_lookup_elem(departures_, &tree, &count) == 0 ? count : 0;
}

// No number occurs twice, as long as fewer than 2^32 directories leave a tree in between. Without
// room for the tree it has no evidence.
void Witnesses::begin(std::uint64_t tree) {
  const auto count = std::uint64_t{++begun_} << 32U;
  (void)bpf_map_update_elem(departures_, &tree, &count, BPF_ANY);
}

void Witnesses::end(std::uint64_t tree) const {
  (void)bpf_map_delete_elem(departures_, &tree);
}

void Witnesses::renew() {
  std::vector<std::uint64_t> trees;
  std::uint64_t tree = 0;
  for (const std::uint64_t* last = nullptr; bpf_map_get_next_key(departures_, last, &tree) == 0;
       last = &tree)
    trees.push_back(tree);
  for (const auto each : trees) begin(each);
}

}  // namespace guard
