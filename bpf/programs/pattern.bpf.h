// Which of a policy's rules or excludes holds for a path. The path is read from its end, as the
// walk up meets it, by a table that guardd has made of all the patterns: exact, whatever they say.
// Only asked when something is about to be refused or told.
#pragma once

#include "bpf/programs/kernel.bpf.h"
#include "bpf/wire/wire.h"
// Only after it, as it builds on the same types.
#include <bpf/bpf_core_read.h>

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 32768);
  __type(key, struct PatternKey);
  __type(value, struct PatternRow);
} patterns SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 8192);
  __type(key, struct RuleKey);
  __type(value, struct Terms);
} rules SEC(".maps");

struct Reading {
  struct dentry* dentry;
  struct dentry* root;
  const unsigned char* name;
  __u32 left;  // bytes of the name
  __u32 patterns;
  __u32 state;
  __u32 is_ascii;
  __u32 has_failed;
};

static __always_inline void take_byte(struct Reading* reading, unsigned char byte) {
  const struct PatternKey key = {reading->patterns, reading->state};
  const struct PatternRow* row = bpf_map_lookup_elem(&patterns, &key);
  if (row) {
    reading->state = row->next[byte];
  } else {
    reading->has_failed = 1;
  }
  if (byte >= 0x80) reading->is_ascii = 0;
}

static long take_next_byte(__u32 index, struct Reading* reading) {
  if (reading->left == 0) return 1;
  unsigned char byte = 0;
  reading->left--;
  if (bpf_probe_read_kernel(&byte, 1, reading->name + reading->left)) reading->has_failed = 1;
  take_byte(reading, byte);
  return reading->has_failed ? 1 : 0;
}

static long take_name(__u32 index, struct Reading* reading) {
  struct dentry* dentry = reading->dentry;
  if (dentry == reading->root) return 1;
  if (index) take_byte(reading, '/');
  reading->left = BPF_CORE_READ(dentry, d_name.len);
  reading->name = BPF_CORE_READ(dentry, d_name.name);
  bpf_loop(kLongestName, take_next_byte, reading, 0);
  reading->dentry = BPF_CORE_READ(dentry, d_parent);
  return reading->has_failed ? 1 : 0;
}

// kLabelUnknown where the table is not there or cannot tell: then nothing is refused.
//
// A function that is not static is taken past the verifier once, by itself, and so knows pointers
// only as numbers: what it reads of the kernel it reads by copying.
__noinline __u32 label_of(__u64 leaf, __u64 root, __u32 table, __u32 flags) {
  if (flags & kTreeUndecidable) return kLabelUnknown;
  if (!table) return kLabelPolicy;
  struct Reading reading = {.dentry = (struct dentry*)leaf,
                            .root = (struct dentry*)root,
                            .patterns = table,
                            .is_ascii = 1};
  bpf_loop(kWalkLimit, take_name, &reading, 0);
  const struct PatternKey key = {reading.patterns, reading.state};
  const struct PatternRow* row = bpf_map_lookup_elem(&patterns, &key);
  if (!row || reading.has_failed) return kLabelUnknown;
  if (!reading.is_ascii && flags & kTreeAsciiOnly) return kLabelUnknown;
  return row->label;
}
