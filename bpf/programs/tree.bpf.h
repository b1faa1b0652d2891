// Finds the guarded tree that contains an object. A tree is identified by the inode of its root,
// not by a path: bind mounts, mount namespaces, long names and renames above it make no difference.
// The whole program is an RCU read section (it may not sleep), so parents stay readable.
#pragma once

#include "bpf/programs/kernel.bpf.h"
#include "bpf/wire/wire.h"

#ifndef GUARD_TAG_ON  // how to find a tag without inode storage
struct {
  __uint(type, BPF_MAP_TYPE_INODE_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct TreeTag);
} tree_tags SEC(".maps");

// The same by number, for kernels that read inode storage only through a pointer that they trust:
// that of a parent is none. Linux 7.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, kMostNumberedTags);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct TaggedInode);
  __type(value, struct TreeTag);
} numbered_tags SEC(".maps");

const volatile __u32 guard_tags_by_number;  // whether
struct SubvolumeLayout guard_subvolumes;    // known before the first tag on btrfs

enum { kBtrfsMagic = 0x9123683e };

static __always_inline __u64 subvolume_of(struct inode* inode) {
  const __u32 inode_at = guard_subvolumes.inode & 0xffff;
  if (inode_at == 0 || inode->i_sb->s_magic != kBtrfsMagic) return 0;
  const char* whole = (const char*)inode - inode_at;
  const char* root = NULL;
  __u64 number = 0;
  bpf_probe_read_kernel(&root, sizeof root, whole + (guard_subvolumes.root & 0xffff));
  bpf_probe_read_kernel(&number, sizeof number, root + guard_subvolumes.number);
  return number;
}

// A function of its own, or clang lays out the loop around it in a way that Linux 6.1 rejects.
static __noinline struct TreeTag* tag_on(struct inode* inode) {
  if (!guard_tags_by_number) return bpf_inode_storage_get(&tree_tags, inode, 0, 0);
  struct TaggedInode number = {inode->i_ino, inode->i_sb->s_dev, inode->i_generation,
                               subvolume_of(inode)};
  struct TreeTag* tag = bpf_map_lookup_elem(&numbered_tags, &number);
  if (tag) return tag;
  number.generation = 0;
  return bpf_map_lookup_elem(&numbered_tags, &number);
}
#define GUARD_TAG_ON(inode) tag_on(inode)
#endif

// Trees that were moved away, so that guardd could not find their root to remove the tag.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, __u64);
  __type(value, __u32);
} retired SEC(".maps");

// By the number of the inode, and by that of its device. guardd counts an inode before it tags it.
struct Filter guard_inode_filter;
struct Filter guard_device_filter;

static __always_inline bool may_have_tag(struct inode* inode) {
  return *filter_slot(&guard_inode_filter, inode->i_ino) != 0;
}

static __always_inline bool may_have_trees(__u32 device) {
  return *filter_slot(&guard_device_filter, device) != 0;
}

enum Place {
  kPlaceOutside,  // no tag up to the root of the file system
  kPlaceInside,   // below the tag that was found
  kPlaceUnknown,  // the walk ended before it reached either
};

struct TreeHit {
  struct TreeTag* tag;  // null: outside, or unknown
  struct dentry* root;  // null: outside
};

struct TreeWalk {
  struct dentry* at;
  struct TreeTag* tag;
  enum Place place;
};

// One level of the walk. Returns 1 at its end.
static __always_inline long look_at(struct dentry* dentry, struct dentry* parent,
                                    struct TreeWalk* walk) {
  struct inode* inode = dentry->d_inode;
  if (inode && may_have_tag(inode)) {
    struct TreeTag* tag = GUARD_TAG_ON(inode);
    if (tag) {
      walk->tag = tag;
      walk->place = tag->terms.action == kTreeActionOff ? kPlaceOutside : kPlaceInside;
      return 1;
    }
  }
  if (parent != dentry) {
    walk->at = parent;
    return 0;
  }
  // A dentry that was opened by handle can be disconnected: it has no parent.
  if (parent == parent->d_sb->s_root) walk->place = kPlaceOutside;
  return 1;
}

static long look_further(__u32 step, struct TreeWalk* walk) {
  struct dentry* dentry = walk->at;
  return look_at(dentry, dentry->d_parent, walk);
}

// Most paths are no deeper. Each of these levels is checked by the verifier again; those that
// follow are a function, which costs more each time it runs.
enum { kNearLevels = 6 };

// Walks up from the leaf, which need not exist yet. The nearest tag wins, so a tree inside another
// has its own terms. The walk takes no lock. Fails open: a concurrent rename above can mix old and
// new parents; the next scan finds a change that was missed this way.
//
// As little as possible is read through the leaf: the kernel trusts that pointer, and each such
// read makes some kernels search all their types while they verify a program.
static __always_inline enum Place find_tree(struct dentry* leaf, struct TreeHit* hit) {
  struct dentry* parent = leaf->d_parent;
  if (!may_have_trees(parent->d_sb->s_dev)) return kPlaceOutside;
  struct TreeWalk walk = {.at = leaf, .place = kPlaceUnknown};
  bool is_over = look_at(leaf, parent, &walk);
#pragma clang loop unroll(disable)
  for (int step = 1; step < kNearLevels && !is_over; step++) is_over = look_further(0, &walk);
  if (!is_over) bpf_loop(kWalkLimit - kNearLevels, look_further, &walk, 0);
  if (walk.place == kPlaceOutside) return kPlaceOutside;
  hit->tag = walk.tag;
  hit->root = walk.at;
  return walk.place;
}
