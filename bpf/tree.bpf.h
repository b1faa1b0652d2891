// Where is it: finds the guarded tree that a directory belongs to. A tree is the identity of its
// root's inode, not a path: bind mounts, mount namespaces, long names and renames above it change
// nothing. The whole program is an RCU read section (it may not sleep), so parents stay readable.
#pragma once

#include "bpf/kernel.bpf.h"
#include "bpf/wire.h"

struct {
  __uint(type, BPF_MAP_TYPE_INODE_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct TreeTag);
} tree_tags SEC(".maps");

enum Place {
  kPlaceOutside,  // no tag up to the root of the file system
  kPlaceInside,   // below the tag that was found
  kPlaceUnknown,  // kWalkLimit parents without reaching either
};

// The nearest tag wins, so a tree inside another is judged by its own owner. The walk takes no
// lock: a rename above may mix old and new parents once; what slips through is found like any other
// change that was made while nobody looked.
static __always_inline enum Place find_tree(struct dentry* directory, struct TreeTag** tag) {
  *tag = NULL;
#pragma clang loop unroll(disable)
  for (int step = 0; step < kWalkLimit; step++) {
    struct inode* inode = directory->d_inode;
    if (inode) {
      *tag = bpf_inode_storage_get(&tree_tags, inode, 0, 0);
      if (*tag) return kPlaceInside;
    }
    struct dentry* parent = directory->d_parent;
    if (parent == directory) return kPlaceOutside;
    directory = parent;
  }
  return kPlaceUnknown;
}
