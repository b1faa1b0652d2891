// The records that the tracing programs send to guardd. Both sides compile this file. The rules are
// those of wire.h: fixed widths, named padding, every size and offset asserted.
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

enum {
  kRecordedGroups = 31,      // supplementary groups that fit in a record
  kRecordedArguments = 512,  // bytes of the command line
  kRecordedPath = 256,       // bytes of a path; a longer one is incomplete
  kRecordedName = 128,       // bytes of one name in a path, with the NUL
  kRecordedCgroup = 256,     // bytes of a control group's path
};

// The kernel's value for an unset login or audit session.
enum { kUnset = 0xffffffff };

enum RecordKind {
  kRecordFork = 1,
  kRecordExec = 2,
  kRecordExit = 3,
  kRecordCgroup = 4,
};

// A path: its names from the last to the first, each followed by a NUL.
struct TracedPath {
  __u32 length;  // of the names
  __u32 whole;   // 1: it has all names up to the root of the mount namespace
  char names[kRecordedPath + kRecordedName];
};

// A process at the moment of the record. User and group ids are those of the initial user
// namespace, process ids those of guardd's process namespace.
struct TracedProcess {
  __u32 kind;  // RecordKind
  __s32 pid;   // of the thread group
  __u64 time;  // nanoseconds since boot, including suspend
  __u64 start;
  __u64 parent_start;
  __s32 parent;  // 0: it has no id in guardd's namespace
  __u32 uid;
  __u32 euid;
  __u32 fsuid;
  __u32 fsgid;
  __u32 login;
  __u32 session;
  __u32 tty;     // as the kernel encodes a device: major << 20 | minor; 0: none
  __u64 cgroup;  // 0: unknown
  char comm[16];
  __u32 group_count;  // can exceed kRecordedGroups
  __u32 groups[kRecordedGroups];
  __u32 egid;
  __u32 has_audit;  // 1: this kernel keeps login and session
};

struct TracedFork {
  struct TracedProcess process;
};

struct TracedExec {
  struct TracedProcess process;
  __u64 exe_inode;
  __u32 exe_device;  // of the superblock, major << 20 | minor
  __u32 exe_uid;
  __u32 exe_mode;
  __u32 arguments_size;  // of all arguments; can exceed kRecordedArguments
  struct TracedPath exe;
  char arguments[kRecordedArguments];
};

struct TracedExit {
  struct TracedProcess process;
  struct TracedPath cwd;
};

struct TracedCgroup {
  __u32 kind;
  __u32 length;  // of the path; 0: it did not fit
  __u64 id;
  char path[kRecordedCgroup];
};

GUARD_WIRE_ASSERT(sizeof(struct TracedPath) == 392, "TracedPath");
GUARD_WIRE_ASSERT(offsetof(struct TracedPath, whole) == 4, "TracedPath::whole");
GUARD_WIRE_ASSERT(offsetof(struct TracedPath, names) == 8, "TracedPath::names");
GUARD_WIRE_ASSERT(sizeof(struct TracedProcess) == 224, "TracedProcess");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, kind) == 0, "TracedProcess::kind");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, pid) == 4, "TracedProcess::pid");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, time) == 8, "TracedProcess::time");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, start) == 16, "TracedProcess::start");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, parent_start) == 24, "::parent_start");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, parent) == 32, "TracedProcess::parent");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, uid) == 36, "TracedProcess::uid");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, euid) == 40, "TracedProcess::euid");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, fsuid) == 44, "TracedProcess::fsuid");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, fsgid) == 48, "TracedProcess::fsgid");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, login) == 52, "TracedProcess::login");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, session) == 56, "TracedProcess::session");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, tty) == 60, "TracedProcess::tty");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, cgroup) == 64, "TracedProcess::cgroup");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, comm) == 72, "TracedProcess::comm");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, group_count) == 88, "::group_count");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, groups) == 92, "TracedProcess::groups");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, egid) == 216, "TracedProcess::egid");
GUARD_WIRE_ASSERT(offsetof(struct TracedProcess, has_audit) == 220, "TracedProcess::has_audit");
GUARD_WIRE_ASSERT(sizeof(struct TracedFork) == 224, "TracedFork");
GUARD_WIRE_ASSERT(sizeof(struct TracedExec) == 1152, "TracedExec");
GUARD_WIRE_ASSERT(offsetof(struct TracedExec, exe_inode) == 224, "TracedExec::exe_inode");
GUARD_WIRE_ASSERT(offsetof(struct TracedExec, exe_device) == 232, "TracedExec::exe_device");
GUARD_WIRE_ASSERT(offsetof(struct TracedExec, exe_uid) == 236, "TracedExec::exe_uid");
GUARD_WIRE_ASSERT(offsetof(struct TracedExec, exe_mode) == 240, "TracedExec::exe_mode");
GUARD_WIRE_ASSERT(offsetof(struct TracedExec, arguments_size) == 244, "::arguments_size");
GUARD_WIRE_ASSERT(offsetof(struct TracedExec, exe) == 248, "TracedExec::exe");
GUARD_WIRE_ASSERT(offsetof(struct TracedExec, arguments) == 640, "TracedExec::arguments");
GUARD_WIRE_ASSERT(sizeof(struct TracedExit) == 616, "TracedExit");
GUARD_WIRE_ASSERT(offsetof(struct TracedExit, cwd) == 224, "TracedExit::cwd");
GUARD_WIRE_ASSERT(sizeof(struct TracedCgroup) == 272, "TracedCgroup");
GUARD_WIRE_ASSERT(offsetof(struct TracedCgroup, id) == 8, "TracedCgroup::id");
GUARD_WIRE_ASSERT(offsetof(struct TracedCgroup, path) == 16, "TracedCgroup::path");

#undef GUARD_WIRE_ASSERT
#ifdef __cplusplus
}  // namespace guard
#endif
