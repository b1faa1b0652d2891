// The tables and records that the LSM programs and guardd share. Both sides compile this file.
// Members have a fixed width and all padding is named: the layout is a contract between two
// compilers, and both assert every size and offset that matters.
#pragma once

#include <linux/types.h>

#include "bpf/wire/tracer_wire.h"

#ifdef __cplusplus
namespace guard {
#define GUARD_WIRE_ASSERT static_assert
#else
#define GUARD_WIRE_ASSERT _Static_assert
#endif

enum {
  // How many levels up a program looks for the root of a tree before it gives up with "unknown". A
  // path of PATH_MAX can be deeper, real paths are not, and the verifier has a budget.
  kWalkLimit = 128,
  // How many living ancestors of a process are checked for exemptions that it inherits. Ancestors
  // that have ended passed theirs on at the fork.
  kKnownParents = 16,
  kFilterSlots = 1 << 13,
  kMostExemptions = 64,      // bits of one word
  kUnitName = 64,            // bytes of a unit name, with the NUL
  kLongestName = 255,        // bytes of a file name: NAME_MAX
  kFewNames = 256,           // bytes of names in a small record
  kManyNames = 4096,         // in a large one
  kNamesSlack = 256,         // one more name, so that a write needs no check
  kMostCountedTrees = 4096,  // whose departures are counted: the others have no evidence
  // Only objects up to this depth in a tree have evidence, so that they stay within the limit of
  // the
  // walk if root moves a directory above them further down.
  kWitnessDepth = 64,
};

// Tells most untagged inodes from tagged ones by one look at memory: how many inodes are tagged,
// by the last bits of a number.
struct Filter {
  __u32 count[kFilterSlots];
};
static inline __u32* filter_slot(struct Filter* filter, __u64 number) {
  return &filter->count[number & (kFilterSlots - 1)];
}

// The actions of a policy, from the weakest to the strongest. Off: nothing in the tree is guarded,
// not even by a tree around it.
enum TreeAction { kTreeActionOff, kTreeActionLog, kTreeActionFix, kTreeActionDeny };

// In the order of guard::Guard and guard::Operation. As bits: 1 << guard.
enum GuardKind { kGuardOwnership, kGuardContent, kGuardDelete, kGuardAttributes, kGuardRead };
enum EventKind {
  kEventCreate,
  kEventMkdir,
  kEventMknod,
  kEventSymlink,
  kEventLink,
  kEventRename,
  kEventChown,
  kEventChmod,
  kEventWrite,
  kEventTruncate,
  kEventMap,
  kEventUnlink,
  kEventRmdir,
  kEventSetxattr,
  kEventRemovexattr,
  kEventSetacl,
  kEventSetflags,
  kEventMount,
  kEventRead,
};

enum { kAnyMode = 0xffffffff };  // the policy wants no particular mode

// The owner, group and mode that an object should have, and the action if it does not.
struct Terms {
  __u32 owner;      // uid, in the initial user namespace
  __u32 group;      // gid
  __u32 file_mode;  // or kAnyMode
  __u32 dir_mode;
  __u32 action;  // TreeAction
};

enum TreeFlag {
  kTreeOnlyInteractive = 1,  // deny only processes with a login and a terminal
  kTreeStrict = 2,           // deny package managers too
  kTreeUndecidable = 4,      // too many patterns for the kernel: deny nothing
  kTreeAsciiOnly = 8,        // its patterns cannot be matched with other names
};

// Attached to the inode of a tree's root, in inode storage.
struct TreeTag {
  __u64 tree;          // identifies the tree in event records
  __u64 allows;        // exemptions that this tree grants, as bits
  __u64 ignores;       // exemptions whose events are not reported either
  struct Terms terms;  // of the policy itself
  __u32 guards;        // GuardKind, as bits
  __u32 patterns;      // the table of its rules and excludes; 0: none
  __u32 flags;         // TreeFlag
};

// An inode that has a tag, as the programs see it. Its st_dev can differ from the device of the
// superblock (btrfs).
struct TaggedInode {
  __u64 inode;
  __u32 device;      // of the superblock: major << 20 | minor
  __u32 generation;  // 0: unknown
  __u64 subvolume;   // of btrfs: each numbers its inodes from the same number on; else 0
};
// Where btrfs keeps the number of an inode's subvolume: offsets in its structures.
struct SubvolumeLayout {
  __u32 inode;   // btrfs_inode.vfs_inode; 0: not known yet
  __u32 root;    // btrfs_inode.root
  __u32 number;  // btrfs_root.root_key.objectid
};
enum { kMostNumberedTags = 16384 };

// A state machine that matches a policy's patterns against a path, byte by byte from its end.
struct PatternKey {
  __u32 patterns;
  __u32 state;
};
struct PatternRow {
  __u16 label;  // of a path that ends in this state
  __u16 next[256];
};
enum { kLabelPolicy = 0, kLabelExcluded = 1, kLabelFirstRule = 2, kLabelUnknown = 0xffff };
struct RuleKey {
  __u32 patterns;
  __u32 label;
};

// What each exemption needs, as bits. A process has an exemption if it has every property that the
// exemption needs.
struct Exemptions {
  __u64 need_program;
  __u64 need_unit;
  __u64 need_container;
  __u64 need_user;
  __u64 need_group;
  __u64 need_login;
  __u64 need_label;
  __u64 any_unit;      // its unit pattern is not known to the kernel: any unit matches
  __u64 for_children;  // also granted to the children of such a process
  __u64 of_label[3];   // by guard::Label
};
enum { kExcused = 62 };          // given to single processes, granted by every tree
enum { kPackageManagers = 63 };  // granted by every tree without kTreeStrict
enum SubjectKind { kSubjectUser, kSubjectGroup, kSubjectLogin };
struct SubjectKey {
  __u32 kind;
  __u32 number;
};
struct ProgramKey {
  __u64 inode;
  __u32 device;  // of the superblock, major << 20 | minor
  // Subvolumes of btrfs share inode numbers, and any user can make one.
  __u32 owner;
};
struct Program {
  __u64 exemptions;
  __u32 labels;          // guard::Label, as bits
  __u32 is_interpreter;  // 1: look up the script that it runs
};

// Attached to a process or thread, in task storage.
struct ProcessTag {
  __u64 inherited;  // exemptions
  __u64 is_guardd;  // 1
};

enum WitnessKind {
  kWitnessNone,
  kWitnessBorn,     // created in the tree
  kWitnessTaken,    // had the right owner and group in the tree, and lost them there
  kWitnessBrought,  // moved into the tree from outside, by root or by the object's own user
};

// Where an object in a tree comes from. Attached to its inode, in inode storage.
struct WitnessTag {
  __u64 tree;
  __u64 departures;  // of the tree at that time; another number: it may have left since
  __u32 owner;       // uid that the policy wanted at the path of the act
  __u32 group;       // and gid
  __u32 kind;        // WitnessKind
  __u32 unused;
};

// Indexes of the counters. Each CPU keeps its own.
enum Counter {
  kCounterDenied,     // denied with EPERM
  kCounterPassed,     // permitted violations: by the action, or by an exemption
  kCounterUnknown,    // permitted: the walk ended before it reached a root
  kCounterUndecided,  // permitted: the patterns could not be matched
  kCounterFolded,     // reported only as a repetition of another event
  kCounterLost,       // not reported: the ring was full
  kCounterCount,
};

enum LsmRecordKind {
  kRecordEvent = 16,      // struct ShallowEvent
  kRecordDeepEvent = 17,  // struct DeepEvent
  kRecordMove = 18,       // struct ShallowMove
  kRecordDeepMove = 19,   // struct DeepMove
  kRecordClose = 20,      // struct CloseRecord
};

enum EventAnswer {
  kAnswerNone,    // permitted; guardd judges the result
  kAnswerLogged,  // permitted, and already a violation
  kAnswerDenied,  // EPERM
};

enum EventFlag {
  kFlagSubvolume = 1,   // something is about to be created in this directory
  kFlagByOwner = 2,     // the policy's owner did it
  kFlagOutOfTree = 4,   // a rename or a link out of the tree
  kFlagWithinTree = 8,  // a rename within the tree
  kFlagIntoTree = 16,   // a rename or a link into the tree
};

enum { kNotSet = 0xffffffff };  // an unknown id or mode

struct InodeFacts {
  __u64 inode;  // 0: the object does not exist yet
  __u32 generation;
  __u32 device;
  __u32 mode;
  __u32 uid;
  __u32 gid;
  __u32 links;
};

// An operation in a tree, done or denied. The names follow.
struct EventRecord {
  struct TracedProcess process;  // kind: LsmRecordKind
  __u64 tree;
  __u32 tid;
  __u32 operation;  // EventKind
  __u32 guard;      // GuardKind: the guard that it violates
  __u32 answer;     // EventAnswer
  __u32 flags;      // EventFlag
  __u32 repeats;    // repetitions not reported since the last record
  struct InodeFacts object;
  // Of the object of a violation: its size, and its times in nanoseconds since 1970; else 0.
  __u64 size;
  __s64 modified;
  __s64 changed;
};

// Names from the last up to the tree's root, which is left out. Each is followed by a NUL.
struct FewNames {
  __u32 length;
  __u32 whole;  // 1: all names up to the root
  char names[kFewNames + kNamesSlack];
};
struct ManyNames {
  __u32 length;
  __u32 whole;
  char names[kManyNames + kNamesSlack];
};

struct ShallowEvent {
  struct EventRecord what;
  struct FewNames names;
};
struct DeepEvent {
  struct EventRecord what;
  struct ManyNames names;
};
struct ShallowMove {
  struct EventRecord what;
  struct FewNames names;
  struct FewNames old_names;
};
struct DeepMove {
  struct EventRecord what;
  struct ManyNames names;
  struct ManyNames old_names;
};

// A process has closed a file that it could write, and whose close guardd waits for.
struct CloseRecord {
  __u32 kind;  // kRecordClose
  __u32 reserved;
  __u64 tree;
  __u64 inode;
};
// Of such a file. Another subvolume of btrfs can have the same: guardd then looks once too often.
struct OpenInode {
  __u64 inode;
  __u32 device;  // of the superblock
  __u32 reserved;
};

GUARD_WIRE_ASSERT(sizeof(struct Terms) == 20, "Terms");
GUARD_WIRE_ASSERT(sizeof(struct TreeTag) == 56, "TreeTag");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, terms) == 24, "TreeTag::terms");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, guards) == 44, "TreeTag::guards");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, flags) == 52, "TreeTag::flags");
GUARD_WIRE_ASSERT(sizeof(struct PatternRow) == 514, "PatternRow");
GUARD_WIRE_ASSERT(sizeof(struct Exemptions) == 96, "Exemptions");
GUARD_WIRE_ASSERT(offsetof(struct Exemptions, for_children) == 64, "Exemptions::for_children");
GUARD_WIRE_ASSERT(sizeof(struct ProgramKey) == 16, "ProgramKey");
GUARD_WIRE_ASSERT(sizeof(struct Program) == 16, "Program");
GUARD_WIRE_ASSERT(sizeof(struct ProcessTag) == 16, "ProcessTag");
GUARD_WIRE_ASSERT(sizeof(struct WitnessTag) == 32, "WitnessTag");
GUARD_WIRE_ASSERT(offsetof(struct WitnessTag, departures) == 8, "WitnessTag::departures");
GUARD_WIRE_ASSERT(offsetof(struct WitnessTag, owner) == 16, "WitnessTag::owner");
GUARD_WIRE_ASSERT(offsetof(struct WitnessTag, kind) == 24, "WitnessTag::kind");
GUARD_WIRE_ASSERT(sizeof(struct InodeFacts) == 32, "InodeFacts");
GUARD_WIRE_ASSERT(offsetof(struct InodeFacts, links) == 28, "InodeFacts::links");
GUARD_WIRE_ASSERT(sizeof(struct EventRecord) == 312, "EventRecord");
GUARD_WIRE_ASSERT(offsetof(struct EventRecord, tree) == 224, "EventRecord::tree");
GUARD_WIRE_ASSERT(offsetof(struct EventRecord, operation) == 236, "EventRecord::operation");
GUARD_WIRE_ASSERT(offsetof(struct EventRecord, repeats) == 252, "EventRecord::repeats");
GUARD_WIRE_ASSERT(offsetof(struct EventRecord, object) == 256, "EventRecord::object");
GUARD_WIRE_ASSERT(offsetof(struct EventRecord, size) == 288, "EventRecord::size");
GUARD_WIRE_ASSERT(sizeof(struct FewNames) == 520, "FewNames");
GUARD_WIRE_ASSERT(sizeof(struct ManyNames) == 4360, "ManyNames");
GUARD_WIRE_ASSERT(offsetof(struct ShallowEvent, names) == 312, "ShallowEvent::names");
GUARD_WIRE_ASSERT(offsetof(struct ShallowMove, old_names) == 832, "ShallowMove::old_names");
GUARD_WIRE_ASSERT(offsetof(struct DeepMove, old_names) == 4672, "DeepMove::old_names");
GUARD_WIRE_ASSERT(sizeof(struct CloseRecord) == 24, "CloseRecord");
GUARD_WIRE_ASSERT(sizeof(struct OpenInode) == 16, "OpenInode");

#undef GUARD_WIRE_ASSERT
#ifdef __cplusplus
}  // namespace guard
#endif
