// What the kernel programs and guardd say to each other, compiled by both sides from this one file.
// Only fixed-width members, no padding that is not named: the layout is a contract between two
// compilers, and every size and offset is asserted in both.
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
#include <cstddef>
namespace guard {
#define GUARD_WIRE_ASSERT static_assert
#else
#include <stddef.h>
#define GUARD_WIRE_ASSERT _Static_assert
#endif

// How far up a program looks for a tree's root before it gives up and says "unknown". A path of
// PATH_MAX could be deeper; what people and programs make is not, and the verifier has a budget.
enum { kWalkLimit = 128 };

// The same ladder as in a policy: each step includes the ones before it.
enum TreeAction { kTreeActionLog = 1, kTreeActionFix = 2, kTreeActionDeny = 3 };

// Hangs on the inode of a tree's root, in inode storage.
struct TreeTag {
  __u64 tree;      // names the tree in everything the programs tell
  __u32 owner;     // the uid, in the initial user namespace, that is never refused
  __u32 action;    // TreeAction
  __u32 flags;     // none yet; must be 0
  __u32 reserved;  // must be 0
};

// Indexes of the counters, each kept per CPU.
enum Counter {
  kCounterRefused,  // refused with EPERM
  kCounterPassed,   // would be refused if the tree's action were deny
  kCounterUnknown,  // let pass because the walk ended before it could tell
  kCounterCount,
};

GUARD_WIRE_ASSERT(sizeof(struct TreeTag) == 24, "TreeTag");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, tree) == 0, "TreeTag::tree");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, owner) == 8, "TreeTag::owner");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, action) == 12, "TreeTag::action");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, flags) == 16, "TreeTag::flags");
GUARD_WIRE_ASSERT(offsetof(struct TreeTag, reserved) == 20, "TreeTag::reserved");

#undef GUARD_WIRE_ASSERT
#ifdef __cplusplus
}  // namespace guard
#endif
