// What to answer: judges an operation by what it would leave in a guarded tree, as policy/judge
// does. Returns what an LSM hook returns, 0 or -EPERM, and tells of what guardd has to know.
#pragma once

#include "bpf/programs/pattern.bpf.h"
#include "bpf/programs/ring.bpf.h"
#include "bpf/programs/subject.bpf.h"
#include "bpf/programs/tree.bpf.h"

// The guards that any tree has: most operations need not even be placed.
__u32 guards_in_use = 0;

// Fails open: where the walk ended before it could tell, the operation passes, because a guard that
// refuses what it cannot see would break services instead of keeping them whole. It is counted, and
// guardd says that such operations passed.
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
  if (access->is_always_wrong) return true;
  if (access->uid != kNotSet && access->uid != terms->owner) return true;
  if (access->gid != kNotSet && access->gid != terms->group) return true;
  const __u32 mode = wanted_mode(terms, access->type);
  return access->mode != kNotSet && mode != kAnyMode && access->mode != mode;
}

static __always_inline void tell(struct Access* access, __u32 guard, __u32 answer) {
  access->guard = guard;
  access->answer = answer;
  if (access->old_leaf) {
    tell_move(access);
  } else {
    tell_one(access);
  }
}

// By somebody else than the policy's owner, in the tree that is found.
__noinline int weigh(struct Access* access) {
  if (!access) return 0;  // never, but the verifier asks
  const struct TreeTag* tag = &access->tag;
  const __u64 tree = tag->tree;
  if (bpf_map_lookup_elem(&retired, &tree)) return 0;
  const struct Terms* terms = &tag->terms;
  __u32 label = label_of(access->leaf, access->root, tag->patterns, tag->flags);
  if (label == kLabelExcluded) return 0;
  if (label >= kLabelFirstRule && label != kLabelUnknown) {
    const struct RuleKey key = {tag->patterns, label};
    const struct Terms* of_rule = bpf_map_lookup_elem(&rules, &key);
    if (of_rule) {
      terms = of_rule;
    } else {
      label = kLabelUnknown;
    }
  }
  if (terms->action == kTreeActionOff) return 0;

  // Whom a rule makes the owner may still get group or mode wrong: that is put right, never
  // refused.
  const bool is_owner = subject_uid() == terms->owner;
  const __u32 covers = access->covers & tag->guards;
  __u32 guard = kGuardOwnership;
  bool wrong = covers & 1 << kGuardOwnership && breaks_ownership(terms, access);
  if (!wrong && !is_owner && covers >> 1) {
    wrong = true;
    guard = covers & 1 << kGuardContent      ? kGuardContent
            : covers & 1 << kGuardDelete     ? kGuardDelete
            : covers & 1 << kGuardAttributes ? kGuardAttributes
                                             : kGuardRead;
  }
  if (!wrong) {
    if (access->is_always_told) tell(access, guard, kAnswerSeen);
    return 0;
  }

  if (is_guardd()) return 0;
  const __u64 exempt = exemptions_here();
  if (exempt & tag->ignores) {
    if (access->old_leaf) tell(access, guard, kAnswerSeen);
    return 0;
  }
  if (guard == kGuardRead) access->operation = kHappeningRead;
  const bool may_deny = terms->action == kTreeActionDeny && !is_owner && !access->is_done &&
                        !(exempt & (tag->spares | 1ULL << kExcused)) &&
                        (tag->flags & kTreeStrict || !(exempt >> kPackageManagers & 1)) &&
                        (!(tag->flags & kTreeOnlyInteractive) || is_interactive());
  if (may_deny && label == kLabelUnknown) count(kCounterUndecided);
  if (may_deny && label != kLabelUnknown) {
    count(kCounterDenied);
    tell(access, guard, kAnswerDenied);
    return -EPERM;
  }
  if (!access->is_done) count(kCounterPassed);  // counted when it could still be refused
  // What ownership minds is judged by what comes of it; a name elsewhere comes to nothing more.
  const bool as_it_is =
      guard != kGuardOwnership || (access->is_always_wrong && access->operation != kHappeningMount);
  tell(access, guard, as_it_is ? kAnswerLogged : kAnswerSeen);
  return 0;
}

static __always_inline void place_in(struct Access* access, const struct TreeHit* hit) {
  access->root = (__u64)hit->root;
  access->tag = *hit->tag;
}

// Whether there is anything to weigh: first what costs least, for most of what is done anywhere is
// no tree's concern.
static __always_inline bool concerns(struct dentry* leaf, __u32 covers, struct TreeHit* hit) {
  if (!(covers & guards_in_use)) return false;
  switch (find_tree(leaf, hit)) {
    case kPlaceInside:
      return subject_uid() != hit->tag->terms.owner && covers & hit->tag->guards;
    case kPlaceUnknown:
      unknown_place();
      return false;
    default:
      return false;
  }
}

static __always_inline int judge(struct Access* access, const struct TreeHit* hit) {
  place_in(access, hit);
  return weigh(access) ? -EPERM : 0;
}

// A new object under this name: it will belong to whoever creates it.
static __always_inline int judge_creation(struct dentry* leaf, __u32 operation) {
  struct TreeHit hit = {};
  if (!concerns(leaf, 1 << kGuardOwnership, &hit)) return 0;
  struct Access access = {.leaf = (__u64)leaf,
                          .operation = operation,
                          .covers = 1 << kGuardOwnership,
                          .uid = subject_uid(),
                          .gid = kNotSet,
                          .mode = kNotSet,
                          .is_always_told = true};
  return judge(&access, &hit);
}

// Something is done to an object that is there.
static __always_inline int judge_act(struct dentry* leaf, __u32 operation, __u32 covers) {
  struct TreeHit hit = {};
  if (!concerns(leaf, covers, &hit)) return 0;
  struct Access access = {.leaf = (__u64)leaf,
                          .object = (__u64)leaf->d_inode,
                          .operation = operation,
                          .covers = covers,
                          .uid = kNotSet,
                          .gid = kNotSet,
                          .mode = kNotSet};
  return judge(&access, &hit);
}

// A change of owner, group or mode: minded where it makes wrong what it changes, not for what stays
// as it was.
static __always_inline int judge_attributes(struct dentry* leaf, struct iattr* change) {
  const __u32 what = change->ia_valid;
  const bool is_mode = what & kAttrMode && !(what & (kAttrKillSuid | kAttrKillSgid | kAttrForce));
  __u32 operation = kHappeningTruncate;
  __u32 covers = 1 << kGuardContent;
  if (what & (kAttrUid | kAttrGid)) {
    operation = kHappeningChown;
    covers = 1 << kGuardOwnership | (is_mode ? 1 << kGuardAttributes : 0);
  } else if (is_mode) {
    operation = kHappeningChmod;
    covers = 1 << kGuardOwnership | 1 << kGuardAttributes;
  } else if (!(what & kAttrSize) || what & kAttrOpen) {
    return 0;
  }
  struct TreeHit hit = {};
  struct inode* object = leaf->d_inode;
  if (!object || !concerns(leaf, covers, &hit)) return 0;
  struct Access access = {.leaf = (__u64)leaf,
                          .object = (__u64)object,
                          .operation = operation,
                          .covers = covers,
                          .uid = what & kAttrUid ? change->ia_uid.val : kNotSet,
                          .gid = what & kAttrGid ? change->ia_gid.val : kNotSet,
                          .mode = is_mode ? change->ia_mode & kModeBits : kNotSet,
                          .type = object->i_mode & kTypeMask};
  return judge(&access, &hit);
}

static __always_inline bool is_regular(struct inode* inode) {
  return (inode->i_mode & kTypeMask) == kTypeRegular;
}

// A file that was made by this very open. What has a name was let in by it: a refusal now would
// leave it there. One without passes no hook of creation, only this one.
static __always_inline int judge_made(struct file* file, bool is_nameless) {
  struct dentry* leaf = file->f_path.dentry;
  struct TreeHit hit = {};
  if (!concerns(leaf, 1 << kGuardOwnership, &hit)) return 0;
  struct Access access = {.leaf = (__u64)leaf,
                          .object = (__u64)file->f_inode,
                          .operation = kHappeningCreate,
                          .covers = 1 << kGuardOwnership,
                          .flags = kHappenedAfter,
                          .uid = subject_uid(),
                          .gid = kNotSet,
                          .mode = kNotSet,
                          .is_always_told = true,
                          .is_done = !is_nameless};
  const int answer = judge(&access, &hit);
  if (!answer && file->f_mode & kModeWrite) begin_writing(file, access.tag.tree);
  return answer;
}

static __always_inline int judge_open(struct file* file) {
  const __u32 flags = file->f_flags;
  const __u32 mode = file->f_mode;
  const bool is_nameless = (flags & __O_TMPFILE) == __O_TMPFILE;
  if (is_nameless || mode & kModeCreated) return judge_made(file, is_nameless);
  if (!(guards_in_use & (1 << kGuardContent | 1 << kGuardRead))) return 0;
  // Truncating needs no right to write what is opened, only to the file.
  const __u32 covers = (mode & kModeWrite || flags & O_TRUNC ? 1 << kGuardContent : 0) |
                       (mode & kModeRead ? 1 << kGuardRead : 0);
  if (!(covers & guards_in_use) || !is_regular(file->f_inode)) return 0;
  return judge_act(file->f_path.dentry, mode & kModeWrite ? kHappeningWrite : kHappeningTruncate,
                   covers);
}

static __always_inline struct Access of_object(struct dentry* leaf, struct inode* object,
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

// What comes into a tree, or gets another name in it: what is the owner's already may, whoever
// brings it. What the owner itself brings may too, but guardd has to know what is not its own.
static __always_inline int judge_arrival(struct Access* access, struct TreeHit* hit) {
  if (!(hit->tag->guards & 1 << kGuardOwnership)) return 0;
  place_in(access, hit);
  if (subject_uid() != hit->tag->terms.owner) return weigh(access) ? -EPERM : 0;
  if (access->uid != hit->tag->terms.owner || access->is_always_told) {
    access->flags |= kHappenedByOwner;
    tell(access, kGuardOwnership, kAnswerSeen);
  }
  return 0;
}

static __always_inline int judge_departure(struct Access* access, struct TreeHit* hit) {
  if (subject_uid() == hit->tag->terms.owner || !(access->covers & hit->tag->guards)) return 0;
  place_in(access, hit);
  return weigh(access) ? -EPERM : 0;
}

static __always_inline bool may_be_tagged(struct dentry* dentry) {
  struct inode* inode = dentry->d_inode;
  return inode && is_set(guard_inode_filter, inode->i_ino);
}

static __always_inline int judge_move(struct dentry* from, struct dentry* to) {
  if (!(guards_in_use & (1 << kGuardOwnership | 1 << kGuardDelete))) return 0;
  struct TreeHit source = {};
  struct TreeHit target = {};
  const enum Place into = find_tree(to, &target);
  // Most only get another name where they are: what is true of one name is true of the other then.
  if (into == kPlaceOutside && from->d_parent == to->d_parent && !may_be_tagged(from) &&
      !may_be_tagged(to))
    return 0;
  const enum Place out_of = find_tree(from, &source);
  // What arrives is judged by what it is, wherever it came from.
  if (into == kPlaceUnknown || (into == kPlaceOutside && out_of == kPlaceUnknown))
    return unknown_place();
  if (into == kPlaceOutside && out_of == kPlaceOutside) return 0;
  struct inode* object = from->d_inode;
  if (!object) return 0;
  const bool within =
      out_of == kPlaceInside && into == kPlaceInside && source.tag->tree == target.tag->tree;
  struct Access access = of_object(to, object, kHappeningRename);
  if (into == kPlaceInside) {
    access.flags = within ? kHappenedWithin : kHappenedInto;
    // What is below it is known by other names from here on, or not at all yet.
    access.is_always_told = access.type == kTypeDirectory;
    if (within) {
      access.old_leaf = (__u64)from;
      access.old_root = (__u64)source.root;
    }
    const int answer = judge_arrival(&access, &target);
    if (answer) return answer;
  }
  if (out_of != kPlaceInside || within) return 0;
  access.leaf = (__u64)from;
  access.covers = 1 << kGuardDelete;
  access.flags = kHappenedOutOf;
  access.is_always_told = false;
  return judge_departure(&access, &source);
}

static __always_inline int judge_link(struct dentry* from, struct dentry* to) {
  if (!(guards_in_use & 1 << kGuardOwnership)) return 0;
  struct TreeHit source = {};
  struct TreeHit target = {};
  const enum Place out_of = find_tree(from, &source);
  const enum Place into = find_tree(to, &target);
  if (into == kPlaceUnknown) return unknown_place();
  if (into == kPlaceOutside && out_of != kPlaceInside) return 0;
  struct inode* object = from->d_inode;
  if (!object) return 0;
  const bool within =
      out_of == kPlaceInside && into == kPlaceInside && source.tag->tree == target.tag->tree;
  struct Access access = of_object(to, object, kHappeningLink);
  if (into == kPlaceInside) {
    access.flags = within ? kHappenedWithin : kHappenedInto;
    const int answer = judge_arrival(&access, &target);
    if (answer) return answer;
  }
  if (out_of != kPlaceInside || within) return 0;
  access.leaf = (__u64)from;
  access.flags = kHappenedOutOf;
  access.is_always_wrong = true;
  return judge_departure(&access, &source);
}

// A mount hides what it stands on.
static __always_inline int judge_mount(struct dentry* point) {
  struct TreeHit hit = {};
  if (!concerns(point, 1 << kGuardOwnership, &hit)) return 0;
  struct Access access = {.leaf = (__u64)point,
                          .object = (__u64)point->d_inode,
                          .operation = kHappeningMount,
                          .covers = 1 << kGuardOwnership,
                          .uid = kNotSet,
                          .gid = kNotSet,
                          .mode = kNotSet,
                          .is_always_wrong = true};
  return judge(&access, &hit);
}

// Reported under the name of whoever did it, never refused. The way up begins at a pointer that the
// verifier does not trust, so there are no tags on it: what looks like a tree is told of.
static __always_inline void note_unmount(struct vfsmount* mounted) {
  if (!(guards_in_use & 1 << kGuardOwnership)) return;
  struct mount* mount =
      (struct mount*)((char*)mounted - bpf_core_field_offset(((struct mount*)0)->mnt));
  struct dentry* point = BPF_CORE_READ(mount, mnt_mountpoint);
  if (!is_set(guard_device_filter, BPF_CORE_READ(point, d_sb, s_dev))) return;
  struct dentry* dentry = point;
#pragma clang loop unroll(disable)
  for (int step = 0; step < kWalkLimit; step++) {
    if (is_set(guard_inode_filter, BPF_CORE_READ(dentry, d_inode, i_ino))) {
      struct Access access = {.leaf = (__u64)point,
                              .root = (__u64)point,
                              .operation = kHappeningMount,
                              .uid = kNotSet,
                              .gid = kNotSet,
                              .mode = kNotSet};
      tell_one(&access);
      return;
    }
    struct dentry* parent = BPF_CORE_READ(dentry, d_parent);
    if (parent == dentry) return;
    dentry = parent;
  }
}

// Without a branch for each character: the verifier would follow them all.
#define STARTS_WITH(text, prefix)                                                      \
  ({                                                                                   \
    __u32 difference_ = 0;                                                             \
    _Pragma("unroll") for (__u32 i_ = 0; i_ < sizeof(prefix) - 1; i_++) difference_ |= \
        (__u32)((text)[i_] ^ (prefix)[i_]);                                            \
    difference_ == 0;                                                                  \
  })

enum XattrKind { kXattrPlain, kXattrAccessList, kXattrOfOverlay };

// Not inlined for the sake of the stack.
static __noinline int kind_of_xattr(const char* name) {
  char start[sizeof "system.posix_acl"] = {};
  bpf_probe_read_kernel_str(start, sizeof start, name);
  if (STARTS_WITH(start, "trusted.overlay")) return kXattrOfOverlay;
  return STARTS_WITH(start, "system.posix_acl") ? kXattrAccessList : kXattrPlain;
}

static __always_inline int judge_xattr(struct dentry* leaf, const char* name, __u32 operation) {
  if (!(guards_in_use & 1 << kGuardAttributes)) return 0;
  switch (kind_of_xattr(name)) {
    // It keeps its books in the upper directory, whoever works above.
    case kXattrOfOverlay:
      return 0;
    // Before Linux 6.2 an access list has no hook of its own.
    case kXattrAccessList:
      return judge_act(leaf, kHappeningSetacl, 1 << kGuardAttributes);
    default:
      return judge_act(leaf, operation, 1 << kGuardAttributes);
  }
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
  struct dentry* dentry = file->f_path.dentry;
  switch (command) {
    case kIocSetFlags:
    case kIocSetFlags32:
    case kIocSetXattr:
      return judge_act(dentry, kHappeningSetflags, 1 << kGuardAttributes);
    // A subvolume comes and goes without passing any other hook. The file is the directory that it
    // is in, and its name is not known here.
    case kIocBtrfsSnapshot:
    case kIocBtrfsSubvolume:
    case kIocBtrfsSnapshotV2:
    case kIocBtrfsSubvolumeV2:
      return judge_creation(dentry, kHappeningMkdir);
    case kIocBtrfsDestroy:
    case kIocBtrfsDestroyV2:
      return judge_act(dentry, kHappeningRmdir, 1 << kGuardDelete);
    default:
      return 0;
  }
}
