// Reads and writes BPF maps. Only for code that may include libbpf. Any thread.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdint>
#include <numeric>
#include <vector>

#include "policy/base/result.h"

namespace guard {

template <typename Key, typename Value>
Status put(bpf_map* map, const Key& key, const Value& value, const char* what) {
  if (bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY) == 0) return {};
  return Error::from_errno(errno, what);
}

// The sum of a counter that each processor keeps for itself.
inline Result<std::uint64_t> sum_of(const bpf_map* counters, std::uint32_t counter) {
  const int processors = libbpf_num_possible_cpus();
  if (processors < 0) return Error::from_errno(-processors, "count the processors");
  std::vector<std::uint64_t> values(static_cast<std::size_t>(processors));
  if (bpf_map_lookup_elem(bpf_map__fd(counters), &counter, values.data()) != 0)
    return Error::from_errno(errno, "read the counters");
  return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

}  // namespace guard
