// The tracing programs: write a record to a ring for each fork, exec and exit of a process, and for
// each new control group. They only report. A record is in the ring before the process continues,
// so guardd finds it there when it learns what the process did next. A record that does not fit is
// counted and left out: no process ever waits for guardd.
#include "bpf/programs/kernel.bpf.h"
#include "bpf/programs/task.bpf.h"

char guard_license[] SEC("license") = "GPL";

// Room for some hundred processes: a fork, an exec and an exit take 2 kB. Counts twice as memory of
// guardd, which maps it twice so that every record is contiguous.
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1024 * 1024);
} records SEC(".maps");

// How full the ring must be to wake guardd. Below that, guardd reads the ring when it looks up a
// process: a busy machine causes no wake-ups. Only a new control group wakes guardd at once,
// because what it contains may be exempt, and must be before it does anything.
const volatile __u64 guard_wake_at = 256 * 1024;

__u64 guard_begun = 0;  // records begun; counted before they are written
__u64 guard_lost = 0;   // of these, the records that did not fit

#define BEGIN(type)                                                 \
  ({                                                                \
    __sync_fetch_and_add(&guard_begun, 1);                          \
    type* record_ = bpf_ringbuf_reserve(&records, sizeof(type), 0); \
    if (!record_) __sync_fetch_and_add(&guard_lost, 1);             \
    record_;                                                        \
  })

static __always_inline void end_now(void* record, bool wakes) {
  const bool is_full = bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) >= guard_wake_at;
  bpf_ringbuf_submit(record, wakes || is_full ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void end(void* record) {
  end_now(record, false);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(guard_process_fork, struct task_struct* parent, struct task_struct* child) {
  if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid)) return 0;  // a thread
  const int pid = number_of(child);
  if (!pid) return 0;
  struct TracedFork* record = BEGIN(struct TracedFork);
  if (!record) return 0;
  note_process(&record->process, kRecordFork, pid, child);
  end(record);
  return 0;
}

static __always_inline void note_arguments(struct TracedExec* out, struct mm_struct* mm) {
  const unsigned long start = BPF_CORE_READ(mm, arg_start);
  const unsigned long size = BPF_CORE_READ(mm, arg_end) - start;
  out->arguments_size = (__u32)size;
  __u32 fits = size < kRecordedArguments ? (__u32)size : kRecordedArguments;
  if (fits > kRecordedArguments) fits = kRecordedArguments;
  if (bpf_probe_read_user(out->arguments, fits, (const void*)start)) out->arguments_size = 0;
}

// The thread that called exec is the leader by now, with the leader's start time.
SEC("tp_btf/sched_process_exec")
int BPF_PROG(guard_process_exec, struct task_struct* task) {
  const int pid = number_of(task);
  if (!pid) return 0;
  struct TracedExec* record = BEGIN(struct TracedExec);
  if (!record) return 0;
  note_process(&record->process, kRecordExec, pid, task);
  struct mm_struct* mm = BPF_CORE_READ(task, mm);
  struct file* exe = BPF_CORE_READ(mm, exe_file);
  struct inode* inode = BPF_CORE_READ(exe, f_inode);
  record->exe_inode = BPF_CORE_READ(inode, i_ino);
  record->exe_device = BPF_CORE_READ(inode, i_sb, s_dev);
  record->exe_uid = BPF_CORE_READ(inode, i_uid.val);
  record->exe_mode = BPF_CORE_READ(inode, i_mode);
  note_path(&record->exe, __builtin_preserve_access_index(&exe->f_path));
  note_arguments(record, mm);
  end(record);
  return 0;
}

// A process ends with its last thread, which need not be the leader. If two threads end at once,
// both can see that none is left, and the process gets two records.
SEC("tp_btf/sched_process_exit")
int BPF_PROG(guard_process_exit, struct task_struct* task) {
  if (BPF_CORE_READ(task, signal, live.counter) != 0) return 0;
  const int pid = number_of(BPF_CORE_READ(task, group_leader));
  if (!pid) return 0;
  struct TracedExit* record = BEGIN(struct TracedExit);
  if (!record) return 0;
  note_process(&record->process, kRecordExit, pid, task);
  struct fs_struct* fs = BPF_CORE_READ(task, fs);
  note_path(&record->cwd, __builtin_preserve_access_index(&fs->pwd));
  end(record);
  return 0;
}

// A user may make control groups there as often as the user likes, and none of them is exempt.
static __always_inline bool is_of_user(const char* path) {
  const char users[] = "/user.slice/";
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < sizeof users - 1; i++)
    if (path[i] != users[i]) return false;
  return true;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(guard_cgroup_mkdir, struct cgroup* made, const char* path) {
  if (BPF_CORE_READ(made, root, hierarchy_id) != 0) return 0;  // not the unified hierarchy
  struct TracedCgroup* record = BEGIN(struct TracedCgroup);
  if (!record) return 0;
  record->kind = kRecordCgroup;
  record->id = BPF_CORE_READ(made, kn, id);
  const long size = bpf_probe_read_kernel_str(record->path, sizeof record->path, path);
  record->length = size > 1 && size < kRecordedCgroup ? (__u32)size - 1 : 0;
  end_now(record, !is_of_user(record->path));
  return 0;
}
