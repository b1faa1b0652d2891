// What the LSM programs and guardd say to each other, compiled by both sides from this one file.
// Only fixed-width members, no padding that is not named: the layout is a contract between two
// compilers, and every size and offset that matters is asserted in both.
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
  // How far up a program looks for a tree's root before it gives up and says "unknown". A path of
  // PATH_MAX could be deeper; what people and programs make is not, and the verifier has a budget.
  kWalkLimit = 128,
  // How many parents of a process are asked whether they exempt it. Those that have ended by then
  // have left what they had to say at the fork.
  kKnownParents = 16,
  kFilterBits = 1 << 15,  // of inode numbers
  kMostExemptions = 64,   // bits of one word
  kUnitName = 64,         // bytes of a unit's name, the end included
  kLongestName = 255,     // of one file, by the kernel's own law
  kFewNames = 256,        // bytes of names in a small record
  kManyNames = 4096,      // in a large one
  kNamesSlack = 256,      // one more name, so that whoever writes need not look
};

// Which bit of a filter a number has.
static inline __u64 filter_bit(__u64 value) {
  const __u64 mixed = value * 0x9e3779b97f4a7c15ULL;
  return mixed >> 49;
}

// The same ladder as in a policy: each step includes the ones before it. Off: the tree is there and
// is nobody's business, not even that of a tree around it.
enum TreeAction { kTreeActionOff, kTreeActionLog, kTreeActionFix, kTreeActionDeny };

// As guard::Guard and guard::Operation, whose order this is. Bits: 1 << guard.
enum GuardKind { kGuardOwnership, kGuardContent, kGuardDelete, kGuardAttributes, kGuardRead };
enum EventKind {
  kHappeningCreate,
  kHappeningMkdir,
  kHappeningMknod,
  kHappeningSymlink,
  kHappeningLink,
  kHappeningRename,
  kHappeningChown,
  kHappeningChmod,
  kHappeningWrite,
  kHappeningTruncate,
  kHappeningMap,
  kHappeningUnlink,
  kHappeningRmdir,
  kHappeningSetxattr,
  kHappeningRemovexattr,
  kHappeningSetacl,
  kHappeningSetflags,
  kHappeningMount,
  kHappeningRead,
};

enum { kAnyMode = 0xffffffff };  // no mode is wanted

// Who and what an object should be, and how far to go for it.
struct Terms {
  __u32 owner;      // uid, in the initial user namespace
  __u32 group;      // gid
  __u32 file_mode;  // kAnyMode: any will do
  __u32 dir_mode;
  __u32 action;  // TreeAction
};

enum TreeFlag {
  kTreeOnlyInteractive = 1,  // refuse only who has a login and a terminal
  kTreeStrict = 2,           // refuse package managers too
  kTreeUndecidable = 4,      // its patterns are too many for the kernel: refuse nothing
  kTreeAsciiOnly = 8,        // its patterns cannot be decided for other names
};

// Hangs on the inode of a tree's root, in inode storage.
struct TreeTag {
  __u64 tree;          // names the tree in everything the programs tell
  __u64 spares;        // the exemptions that no refusal hits, as bits
  __u64 ignores;       // and those that are not even told of
  struct Terms terms;  // the policy's own
  __u32 guards;        // GuardKind, as bits
  __u32 patterns;      // where its rules and excludes begin; 0: it has none
  __u32 flags;         // TreeFlag
};

// A policy's patterns read a path from its end, byte by byte: state by state through these rows.
struct PatternKey {
  __u32 patterns;
  __u32 state;
};
struct PatternRow {
  __u16 label;  // what holds for a path that ends here
  __u16 next[256];
};
enum { kLabelPolicy = 0, kLabelExcluded = 1, kLabelFirstRule = 2, kLabelUnknown = 0xffff };
struct RuleKey {
  __u32 patterns;
  __u32 label;
};

// Which exemptions a property of a process speaks for, as bits. One is granted to a process that
// has all the properties that it needs.
struct Exemptions {
  __u64 need_program;
  __u64 need_unit;
  __u64 need_user;
  __u64 need_group;
  __u64 need_login;
  __u64 need_label;
  __u64 any_unit;      // whose pattern of units the kernel cannot read: any unit will do
  __u64 for_children;  // also granted to whatever such a process starts
  __u64 of_label[3];   // by guard::Label
};
enum { kExcused = 62 };          // given to single processes, and granted by every policy
enum { kPackageManagers = 63 };  // the exemption that every policy grants that is not strict
enum SubjectKind { kSubjectUser, kSubjectGroup, kSubjectLogin };
struct SubjectKey {
  __u32 kind;
  __u32 number;
};
struct ProgramKey {
  __u64 inode;
  __u32 device;  // of the super block, major << 20 | minor
  __u32 reserved;
};
struct Program {
  __u64 exemptions;
  __u32 labels;          // guard::Label, as bits
  __u32 is_interpreter;  // 1: ask what it runs
};

// What a process has from those that started it, or is.
struct TreeStanding {
  __u64 inherited;  // exemptions
  __u64 is_guardd;  // 1
};

// Indexes of the counters, each kept per CPU.
enum Counter {
  kCounterDenied,     // refused with EPERM
  kCounterPassed,     // would be refused if the action were deny, or if nothing spared the subject
  kCounterUnknown,    // let pass because the walk ended before it could tell where it was
  kCounterUndecided,  // let pass because the patterns could not be asked
  kCounterFolded,     // told only as the repetition of another
  kCounterLost,       // not told: there was no room
  kCounterCount,
};

enum RecordOfLsm {
  kRecordHappened = 16,      // struct HappenedShallow
  kRecordHappenedDeep = 17,  // struct HappenedDeep
  kRecordMoved = 18,         // struct MovedShallow
  kRecordMovedDeep = 19,     // struct DeepMove
  kRecordClosed = 20,        // struct CloseRecord
};

enum HappenedAnswer {
  kAnswerSeen,    // it goes on; whoever hears of it judges what comes of it
  kAnswerLogged,  // it goes on, and is a violation as it is
  kAnswerDenied,  // EPERM
};

enum HappenedFlag {
  kHappenedAfter = 1,    // the object is as it is told; else it is about to be
  kHappenedByOwner = 2,  // by the policy's owner itself
  kHappenedOutOf = 4,    // a rename or a link out of the tree
  kHappenedWithin = 8,   // a rename within the tree
  kHappenedInto = 16,    // a rename or a link into the tree
};

enum { kNotSet = 0xffffffff };  // of an id or a mode: not told

struct InodeFacts {
  __u64 inode;  // 0: there is none yet
  __u32 generation;
  __u32 device;
  __u32 mode;
  __u32 uid;
  __u32 gid;
  __u32 links;
};

// What happened in a tree, or was about to and was refused. The names follow.
struct EventRecord {
  struct TracedProcess process;  // kind: RecordOfLsm
  __u64 tree;
  __u32 tid;
  __u32 operation;  // EventKind
  __u32 guard;      // GuardKind: which one it violates
  __u32 answer;     // HappenedAnswer
  __u32 flags;      // HappenedFlag
  __u32 repeats;  // how many like it were not told since the last one
  struct InodeFacts object;
};

// Names from the last up to the tree's root, without that, each with a NUL behind it.
struct FewNames {
  __u32 length;
  __u32 whole;
  char names[kFewNames + kNamesSlack];
};
struct ManyNames {
  __u32 length;
  __u32 whole;  // 1: all of them
  char names[kManyNames + kNamesSlack];
};

struct HappenedShallow {
  struct EventRecord what;
  struct FewNames names;
};
struct HappenedDeep {
  struct EventRecord what;
  struct ManyNames names;
};
struct MovedShallow {
  struct EventRecord what;
  struct FewNames names;
  struct FewNames old_names;
};
struct DeepMove {
  struct EventRecord what;
  struct ManyNames names;
  struct ManyNames old_names;
};

// Somebody who could write has closed a file that he had made.
struct CloseRecord {
  __u32 kind;  // kRecordClosed
  __u32 reserved;
  __u64 tree;
  struct InodeFacts object;
};

GUARD_WIRE_ASSERT(sizeof(struct Terms) == 20, "Terms");
GUARD_WIRE_ASSERT(sizeof(struct TreeTag) == 56, "TreeTag");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, terms) == 24, "TreeTag::terms");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, guards) == 44, "TreeTag::guards");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, flags) == 52, "TreeTag::flags");
GUARD_WIRE_ASSERT(sizeof(struct PatternRow) == 514, "PatternRow");
GUARD_WIRE_ASSERT(sizeof(struct Exemptions) == 88, "Exemptions");
GUARD_WIRE_ASSERT(offsetof(struct Exemptions, for_children) == 56, "Exemptions::for_children");
GUARD_WIRE_ASSERT(sizeof(struct ProgramKey) == 16, "ProgramKey");
GUARD_WIRE_ASSERT(sizeof(struct Program) == 16, "Program");
GUARD_WIRE_ASSERT(sizeof(struct TreeStanding) == 16, "Standing");
GUARD_WIRE_ASSERT(sizeof(struct InodeFacts) == 32, "InodeFacts");
GUARD_WIRE_ASSERT(offsetof(struct InodeFacts, links) == 28, "InodeFacts::links");
GUARD_WIRE_ASSERT(sizeof(struct EventRecord) == 288, "EventRecord");
GUARD_WIRE_ASSERT(offsetof(struct EventRecord, tree) == 224, "EventRecord::tree");
GUARD_WIRE_ASSERT(offsetof(struct EventRecord, operation) == 236, "EventRecord::operation");
GUARD_WIRE_ASSERT(offsetof(struct EventRecord, repeats) == 252, "EventRecord::repeats");
GUARD_WIRE_ASSERT(offsetof(struct EventRecord, object) == 256, "EventRecord::object");
GUARD_WIRE_ASSERT(sizeof(struct FewNames) == 520, "FewNames");
GUARD_WIRE_ASSERT(sizeof(struct ManyNames) == 4360, "ManyNames");
GUARD_WIRE_ASSERT(offsetof(struct HappenedShallow, names) == 288, "HappenedShallow::names");
GUARD_WIRE_ASSERT(offsetof(struct MovedShallow, old_names) == 808, "MovedShallow::old_names");
GUARD_WIRE_ASSERT(offsetof(struct DeepMove, old_names) == 4648, "MovedDeep::old_names");
GUARD_WIRE_ASSERT(sizeof(struct CloseRecord) == 48, "CloseRecord");

#undef GUARD_WIRE_ASSERT
#ifdef __cplusplus
}  // namespace guard
#endif
