// Decides whether an operation is permitted, by the state that it would leave in a guarded tree, as
// policy/judge does. Returns the value for the LSM hook, 0 or -EPERM, and reports events to guardd.
#pragma once

#include "bpf/programs/pattern.bpf.h"
#include "bpf/programs/ring.bpf.h"
#include "bpf/programs/subject.bpf.h"
#include "bpf/programs/tree.bpf.h"

// The guards of all trees, as bits: for most operations the tree need not even be looked up.
__u32 guards_in_use = 0;

// Fails open: if the walk ends before it reaches a root, the operation is permitted, because
// denying operations that may be outside of every tree would break services. It is counted.
static __always_inline int unknown_place(void) {
  count(kCounterUnknown);
  return 0;
}

static __always_inline __u32 wanted_mode(const struct Terms* terms, __u32 type) {
  if (type == kTypeRegular) return terms->file_mode;
  return type == kTypeDirectory ? terms->dir_mode : kAnyMode;
}

static __always_inline bool breaks_ownership(const struct Terms* terms,
                                             const struct Access* access) {
  if (access->always_violates) return true;
  if (access->uid != kNotSet && access->uid != terms->owner) return true;
  if (access->gid != kNotSet && access->gid != terms->group) return true;
  const __u32 mode = wanted_mode(terms, access->type);
  return access->mode != kNotSet && mode != kAnyMode && access->mode != mode;
}

static __always_inline void report(struct Access* access, __u32 guard, __u32 answer) {
  access->guard = guard;
  access->answer = answer;
  access->is_reported = true;
  if (access->old_leaf) {
    report_move(access);
  } else {
    report_event(access);
  }
}

// Decides about an operation in a tree by a user other than its owner. Returns 0 or -EPERM.
__noinline int decide(struct Access* access) {
  if (!access) return 0;  // never, but the verifier needs the check
  const struct TreeTag* tag = &access->tag;
  __u32 label = kLabelPolicy;
  const struct Terms* terms = terms_at(access->leaf, access->root, tag, &label);
  if (!terms) return 0;

  // An owner that a rule names can still leave a wrong group or mode: that is fixed, never denied.
  const bool is_owner = subject_uid() == terms->owner;
  const __u32 covers = access->covers & tag->guards;
  __u32 guard = kGuardOwnership;
  bool violates = covers & 1 << kGuardOwnership && breaks_ownership(terms, access);
  if (!violates && !is_owner && covers >> 1) {
    violates = true;
    guard = covers & 1 << kGuardContent      ? kGuardContent
            : covers & 1 << kGuardDelete     ? kGuardDelete
            : covers & 1 << kGuardAttributes ? kGuardAttributes
                                             : kGuardRead;
  }
  if (!violates) {
    if (access->must_report) report(access, guard, kAnswerNone);
    return 0;
  }

  access->guard = guard;  // read from there, to save stack
  if (is_guardd()) return 0;
  const __u64 exempt =
      current_exemptions(tag->ignores | tag->allows | 1ULL << kExcused | 1ULL << kPackageManagers);
  if (exempt & tag->ignores) {
    if (access->old_leaf) report(access, access->guard, kAnswerNone);
    return 0;
  }
  if (access->guard == kGuardRead) access->operation = kEventRead;
  const bool may_deny = terms->action == kTreeActionDeny && !is_owner &&
                        !(exempt & (tag->allows | 1ULL << kExcused)) &&
                        (tag->flags & kTreeStrict || !(exempt >> kPackageManagers & 1)) &&
                        (!(tag->flags & kTreeOnlyInteractive) || is_interactive());
  if (may_deny && label == kLabelUnknown) count(kCounterUndecided);
  if (may_deny && label != kLabelUnknown) {
    count(kCounterDenied);
    report(access, access->guard, kAnswerDenied);
    return -EPERM;
  }
  count(kCounterPassed);
  // guardd judges ownership by the result. A name outside of the tree has no result to judge.
  const bool is_final = access->guard != kGuardOwnership ||
                        (access->always_violates && access->operation != kEventMount);
  report(access, access->guard, is_final ? kAnswerLogged : kAnswerNone);
  return 0;
}

static __always_inline void set_place(struct Access* access, const struct TreeHit* hit) {
  access->root = (__u64)hit->root;
  access->tag = *hit->tag;
}

// Whether a guard of the tree covers the operation of the current process.
static __always_inline bool is_covered(__u32 covers, const struct TreeHit* hit) {
  return covers & hit->tag->guards && subject_uid() != hit->tag->terms.owner;
}

// The cheapest checks come first, because most operations on a machine are outside of every tree.
static __always_inline bool is_guarded(struct dentry* leaf, __u32 covers, struct TreeHit* hit) {
  if (!(covers & guards_in_use)) return false;
  switch (find_tree(leaf, hit)) {
    case kPlaceInside:
      return is_covered(covers, hit);
    case kPlaceUnknown:
      unknown_place();
      return false;
    default:
      return false;
  }
}

static __always_inline int judge(struct Access* access, const struct TreeHit* hit) {
  set_place(access, hit);
  return decide(access) ? -EPERM : 0;
}

// A new object: it will belong to the user who creates it.
static __always_inline struct Access creation_at(struct dentry* leaf, __u32 operation) {
  const struct Access access = {.leaf = (__u64)leaf,
                                .operation = operation,
                                .covers = 1 << kGuardOwnership,
                                .uid = subject_uid(),
                                .gid = kNotSet,
                                .mode = kNotSet,
                                .must_report = true};
  return access;
}

// An operation on an existing object.
static __always_inline int judge_operation(struct dentry* leaf, __u32 operation, __u32 covers) {
  struct TreeHit hit = {};
  if (!is_guarded(leaf, covers, &hit)) return 0;
  struct Access access = {.leaf = (__u64)leaf,
                          .object = (__u64)leaf->d_inode,
                          .operation = operation,
                          .covers = covers,
                          .uid = kNotSet,
                          .gid = kNotSet,
                          .mode = kNotSet};
  return judge(&access, &hit);
}

// A change of owner, group or mode. Only what changes can violate a policy, not what stays as it
// was.
static __always_inline int judge_attributes(struct dentry* leaf, struct inode* object,
                                            struct iattr* change, const struct TreeHit* hit) {
  const __u32 what = change->ia_valid;
  const bool is_mode = what & kAttrMode && !(what & (kAttrKillSuid | kAttrKillSgid | kAttrForce));
  __u32 operation = kEventTruncate;
  __u32 covers = 1 << kGuardContent;
  if (what & (kAttrUid | kAttrGid)) {
    operation = kEventChown;
    covers = 1 << kGuardOwnership | (is_mode ? 1 << kGuardAttributes : 0);
  } else if (is_mode) {
    operation = kEventChmod;
    covers = 1 << kGuardOwnership | 1 << kGuardAttributes;
  } else if (!(what & kAttrSize) || what & kAttrOpen) {
    return 0;
  }
  if (!is_covered(covers, hit)) return 0;
  struct Access access = {.leaf = (__u64)leaf,
                          .object = (__u64)object,
                          .operation = operation,
                          .covers = covers,
                          .uid = what & kAttrUid ? change->ia_uid.val : kNotSet,
                          .gid = what & kAttrGid ? change->ia_gid.val : kNotSet,
                          .mode = is_mode ? change->ia_mode & kModeBits : kNotSet,
                          .type = object->i_mode & kTypeMask};
  return judge(&access, hit);
}

static __always_inline bool is_regular(struct inode* inode) {
  return (inode->i_mode & kTypeMask) == kTypeRegular;
}

static __always_inline bool is_nameless(struct file* file) {
  return (file->f_flags & __O_TMPFILE) == __O_TMPFILE;
}

// Of a file that exists. A new one is judged when it gets its name.
static __always_inline int judge_open(struct file* file) {
  const __u32 flags = file->f_flags;
  const __u32 mode = file->f_mode;
  if (mode & kModeCreated || is_nameless(file)) return 0;
  // O_TRUNC changes the content even of a file that is opened for reading.
  const __u32 covers = (mode & kModeWrite || flags & O_TRUNC ? 1 << kGuardContent : 0) |
                       (mode & kModeRead ? 1 << kGuardRead : 0);
  if (!(covers & guards_in_use) || !is_regular(file->f_inode)) return 0;
  return judge_operation(file->f_path.dentry, mode & kModeWrite ? kEventWrite : kEventTruncate,
                         covers);
}

static __always_inline struct Access access_to(struct dentry* leaf, struct inode* object,
                                               __u32 operation) {
  struct Access access = {.leaf = (__u64)leaf,
                          .object = (__u64)object,
                          .operation = operation,
                          .covers = 1 << kGuardOwnership,
                          .uid = object->i_uid.val,
                          .gid = object->i_gid.val,
                          .mode = object->i_mode & kModeBits,
                          .type = object->i_mode & kTypeMask};
  return access;
}

// An object that enters a tree, or gets another name in it. It may if it already belongs to the
// owner, whoever moves it. The owner may bring in anything, but guardd has to know of objects that
// belong to other users.
static __always_inline int judge_arrival(struct Access* access, struct TreeHit* hit) {
  if (!(hit->tag->guards & 1 << kGuardOwnership)) return 0;
  set_place(access, hit);
  if (subject_uid() != hit->tag->terms.owner) return decide(access) ? -EPERM : 0;
  if (access->uid != hit->tag->terms.owner || access->must_report) {
    access->flags |= kFlagByOwner;
    report(access, kGuardOwnership, kAnswerNone);
  }
  return 0;
}

static __always_inline int judge_departure(struct Access* access, struct TreeHit* hit) {
  if (subject_uid() == hit->tag->terms.owner || !(access->covers & hit->tag->guards)) return 0;
  set_place(access, hit);
  return decide(access) ? -EPERM : 0;
}

// The two names that this task is about to exchange: the hook of a rename sees one that takes the
// place of another in the same way. By the addresses of their dentries.
struct Exchange {
  __u64 one;
  __u64 other;
};
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct Exchange);
} exchanges SEC(".maps");

static __always_inline void note_exchange(struct dentry* one, struct dentry* other, bool is_one) {
  struct Exchange* exchange = bpf_task_storage_get(&exchanges, bpf_get_current_task_btf(), 0,
                                                   is_one ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
  if (!exchange) return;
  exchange->one = is_one ? (__u64)one : 0;
  exchange->other = is_one ? (__u64)other : 0;
}

// Without path hooks, as below nfsd and overlayfs, it is not known to be one.
static __always_inline bool is_exchange(struct dentry* from, struct dentry* to) {
  const struct Exchange* exchange =
      bpf_task_storage_get(&exchanges, bpf_get_current_task_btf(), 0, 0);
  if (!exchange) return false;
  return (exchange->one == (__u64)from && exchange->other == (__u64)to) ||
         (exchange->one == (__u64)to && exchange->other == (__u64)from);
}

// What a rename replaces is deleted.
static __always_inline int judge_replaced(struct Access* access, struct dentry* to,
                                          struct inode* replaced, const struct TreeHit* target) {
  access->leaf = (__u64)to;
  access->object = (__u64)replaced;
  access->operation = (replaced->i_mode & kTypeMask) == kTypeDirectory ? kEventRmdir : kEventUnlink;
  access->covers = 1 << kGuardDelete;
  access->flags = 0;
  access->old_leaf = 0;
  access->must_report = false;
  set_place(access, target);
  return decide(access) ? -EPERM : 0;
}

// Fills in the trees of both names, as far as it needs them.
static __always_inline int judge_move(struct dentry* from, struct dentry* to, struct inode* object,
                                      struct TreeHit* source, struct TreeHit* target) {
  const bool is_in_place = from->d_parent == to->d_parent;
  struct inode* replaced = to->d_inode;
  const enum Place into = find_tree(to, target);
  // Most renames stay in one directory: then both names are in the same tree.
  if (into == kPlaceOutside && is_in_place && !may_have_tag(object) &&
      (!replaced || !may_have_tag(replaced)))
    return 0;
  const enum Place out_of = find_tree(from, source);
  // An arrival is judged by what it is, wherever it comes from.
  if (into == kPlaceUnknown || (into == kPlaceOutside && out_of == kPlaceUnknown))
    return unknown_place();
  if (into == kPlaceOutside && out_of == kPlaceOutside) return 0;
  const bool within =
      out_of == kPlaceInside && into == kPlaceInside && source->tag->tree == target->tag->tree;
  struct Access access = access_to(to, object, kEventRename);
  if (into == kPlaceInside) {
    access.flags = within ? kFlagWithinTree : kFlagIntoTree;
    // The paths of everything below a directory change, or are new to guardd.
    access.must_report = access.type == kTypeDirectory;
    if (within) {
      access.old_leaf = (__u64)from;
      access.old_root = (__u64)source->root;
    }
    const int answer = judge_arrival(&access, target);
    if (answer) return answer;
    if (replaced && is_covered(1 << kGuardDelete, target) && !is_exchange(from, to) &&
        judge_replaced(&access, to, replaced, target))
      return -EPERM;
  }
  if (out_of != kPlaceInside || within) return 0;
  access.leaf = (__u64)from;
  access.object = (__u64)object;
  access.operation = kEventRename;
  access.covers = 1 << kGuardDelete;
  access.flags = kFlagOutOfTree;
  access.must_report = false;
  return judge_departure(&access, source);
}

static __always_inline int judge_link(struct dentry* from, struct dentry* to, struct inode* object,
                                      struct TreeHit* source, struct TreeHit* target) {
  const enum Place out_of = find_tree(from, source);
  const enum Place into = find_tree(to, target);
  if (into == kPlaceUnknown) return unknown_place();
  if (into == kPlaceOutside && out_of != kPlaceInside) return 0;
  const bool within =
      out_of == kPlaceInside && into == kPlaceInside && source->tag->tree == target->tag->tree;
  struct Access access = access_to(to, object, kEventLink);
  if (into == kPlaceInside) {
    access.flags = within ? kFlagWithinTree : kFlagIntoTree;
    const int answer = judge_arrival(&access, target);
    if (answer) return answer;
  }
  if (out_of != kPlaceInside || within) return 0;
  access.leaf = (__u64)from;
  access.flags = kFlagOutOfTree;
  access.always_violates = true;
  return judge_departure(&access, source);
}

// A mount hides the directory below it.
static __always_inline int judge_mount(const struct path* path) {
  struct dentry* point = path->dentry;
  struct TreeHit hit = {};
  if (!is_mounted_here(path->mnt) || !is_guarded(point, 1 << kGuardOwnership, &hit)) return 0;
  struct Access access = {.leaf = (__u64)point,
                          .object = (__u64)point->d_inode,
                          .operation = kEventMount,
                          .covers = 1 << kGuardOwnership,
                          .uid = kNotSet,
                          .gid = kNotSet,
                          .mode = kNotSet,
                          .always_violates = true};
  return judge(&access, &hit);
}

// Reports who unmounted, never denies. The verifier does not trust the first pointer of this walk,
// so tags cannot be looked up: an unmount at anything that may be a tree is reported.
static __always_inline void report_unmount(struct vfsmount* mounted) {
  if (!(guards_in_use & 1 << kGuardOwnership) || !is_mounted_here(mounted)) return;
  struct dentry* point = BPF_CORE_READ(mount_of(mounted), mnt_mountpoint);
  if (!may_have_trees(BPF_CORE_READ(point, d_sb, s_dev))) return;
  struct dentry* dentry = point;
#pragma clang loop unroll(disable)
  for (int step = 0; step < kWalkLimit; step++) {
    if (*filter_slot(&guard_inode_filter, BPF_CORE_READ(dentry, d_inode, i_ino))) {
      struct Access access = {.leaf = (__u64)point,
                              .root = (__u64)point,
                              .operation = kEventMount,
                              .uid = kNotSet,
                              .gid = kNotSet,
                              .mode = kNotSet};
      report_event(&access);
      return;
    }
    struct dentry* parent = BPF_CORE_READ(dentry, d_parent);
    if (parent == dentry) return;
    dentry = parent;
  }
}

enum XattrKind { kXattrPlain, kXattrAccessList, kXattrOfOverlay };

// Not inlined, to save stack.
static __noinline int kind_of_xattr(const char* name) {
  char start[sizeof "system.posix_acl"] = {};
  bpf_probe_read_kernel_str(start, sizeof start, name);
  if (STARTS_WITH(start, "trusted.overlay")) return kXattrOfOverlay;
  return STARTS_WITH(start, "system.posix_acl") ? kXattrAccessList : kXattrPlain;
}

static __always_inline int judge_xattr(struct dentry* leaf, const char* name, __u32 operation) {
  if (!(guards_in_use & 1 << kGuardAttributes)) return 0;
  const int kind = kind_of_xattr(name);
  if (kind == kXattrOfOverlay) return 0;  // overlayfs stores its own data in the upper directory
  // Before Linux 6.2, ACLs have no hook of their own.
  if (kind == kXattrAccessList) operation = kEventSetacl;
  return judge_operation(leaf, operation, 1 << kGuardAttributes);
}

enum {
  kIocSetFlags = 0x40086602,
  kIocSetFlags32 = 0x40046602,
  kIocSetXattr = 0x401c5820,
  kIocBtrfsSnapshot = 0x50009401,
  kIocBtrfsSubvolume = 0x5000940e,
  kIocBtrfsDestroy = 0x5000940f,
  kIocBtrfsSnapshotV2 = 0x50009417,
  kIocBtrfsSubvolumeV2 = 0x50009418,
  kIocBtrfsDestroyV2 = 0x5000943f,
};

static __always_inline int judge_ioctl(struct file* file, __u32 command) {
  __u32 operation = kEventMkdir;
  __u32 covers = 1 << kGuardOwnership;
  switch (command) {
    case kIocSetFlags:
    case kIocSetFlags32:
    case kIocSetXattr:
      operation = kEventSetflags;
      covers = 1 << kGuardAttributes;
      break;
    // Subvolumes are created and deleted without any other hook. The file is the parent directory,
    // and the name is not known.
    case kIocBtrfsSnapshot:
    case kIocBtrfsSubvolume:
    case kIocBtrfsSnapshotV2:
    case kIocBtrfsSubvolumeV2:
      break;
    case kIocBtrfsDestroy:
    case kIocBtrfsDestroyV2:
      operation = kEventRmdir;
      covers = 1 << kGuardDelete;
      break;
    default:
      return 0;
  }
  const bool is_new = operation == kEventMkdir;
  struct dentry* dentry = file->f_path.dentry;
  struct TreeHit hit = {};
  if (!is_guarded(dentry, covers, &hit)) return 0;
  struct Access access = {.leaf = (__u64)dentry,
                          .object = (__u64)dentry->d_inode,
                          .operation = operation,
                          .covers = covers,
                          .flags = is_new ? kFlagSubvolume : 0,
                          .uid = is_new ? subject_uid() : kNotSet,
                          .gid = kNotSet,
                          .mode = kNotSet,
                          .must_report = is_new};
  return judge(&access, &hit);
}
