// Finds the rule or exclude of a policy that matches a path. guardd compiles all patterns of a
// policy into one table, which reads the path from its end, in the order of the walk up. The result
// is exact. Used only if an operation is about to be denied or reported.
#pragma once

#include "bpf/programs/kernel.bpf.h"
#include "bpf/programs/tree.bpf.h"
#include "bpf/wire/wire.h"
// After kernel.bpf.h, because it uses the same types.
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

struct PatternReader {
  struct dentry* dentry;
  struct dentry* root;
  const unsigned char* name;
  __u32 left;  // bytes of the name not read yet
  __u32 patterns;
  __u32 state;
  __u32 is_ascii;
  __u32 has_failed;
};

static __always_inline void take_byte(struct PatternReader* reading, unsigned char byte) {
  const struct PatternKey key = {reading->patterns, reading->state};
  const struct PatternRow* row = bpf_map_lookup_elem(&patterns, &key);
  if (row) {
    reading->state = row->next[byte];
  } else {
    reading->has_failed = 1;
  }
  if (byte >= 0x80) reading->is_ascii = 0;
}

static long take_next_byte(__u32 index, struct PatternReader* reading) {
  if (reading->left == 0) return 1;
  unsigned char byte = 0;
  reading->left--;
  if (bpf_probe_read_kernel(&byte, 1, reading->name + reading->left)) reading->has_failed = 1;
  take_byte(reading, byte);
  return reading->has_failed ? 1 : 0;
}

static long take_name(__u32 index, struct PatternReader* reading) {
  struct dentry* dentry = reading->dentry;
  if (dentry == reading->root) return 1;
  if (index) take_byte(reading, '/');
  reading->left = BPF_CORE_READ(dentry, d_name.len);
  reading->name = BPF_CORE_READ(dentry, d_name.name);
  bpf_loop(kLongestName, take_next_byte, reading, 0);
  reading->dentry = BPF_CORE_READ(dentry, d_parent);
  return reading->has_failed ? 1 : 0;
}

// Fails open: kLabelUnknown if the table is missing or cannot decide; then nothing is denied.
//
// The verifier checks a function that is not static by itself, and sees its pointers as numbers.
// Such a function has to copy what it reads from the kernel.
__noinline __u32 label_of(__u64 leaf, __u64 root, __u32 table, __u32 flags, __u64 tree) {
  if (bpf_map_lookup_elem(&retired, &tree)) return kLabelExcluded;
  if (flags & kTreeUndecidable) return kLabelUnknown;
  if (!table) return kLabelPolicy;
  struct PatternReader reading = {.dentry = (struct dentry*)leaf,
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

// The terms for a path; null: nothing is wanted there. If the label is kLabelUnknown, they are
// those of the policy itself.
static __always_inline const struct Terms* terms_at(__u64 leaf, __u64 root,
                                                    const struct TreeTag* tag, __u32* label) {
  const struct Terms* terms = &tag->terms;
  *label = label_of(leaf, root, tag->patterns, tag->flags, tag->tree);
  if (*label == kLabelExcluded) return NULL;
  if (*label >= kLabelFirstRule && *label != kLabelUnknown) {
    const struct RuleKey key = {tag->patterns, *label};
    const struct Terms* of_rule = bpf_map_lookup_elem(&rules, &key);
    if (of_rule) {
      terms = of_rule;
    } else {
      *label = kLabelUnknown;
    }
  }
  return terms->action == kTreeActionOff ? NULL : terms;
}
