// What to answer: judges an operation by what it would leave in a guarded tree. Returns what an LSM
// hook returns, 0 or -EPERM, and counts what it decided about guarded trees.
#pragma once

#include "bpf/tree.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, kCounterCount);
  __type(key, __u32);
  __type(value, __u64);
} counters SEC(".maps");

// An LSM program can be interrupted by another one on its CPU, hence the atomic addition.
static __always_inline void count(enum Counter counter) {
  __u32 key = counter;
  __u64* value = bpf_map_lookup_elem(&counters, &key);
  if (value) __sync_fetch_and_add(value, 1);
}

// Fails open: where the walk ended before it could tell, the operation passes, because a guard that
// refuses what it cannot see would break services instead of keeping them whole. It is counted, and
// guardd says that such operations passed.
static __always_inline int unknown_place(void) {
  count(kCounterUnknown);
  return 0;
}

static __always_inline int violation(const struct TreeTag* tag) {
  if (tag->action < kTreeActionDeny) {
    count(kCounterPassed);
    return 0;
  }
  count(kCounterRefused);
  return -EPERM;
}

// fsuid owns what a task creates, whatever its other ids are.
static __always_inline __u32 subject_uid(void) {
  return bpf_get_current_task_btf()->cred->fsuid.val;
}

// A new object in `directory`: it will belong to whoever creates it.
static __always_inline int judge_creation(struct dentry* directory) {
  struct TreeTag* tag;
  switch (find_tree(directory, &tag)) {
    case kPlaceInside:
      return subject_uid() == tag->owner ? 0 : violation(tag);
    case kPlaceUnknown:
      return unknown_place();
    default:
      return 0;
  }
}

// A new name in `directory` for an object that exists. What is the owner's already may come in,
// whoever brings it; what is not may, if the owner itself brings it.
static __always_inline int judge_arrival(struct dentry* directory, struct dentry* object) {
  struct TreeTag* tag;
  switch (find_tree(directory, &tag)) {
    case kPlaceInside: {
      struct inode* inode = object->d_inode;
      if (inode && inode->i_uid.val == tag->owner) return 0;
      return subject_uid() == tag->owner ? 0 : violation(tag);
    }
    case kPlaceUnknown:
      return unknown_place();
    default:
      return 0;
  }
}

// Moved from `from` to `to`. Within one tree nothing becomes wrong that was not wrong before.
static __always_inline int judge_move(struct dentry* from, struct dentry* object,
                                      struct dentry* to) {
  struct TreeTag* target;
  struct TreeTag* source;
  if (from == to) return 0;
  switch (find_tree(to, &target)) {
    case kPlaceInside: {
      struct inode* inode = object->d_inode;
      if (inode && inode->i_uid.val == target->owner) return 0;
      if (subject_uid() == target->owner) return 0;
      switch (find_tree(from, &source)) {
        case kPlaceInside:
          return source->tree == target->tree ? 0 : violation(target);
        case kPlaceUnknown:
          return unknown_place();
        default:
          return violation(target);
      }
    }
    case kPlaceUnknown:
      return unknown_place();
    default:
      return 0;
  }
}
