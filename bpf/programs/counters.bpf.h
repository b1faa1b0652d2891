// The counters of the LSM programs.
#pragma once

#include "bpf/programs/kernel.bpf.h"
#include "bpf/wire/wire.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, kCounterCount);
  __type(key, __u32);
  __type(value, __u64);
} counters SEC(".maps");

// Atomic, because another LSM program can interrupt this one on the same CPU.
static __always_inline void count(enum Counter counter) {
  __u32 key = counter;
  __u64* value = bpf_map_lookup_elem(&counters, &key);
  if (value) __sync_fetch_and_add(value, 1);
}
