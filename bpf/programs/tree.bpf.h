// Where is it: finds the guarded tree that a path leads into. A tree is the identity of its root's
// inode, not a string: bind mounts, mount namespaces, long names and renames above it change
// nothing. The whole program is an RCU read section (it may not sleep), so parents stay readable.
#pragma once

#include "bpf/programs/kernel.bpf.h"
#include "bpf/wire/wire.h"

#ifndef GUARD_TAG_ON  // how to find a tag, where it cannot be in inode storage
struct {
  __uint(type, BPF_MAP_TYPE_INODE_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct TreeTag);
} tree_tags SEC(".maps");
#define GUARD_TAG_ON(inode) bpf_inode_storage_get(&tree_tags, inode, 0, 0)
#endif

// Trees whose tag could not be found again to be taken off: they were moved away.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, __u64);
  __type(value, __u32);
} retired SEC(".maps");

// What cannot be tagged, in two words of memory: a bit for each number that a tagged inode has, and
// for each device that one is on. Whoever tags sets the bits first. Set for nothing costs a look.
__u64 guard_inode_filter[kFilterBits / 64];
__u64 guard_device_filter[kFilterBits / 64];

static __always_inline bool is_set(const __u64* filter, __u64 value) {
  const __u64 bit = filter_bit(value);
  return filter[bit / 64 & (kFilterBits / 64 - 1)] >> (bit & 63) & 1;
}

enum Place {
  kPlaceOutside,  // no tag up to the root of the file system
  kPlaceInside,   // below the tag that was found
  kPlaceUnknown,  // the walk ended without reaching either
};

struct TreeHit {
  struct TreeTag* tag;
  struct dentry* root;
};

// From the leaf, which need not exist yet, up. The nearest tag wins, so a tree inside another is
// judged by its own terms. The walk takes no lock: a rename above may mix old and new parents once;
// what slips through is found like any other change that was made while nobody looked.
static __always_inline enum Place find_tree(struct dentry* leaf, struct TreeHit* hit) {
  if (!is_set(guard_device_filter, leaf->d_sb->s_dev)) return kPlaceOutside;
  struct dentry* dentry = leaf;
#pragma clang loop unroll(disable)
  for (__u32 step = 0; step < kWalkLimit; step++) {
    struct inode* inode = dentry->d_inode;
    if (inode && is_set(guard_inode_filter, inode->i_ino)) {
      struct TreeTag* tag = GUARD_TAG_ON(inode);
      if (tag) {
        if (tag->terms.action == kTreeActionOff) return kPlaceOutside;
        hit->tag = tag;
        hit->root = dentry;
        return kPlaceInside;
      }
    }
    struct dentry* parent = dentry->d_parent;
    // What was found by a handle alone hangs on nothing: there is no way up from it.
    if (parent == dentry) return dentry == dentry->d_sb->s_root ? kPlaceOutside : kPlaceUnknown;
    dentry = parent;
  }
  return kPlaceUnknown;
}
