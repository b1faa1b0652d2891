// The decision of the LSM programs where a kernel lets none of them in: the same headers in a
// program that is run by hand, with the current directory or the running program as the place. It
// only judges, so that what is decided, and how fast, can be seen on any machine.
#include "bpf/programs/kernel.bpf.h"
#include "bpf/wire/wire.h"

// Storage on inodes is for LSM programs only: here the tags hang on the numbers.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, struct ProgramKey);
  __type(value, struct TreeTag);
} tags SEC(".maps");

static __always_inline struct TreeTag* tag_on(struct inode* inode) {
  const struct ProgramKey key = {inode->i_ino, inode->i_sb->s_dev, 0};
  return bpf_map_lookup_elem(&tags, &key);
}
#define GUARD_TAG_ON(inode) tag_on(inode)

#include "bpf/programs/verdict.bpf.h"

char guard_license[] SEC("license") = "GPL";

// How often, and what came of it. Not on the stack: the verifier would tell each time from the
// next.
__u32 guard_times = 0;
__u32 guard_denied = 0;
__u64 guard_nanoseconds = 0;

#define PLACE bpf_get_current_task_btf()->fs->pwd.dentry

// One program for each, so that each is small enough for the verifier.
#define DECIDE(name, decision)                                \
  static long name##_once(__u32 index, void* context) {       \
    if (decision) guard_denied++;                             \
    return 0;                                                 \
  }                                                           \
  SEC("raw_tp/sys_enter")                                     \
  int guard_##name(struct bpf_raw_tracepoint_args* context) { \
    guard_denied = 0;                                         \
    const __u64 begin = bpf_ktime_get_ns();                   \
    bpf_loop(guard_times, name##_once, NULL, 0);              \
    guard_nanoseconds = bpf_ktime_get_ns() - begin;           \
    return 0;                                                 \
  }

DECIDE(nothing, PLACE == NULL)  // what it costs to be asked
DECIDE(creation, judge_creation(PLACE, kHappeningCreate))
DECIDE(write, judge_act(PLACE, kHappeningWrite, 1 << kGuardContent))
DECIDE(rmdir, judge_act(PLACE, kHappeningRmdir, 1 << kGuardDelete))
DECIDE(open, judge_open(bpf_get_current_task_btf()->mm->exe_file))
