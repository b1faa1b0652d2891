// Reports events to guardd: one record for each operation in a tree, with the process and the names
// that lead to the object. No process ever waits for guardd: a record that does not fit is counted.
#pragma once

#include "bpf/programs/counters.bpf.h"
#include "bpf/programs/task.bpf.h"
#include "bpf/programs/tree.bpf.h"

// Counts twice as memory of guardd, which maps it twice so that every record is contiguous.
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4 * 1024 * 1024);
} events SEC(".maps");

// An event that was just reported is only counted if it repeats.
struct ReportKey {
  __u64 inode;
  __u64 parent;
  __u32 device;
  __u32 tid;
  __u32 generation;  // inode numbers are reused
  __u32 what;
};
struct LastReport {
  __u64 time;
  __u64 repeats;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct ReportKey);
  __type(value, struct LastReport);
} last_reports SEC(".maps");

// Files whose close guardd waits for, and their trees. guardd only fixes such a file sooner if it
// learns of the close, so old entries may be evicted.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct OpenInode);
  __type(value, __u64);
} awaited SEC(".maps");

enum { kFoldWithin = 1000 * 1000 * 1000 };  // nanoseconds

// What judging and reporting need to know of an operation. Plain memory without padding, so that it
// can be passed to functions that the verifier checks by themselves. Kernel objects are addresses.
struct Access {
  __u64 leaf;      // dentry: the name of the object in the tree
  __u64 root;      // dentry: the tree's root above the leaf
  __u64 old_leaf;  // of a rename within the tree; else 0
  __u64 old_root;
  __u64 object;  // inode; 0: it is about to be created
  struct TreeTag tag;
  __u32 operation;
  __u32 covers;  // the guards that the operation can violate, as bits
  __u32 flags;   // EventFlag
  __u32 uid;     // after the operation; kNotSet: unknown
  __u32 gid;
  __u32 mode;
  __u32 type;             // S_IFMT of the object
  __u32 always_violates;  // whatever the object will be
  __u32 must_report;      // report it even if it violates nothing
  __u32 guard;            // the result: GuardKind and EventAnswer
  __u32 answer;
  __u32 is_reported;
  __u64 repeats;
};

static __always_inline void note_inode(struct InodeFacts* out, struct inode* inode) {
  __builtin_memset(out, 0, sizeof *out);
  if (!inode) return;
  out->inode = BPF_CORE_READ(inode, i_ino);
  out->generation = BPF_CORE_READ(inode, i_generation);
  out->device = BPF_CORE_READ(inode, i_sb, s_dev);
  out->mode = BPF_CORE_READ(inode, i_mode);
  out->uid = BPF_CORE_READ(inode, i_uid.val);
  out->gid = BPF_CORE_READ(inode, i_gid.val);
  out->links = BPF_CORE_READ(inode, i_nlink);
}

// A time of an inode, wherever this kernel keeps it. Of a ctime, a high bit says that it was read.
#define INODE_TIME(inode, name)                                    \
  ({                                                               \
    struct inode___hidden* hidden_ = (void*)(inode);               \
    struct inode___split* split_ = (void*)(inode);                 \
    __s64 seconds_ = 0;                                            \
    __u32 rest_ = 0;                                               \
    if (bpf_core_field_exists(split_->i_##name##_sec)) {           \
      seconds_ = BPF_CORE_READ(split_, i_##name##_sec);            \
      rest_ = BPF_CORE_READ(split_, i_##name##_nsec) & 0x7fffffff; \
    } else if (bpf_core_field_exists(hidden_->__i_##name)) {       \
      seconds_ = BPF_CORE_READ(hidden_, __i_##name.tv_sec);        \
      rest_ = (__u32)BPF_CORE_READ(hidden_, __i_##name.tv_nsec);   \
    } else {                                                       \
      seconds_ = BPF_CORE_READ(inode, i_##name.tv_sec);            \
      rest_ = (__u32)BPF_CORE_READ(inode, i_##name.tv_nsec);       \
    }                                                              \
    seconds_ * 1000000000LL + rest_;                               \
  })

static __always_inline void note_times(struct EventRecord* out, struct inode* inode) {
  out->size = (__u64)BPF_CORE_READ(inode, i_size);
  out->modified = INODE_TIME(inode, mtime);
  out->changed = INODE_TIME(inode, ctime);
}

// True: the same event was just reported, and this one is only counted.
static __always_inline bool is_folded(struct Access* what) {
  struct dentry* leaf = (struct dentry*)what->leaf;
  struct inode* object = (struct inode*)what->object;
  struct inode* parent = BPF_CORE_READ(leaf, d_parent, d_inode);
  struct ReportKey key = {.tid = (__u32)bpf_get_current_pid_tgid(),
                          .what = what->operation << 16 | what->guard << 8 | what->answer};
  key.parent = parent ? BPF_CORE_READ(parent, i_ino) : 0;
  key.device = BPF_CORE_READ(leaf, d_sb, s_dev);
  if (object) {
    key.inode = BPF_CORE_READ(object, i_ino);
    key.generation = BPF_CORE_READ(object, i_generation);
  } else {  // it does not exist yet: identified by the hash of its name
    key.inode = BPF_CORE_READ(leaf, d_name.hash);
    key.generation = parent ? BPF_CORE_READ(parent, i_generation) : 0;
  }
  const __u64 now = bpf_ktime_get_ns();
  struct LastReport* before = bpf_map_lookup_elem(&last_reports, &key);
  if (before) {
    if (now - before->time < kFoldWithin) {
      __sync_fetch_and_add(&before->repeats, 1);
      count(kCounterFolded);
      return true;
    }
    what->repeats = before->repeats;
    before->repeats = 0;
    before->time = now;
    return false;
  }
  const struct LastReport first = {now, 0};
  bpf_map_update_elem(&last_reports, &key, &first, BPF_ANY);
  return false;
}

// Collects the names up to the tree's root. Calls a function for each name, so that the verifier
// checks one step instead of all.
struct NamesWalk {
  struct dentry* at;
  __u64 root;
  struct FewNames* few;
  struct ManyNames* many;
  __u32 bytes;
  __u32 reserved;
};

// The compiler must not drop this check, although it can prove it: the verifier cannot.
#define BOUNDED(value, most)                                   \
  ({                                                           \
    __u64 bounded_ = (value);                                  \
    asm volatile("%0 &= %1" : "+r"(bounded_) : "i"((most)-1)); \
    bounded_;                                                  \
  })

#define NOTE_NAME(names_, room, walk)                                                           \
  ({                                                                                            \
    struct dentry* at_ = (walk)->at;                                                            \
    const __u32 length_ = (names_)->length;                                                     \
    if ((__u64)at_ == (walk)->root) {                                                           \
      (names_)->whole = 1;                                                                      \
      return 1;                                                                                 \
    }                                                                                           \
    if (length_ >= (room)) return 1;                                                            \
    const long size_ = bpf_probe_read_kernel_str((names_)->names + BOUNDED(length_, room),      \
                                                 kNamesSlack, BPF_CORE_READ(at_, d_name.name)); \
    if (size_ <= 0) return 1;                                                                   \
    (names_)->length = length_ + (__u32)size_;                                                  \
    (walk)->at = BPF_CORE_READ(at_, d_parent);                                                  \
  })

static long note_one_of_few(__u32 index, struct NamesWalk* walk) {
  struct FewNames* names = walk->few;
  if (!names) return 1;
  NOTE_NAME(names, kFewNames, walk);
  return 0;
}

static long note_one_of_many(__u32 index, struct NamesWalk* walk) {
  struct ManyNames* names = walk->many;
  if (!names) return 1;
  NOTE_NAME(names, kManyNames, walk);
  return 0;
}

static __always_inline void note_few(struct FewNames* names, __u64 leaf, __u64 root) {
  struct NamesWalk walk = {.at = (struct dentry*)leaf, .root = root, .few = names};
  names->length = 0;
  names->whole = 0;
  bpf_loop(kWalkLimit + 1, note_one_of_few, &walk, 0);
}

static __always_inline void note_many(struct ManyNames* names, __u64 leaf, __u64 root) {
  struct NamesWalk walk = {.at = (struct dentry*)leaf, .root = root, .many = names};
  names->length = 0;
  names->whole = 0;
  bpf_loop(kWalkLimit + 1, note_one_of_many, &walk, 0);
}

static long count_one(__u32 index, struct NamesWalk* walk) {
  struct dentry* at = walk->at;
  if ((__u64)at == walk->root) return 1;
  walk->bytes += BPF_CORE_READ(at, d_name.len) + 1;
  walk->at = BPF_CORE_READ(at, d_parent);
  return 0;
}

static __always_inline __u32 bytes_of(__u64 leaf, __u64 root) {
  struct NamesWalk walk = {.at = (struct dentry*)leaf, .root = root};
  bpf_loop(kWalkLimit, count_one, &walk, 0);
  return walk.bytes;
}

static __always_inline void note_event(struct EventRecord* out, __u32 kind, struct Access* what) {
  struct task_struct* task = bpf_get_current_task_btf();
  note_process(&out->process, kind, number_of(BPF_CORE_READ(task, group_leader)), task);
  out->tree = what->tag.tree;
  out->tid = (__u32)bpf_get_current_pid_tgid();
  out->operation = what->operation;
  out->guard = what->guard;
  out->answer = what->answer;
  out->flags = what->flags;
  out->repeats = (__u32)what->repeats;
  note_inode(&out->object, (struct inode*)what->object);
  out->size = 0;
  out->modified = 0;
  out->changed = 0;
  if (what->answer != kAnswerNone && what->object) note_times(out, (struct inode*)what->object);
}

// Reserves a record of this type and fills in all but the names; null: the ring is full.
#define RESERVE_EVENT(type, kind, access)                          \
  ({                                                               \
    type* record_ = bpf_ringbuf_reserve(&events, sizeof(type), 0); \
    if (record_) {                                                 \
      note_event(&record_->what, kind, access);                    \
    } else {                                                       \
      count(kCounterLost);                                         \
    }                                                              \
    record_;                                                       \
  })

__noinline int report_event(struct Access* what) {
  if (!what) return 0;  // never, but the verifier needs the check
  if (what->answer != kAnswerNone && is_folded(what)) return 0;
  if (bytes_of(what->leaf, what->root) <= kFewNames) {
    struct ShallowEvent* record = RESERVE_EVENT(struct ShallowEvent, kRecordEvent, what);
    if (!record) return 0;
    note_few(&record->names, what->leaf, what->root);
    bpf_ringbuf_submit(record, 0);
  } else {
    struct DeepEvent* record = RESERVE_EVENT(struct DeepEvent, kRecordDeepEvent, what);
    if (!record) return 0;
    note_many(&record->names, what->leaf, what->root);
    bpf_ringbuf_submit(record, 0);
  }
  return 0;
}

__noinline int report_move(struct Access* what) {
  if (!what) return 0;
  if (what->answer != kAnswerNone && is_folded(what)) return 0;
  const __u32 bytes = bytes_of(what->leaf, what->root);
  if (bytes <= kFewNames && bytes_of(what->old_leaf, what->old_root) <= kFewNames) {
    struct ShallowMove* record = RESERVE_EVENT(struct ShallowMove, kRecordMove, what);
    if (!record) return 0;
    note_few(&record->names, what->leaf, what->root);
    note_few(&record->old_names, what->old_leaf, what->old_root);
    bpf_ringbuf_submit(record, 0);
  } else {
    struct DeepMove* record = RESERVE_EVENT(struct DeepMove, kRecordDeepMove, what);
    if (!record) return 0;
    note_many(&record->names, what->leaf, what->root);
    note_many(&record->old_names, what->old_leaf, what->old_root);
    bpf_ringbuf_submit(record, 0);
  }
  return 0;
}

// The file has let go of its inode, which can be gone if it has no name: then this reads nothing
// that means anything, and finds no entry.
static __always_inline void report_close(struct file* file) {
  struct inode* inode = BPF_CORE_READ(file, f_inode);
  const struct OpenInode key = {.inode = BPF_CORE_READ(inode, i_ino),
                                .device = BPF_CORE_READ(inode, i_sb, s_dev)};
  const __u64* tree = bpf_map_lookup_elem(&awaited, &key);
  if (!tree) return;
  struct CloseRecord* record = bpf_ringbuf_reserve(&events, sizeof *record, 0);
  if (record) {
    record->kind = kRecordClose;
    record->reserved = 0;
    record->tree = *tree;
    record->inode = key.inode;
    bpf_ringbuf_submit(record, 0);
  }
  bpf_map_delete_elem(&awaited, &key);
}
