// The decision of the LSM programs, on machines where none can be loaded: the same headers in
// programs that user space runs, on the current directory or the running program. They only decide,
// so that results and times can be measured on any machine.
#include "bpf/programs/kernel.bpf.h"
#include "bpf/wire/wire.h"

// Only LSM programs can use inode storage, so tags are found by inode number.
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

// How often to decide, and the results. Not on the stack: the verifier would treat each iteration
// as different.
__u32 guard_times = 0;
__u32 guard_denied = 0;
__u64 guard_nanoseconds = 0;

#define PLACE bpf_get_current_task_btf()->fs->pwd.dentry

static __always_inline int judge_creation(struct dentry* leaf) {
  struct TreeHit hit = {};
  if (!is_guarded(leaf, 1 << kGuardOwnership, &hit)) return 0;
  struct Access access = creation_at(leaf, kEventCreate);
  return judge(&access, &hit);
}

// Separate programs, so that each is small enough for the verifier.
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

DECIDE(nothing, PLACE == NULL)  // the cost of the call itself
DECIDE(creation, judge_creation(PLACE))
DECIDE(write, judge_operation(PLACE, kEventWrite, 1 << kGuardContent))
DECIDE(rmdir, judge_operation(PLACE, kEventRmdir, 1 << kGuardDelete))
DECIDE(open, judge_open(bpf_get_current_task_btf()->mm->exe_file))
