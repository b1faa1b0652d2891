// Evidence of where an object in a tree came from. It lives on the inode, so a rename cannot give
// it to another object, and it is written by the kernel at the act itself, from the fsuid of the
// act. guardd hands over to the owner only what has such evidence: nothing may set it that has not
// happened in the tree, and it ends when the object leaves. Missing evidence costs a repair,
// never a secret.
//
// A hook runs before its operation, which can still fail, and another operation can come between.
// Therefore every way into a tree decides anew, whatever the object's tag says.
#pragma once

#include "bpf/programs/pattern.bpf.h"
#include "bpf/programs/subject.bpf.h"
#include "bpf/programs/tree.bpf.h"
#include "bpf/programs/verdict.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_INODE_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct WitnessTag);
} witnesses SEC(".maps");

// By tree: goes up if a directory leaves the tree, because the tags of all that it contains end,
// and nobody can find them. guardd adds and removes trees. A tree that is missing has no evidence.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, kMostCountedTrees);
  __type(key, __u64);
  __type(value, __u64);
} departures SEC(".maps");

// What this task is about to create: the inode does not exist before the hook.
struct Creation {
  __u64 dentry;  // its address; 0: nothing
  __u64 root;    // if guardd knows of it: the address of the dentry of the tree's root; else 0
  struct WitnessTag tag;
  __u32 operation;
  __u32 slot;  // where it is counted: a thread that calls exec gets another id
};
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct Creation);
} creations SEC(".maps");

// How many tasks may be about to create something, by the last bits of their ids: few are, so that
// most others need no look-up. A task that ends before it creates anything stays counted, which
// costs look-ups.
enum { kCreatorSlots = 256 };
__u32 guard_creators[kCreatorSlots];

static __always_inline __u32 creator_slot(void) {
  return bpf_get_current_pid_tgid() & (kCreatorSlots - 1);
}

// Addresses of kernel objects in memory, as the verifier wants them for a function that it checks
// by itself.
struct PathInTree {
  __u64 leaf;
  __u64 root;
};

struct DepthWalk {
  struct dentry* at;
  __u64 root;
  __u64 depth;
};

static long count_level(__u32 index, struct DepthWalk* walk) {
  struct dentry* at = walk->at;
  if ((__u64)at == walk->root) return 1;
  walk->depth++;
  walk->at = BPF_CORE_READ(at, d_parent);
  return 0;
}

// How far below the root it is. A number in the walk that found the tree would be too much for the
// verifier of Linux 6.1.
__noinline __u32 depth_of(const struct PathInTree* path) {
  if (!path) return 0;  // never, but the verifier needs the check
  struct DepthWalk walk = {.at = (struct dentry*)path->leaf, .root = path->root};
  bpf_loop(kWalkLimit, count_level, &walk, 0);
  return walk.depth;
}

// An owner and its group as one number, so that a function can return them.
enum { kGroupShift = 32 };
static const __u64 kNoOwners = ~0ULL;

static __always_inline __u64 owners_of(__u32 uid, __u32 gid) {
  return (__u64)gid << kGroupShift | uid;
}

// Those whom the policy wanted at the act.
static __always_inline __u64 owners_in(const struct WitnessTag* tag) {
  return owners_of(tag->owner, tag->group);
}

static __always_inline bool belongs_to(const struct inode* inode, __u64 owners) {
  return owners_of(inode->i_uid.val, inode->i_gid.val) == owners;
}

// Those whom the policy wants at this path; kNoOwners: none, or it is not known.
__noinline __u64 wanted_owners(const struct PathInTree* path, const struct TreeTag* tag) {
  __u32 label = kLabelPolicy;
  if (!path || !tag || !(tag->guards & 1 << kGuardOwnership)) return kNoOwners;
  if (depth_of(path) > kWitnessDepth) return kNoOwners;
  const struct Terms* terms = terms_at(path->leaf, path->root, tag, &label);
  if (!terms || label == kLabelUnknown) return kNoOwners;
  return owners_of(terms->owner, terms->group);
}

static __always_inline __u64 wanted_at(struct dentry* leaf, const struct TreeHit* hit) {
  const struct PathInTree path = {(__u64)leaf, (__u64)hit->root};
  return wanted_owners(&path, hit->tag);
}

static __always_inline bool still_counts(const struct WitnessTag* tag) {
  const __u64 tree = tag->tree;
  const __u64* counter = bpf_map_lookup_elem(&departures, &tree);
  return counter && *counter == tag->departures;
}

static __always_inline void depart(__u64 tree) {
  __u64* counter = bpf_map_lookup_elem(&departures, &tree);
  if (counter) __sync_fetch_and_add(counter, 1);
}

static __always_inline void drop_witness(struct inode* inode) {
  bpf_inode_storage_delete(&witnesses, inode);
}

// Replaced as a whole, because guardd can read it at the same time. Without memory there is none.
static __noinline int set_witness(struct inode* inode, __u64 tree, __u64 owners, __u32 kind) {
  bpf_inode_storage_delete(&witnesses, inode);
  const __u64* counter = bpf_map_lookup_elem(&departures, &tree);
  if (!counter) return 0;
  struct WitnessTag tag = {.tree = tree,
                           .departures = *counter,
                           .owner = owners,
                           .group = owners >> kGroupShift,
                           .kind = kind};
  (void)bpf_inode_storage_get(&witnesses, inode, &tag, BPF_LOCAL_STORAGE_GET_F_CREATE);
  return 0;
}

// Unless it is as the policy wants it, or the policy wants nothing there.
static __always_inline void bear_witness(struct inode* inode, __u64 tree, __u64 owners,
                                         __u32 kind) {
  if (owners != kNoOwners && !belongs_to(inode, owners)) set_witness(inode, tree, owners, kind);
}

// ---- born here

static __always_inline void end_creation(struct Creation* creation) {
  if (!creation->dentry) return;
  creation->dentry = 0;
  __sync_fetch_and_add(&guard_creators[creation->slot & (kCreatorSlots - 1)], -1);
}

// Each hook that precedes an instantiation calls this first: what an earlier one remembered was not
// created, and the address of its dentry may be that of another by now.
static __always_inline void forget_creation(void) {
  if (!guard_creators[creator_slot()]) return;
  struct Creation* creation = bpf_task_storage_get(&creations, bpf_get_current_task_btf(), 0, 0);
  if (creation) end_creation(creation);
}

// An owner can do as it likes with what it creates in its tree. What becomes a group's because a
// policy or a rule wants another owner there is not the service's to decide.
static __always_inline bool is_service(__u32 subject, const struct TreeTag* tag) {
  return subject == tag->terms.owner && subject != 0;
}

// Those whom the policy wants for what the current process creates; kNoOwners: that has no
// evidence.
static __always_inline __u64 owners_of_new(struct dentry* leaf, const struct TreeHit* hit) {
  const __u32 subject = subject_uid();
  const bool is_by_service = is_service(subject, hit->tag);
  if (is_by_service && !hit->tag->patterns) return kNoOwners;
  const __u64 owners = wanted_at(leaf, hit);
  return is_by_service && (__u32)owners == subject ? kNoOwners : owners;
}

static __always_inline void remember_creation(struct dentry* leaf, const struct TreeHit* hit,
                                              const struct Access* access) {
  const __u64 owners = owners_of_new(leaf, hit);
  if (owners == kNoOwners) return;
  const __u64 tree = hit->tag->tree;
  const __u64* counter = bpf_map_lookup_elem(&departures, &tree);
  if (!counter) return;
  const __u64 departed = *counter;
  struct Creation* creation = bpf_task_storage_get(&creations, bpf_get_current_task_btf(), 0,
                                                   BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!creation) return;
  end_creation(creation);
  creation->slot = creator_slot();
  __sync_fetch_and_add(&guard_creators[creation->slot & (kCreatorSlots - 1)], 1);
  creation->dentry = (__u64)leaf;
  creation->root = access->is_reported ? access->root : 0;
  creation->operation = access->operation;
  creation->tag.tree = tree;
  creation->tag.departures = departed;
  creation->tag.owner = owners;
  creation->tag.group = owners >> kGroupShift;
  creation->tag.kind = kWitnessBorn;
}

// guardd knows the name already, but not which object it is.
static __noinline int report_created(const struct Creation* creation, struct dentry* leaf,
                                     struct inode* inode) {
  struct Access access = {.leaf = (__u64)leaf,
                          .root = creation->root,
                          .object = (__u64)inode,
                          .operation = creation->operation};
  access.tag.tree = creation->tag.tree;
  return report_event(&access);
}

// The dentry of a creation is hashed, because the look-up before it found no such name; the
// dentry of a look-up that finds an inode never is. File systems that do it in another way
// have no evidence of creations.
static __always_inline void note_instantiation(struct dentry* leaf, struct inode* inode) {
  if (!inode || !guard_creators[creator_slot()] || !leaf->d_hash.pprev) return;
  struct Creation* creation = bpf_task_storage_get(&creations, bpf_get_current_task_btf(), 0, 0);
  if (!creation || creation->dentry != (__u64)leaf) return;
  end_creation(creation);
  if (creation->root) report_created(creation, leaf, inode);
  struct WitnessTag tag = creation->tag;
  if (belongs_to(inode, owners_in(&tag))) return;
  drop_witness(inode);
  (void)bpf_inode_storage_get(&witnesses, inode, &tag, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

// ---- taken from the owner or the group: it was theirs in any case, even if the change fails

static __always_inline bool opens_directory(const struct iattr* change) {
  const __u32 what = change->ia_valid;
  return (what & kAttrMode && change->ia_mode & 0022) || (what & kAttrUid && change->ia_uid.val) ||
         (what & kAttrGid && change->ia_gid.val);
}

// Of an object in a tree, or in an unknown place.
static __always_inline void note_attributes(struct dentry* leaf, struct inode* object,
                                            struct iattr* change, const struct TreeHit* hit) {
  const __u32 what = change->ia_valid;
  if (!(guards_in_use & 1 << kGuardOwnership) || !(what & (kAttrMode | kAttrUid | kAttrGid)))
    return;
  const __u32 uid = what & kAttrUid ? change->ia_uid.val : object->i_uid.val;
  const __u32 gid = what & kAttrGid ? change->ia_gid.val : object->i_gid.val;
  const __u64 owners_then = owners_of(uid, gid);
  // From now on, others may put things into it.
  const bool is_opened = (object->i_mode & kTypeMask) == kTypeDirectory && opens_directory(change);
  // Whoever may not give it away fails only after this hook.
  const bool is_returned = what & (kAttrUid | kAttrGid) && subject_uid() == 0;
  const struct WitnessTag* tag = bpf_inode_storage_get(&witnesses, object, 0, 0);
  if (tag && (is_opened || (is_returned && owners_then == owners_in(tag)))) drop_witness(object);
  if (!hit->tag || is_opened || belongs_to(object, owners_then)) return;
  const __u64 owners = wanted_at(leaf, hit);
  if (belongs_to(object, owners)) set_witness(object, hit->tag->tree, owners, kWitnessTaken);
}

// ---- moved

static __always_inline bool is_deeper(struct dentry* leaf, const struct TreeHit* hit,
                                      struct dentry* than, const struct TreeHit* than_hit) {
  const struct PathInTree path = {(__u64)leaf, (__u64)hit->root};
  const struct PathInTree than_path = {(__u64)than, (__u64)than_hit->root};
  return depth_of(&path) > depth_of(&than_path);
}

// The directory keeps its tag; all that it contains may lose theirs. Not inlined, to save stack.
static __noinline int note_move_within(struct dentry* from, struct dentry* to, struct inode* object,
                                       const struct TreeHit* source, const struct TreeHit* target) {
  const struct TreeTag* in = target->tag;
  const bool is_directory = (object->i_mode & kTypeMask) == kTypeDirectory;
  const bool is_root = subject_uid() == 0;
  const struct WitnessTag* tag = bpf_inode_storage_get(&witnesses, object, 0, 0);
  const bool counts = tag && tag->tree == in->tree && still_counts(tag);
  const __u32 kind = counts ? tag->kind : kWitnessNone;
  __u64 owners = counts ? owners_in(tag) : kNoOwners;
  if (!in->patterns) {
    // From further down, the departure of what it contains could escape the walk.
    if (is_root || !is_directory || !is_deeper(to, target, from, source)) return 0;
  } else if (counts) {
    // The path decides who should own it, so only root may choose another.
    owners = is_root ? wanted_at(to, target) : kNoOwners;
  }
  if (is_directory) depart(in->tree);
  if (!tag) return 0;
  drop_witness(object);
  bear_witness(object, in->tree, owners, kind);
  return 0;
}

static __noinline int note_move_across(struct dentry* to, struct inode* object,
                                       const struct TreeTag* left, const struct TreeHit* target) {
  const bool is_directory = (object->i_mode & kTypeMask) == kTypeDirectory;
  const struct TreeTag* entered = target->tag;
  drop_witness(object);
  if (left && is_directory) depart(left->tree);
  if (!entered) return 0;
  const __u32 subject = subject_uid();
  // It may have been here before: the hook that counted its departure ran before it left.
  if (is_directory && subject != 0) depart(entered->tree);
  if (subject != 0 && subject != object->i_uid.val) return 0;
  bear_witness(object, entered->tree, wanted_at(to, target), kWitnessBrought);
  return 0;
}

static __always_inline void note_move(struct dentry* from, struct dentry* to, struct inode* object,
                                      const struct TreeHit* source, const struct TreeHit* target) {
  if (!(guards_in_use & 1 << kGuardOwnership)) return;
  if (source->tag && target->tag && source->tag->tree == target->tag->tree) {
    note_move_within(from, to, object, source, target);
  } else if (source->root) {
    note_move_across(to, object, source->tag, target);
  } else if (target->root) {
    note_move_across(to, object, NULL, target);
  }
}

// A link and an unlink are a rename. Only the first name of a nameless file is none: it is created
// by the process that names it, if the file is theirs or they are root.
static __always_inline void note_link(struct dentry* to, struct inode* object,
                                      const struct TreeHit* source, const struct TreeHit* target) {
  const struct TreeTag* left = source->tag;
  const struct TreeTag* entered = target->tag;
  const __u32 subject = subject_uid();
  const bool is_first = object->i_nlink == 0;
  if (!is_first && left && entered && left->tree == entered->tree && !entered->patterns) return;
  drop_witness(object);
  if (!entered || !is_first || (subject != 0 && subject != object->i_uid.val)) return;
  bear_witness(object, entered->tree, owners_of_new(to, target), kWitnessBorn);
}
