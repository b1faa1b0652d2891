// What guardd hears: one record for each thing that happened in a tree, with who did it and the
// names that lead there. Nobody ever waits for guardd: what finds no room is counted.
#pragma once

#include "bpf/programs/counters.bpf.h"
#include "bpf/programs/task.bpf.h"
#include "bpf/programs/tree.bpf.h"

// It counts twice as memory of guardd, which maps it so that no record is ever torn.
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4 * 1024 * 1024);
} happenings SEC(".maps");

// What was told a moment ago is not told again at once, but counted.
struct ReportKey {
  __u64 inode;
  __u64 parent;
  __u32 device;
  __u32 tid;
  __u32 generation;  // a number is soon another object's
  __u32 what;
};
struct ToldBefore {
  __u64 time;
  __u64 repeats;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct ReportKey);
  __type(value, struct ToldBefore);
} told SEC(".maps");

// Files that somebody else than the owner has made in a tree and may still write, by the kernel's
// own object for the open file: it is no other file's before it is closed. Whether guardd hears of
// the end only makes it sooner, so the oldest may go, and the closed ones may stay while nobody
// listens.
struct Writing {
  __u64 tree;
  struct InodeFacts object;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);
  __type(value, struct Writing);
} writing SEC(".maps");

enum { kFoldWithin = 1000 * 1000 * 1000 };  // nanoseconds

// An operation, as far as it matters for judging and telling. Plain memory without gaps, so that it
// can be handed to functions that the verifier looks at by themselves: the kernel's objects are in
// it by their addresses.
struct Access {
  __u64 leaf;      // dentry: the object's name in the tree
  __u64 root;      // dentry: of the tree, as the leaf leads up to it
  __u64 old_leaf;  // of a rename within the tree; else 0
  __u64 old_root;
  __u64 object;  // inode; 0: it is to be made
  struct TreeTag tag;
  __u32 operation;
  __u32 covers;  // the guards that mind it, as bits
  __u32 flags;   // HappenedFlag
  __u32 uid;     // what it will have, where it is known: kNotSet
  __u32 gid;
  __u32 mode;
  __u32 type;             // S_IFMT of the object
  __u32 is_always_wrong;  // whatever it will have
  __u32 is_always_told;   // guardd has to know, right or wrong
  __u32 is_done;          // too late to refuse it
  __u32 guard;            // what came of it: GuardKind and HappenedAnswer
  __u32 answer;
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

// True: it has just been told, and is only counted now.
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
  } else {  // not there yet: known by the hash of its name
    key.inode = BPF_CORE_READ(leaf, d_name.hash);
    key.generation = parent ? BPF_CORE_READ(parent, i_generation) : 0;
  }
  const __u64 now = bpf_ktime_get_ns();
  struct ToldBefore* before = bpf_map_lookup_elem(&told, &key);
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
  const struct ToldBefore first = {now, 0};
  bpf_map_update_elem(&told, &key, &first, BPF_ANY);
  return false;
}

// One name after the other, up to the tree's root. Through a function that is called for each, so
// that the verifier looks at one step and not at all of them.
struct NamesWalk {
  struct dentry* at;
  __u64 root;
  struct FewNames* few;
  struct ManyNames* many;
  __u32 bytes;
  __u32 reserved;
};

// The compiler must not take this away for being sure already: the verifier is not.
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

static __always_inline void note_happening(struct EventRecord* out, __u32 kind,
                                           struct Access* what) {
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
}

// A record of this type with all but the names in it; null: there is no room.
#define BEGIN_TELLING(type, kind, telling)                             \
  ({                                                                   \
    type* record_ = bpf_ringbuf_reserve(&happenings, sizeof(type), 0); \
    if (record_) {                                                     \
      note_happening(&record_->what, kind, telling);                   \
    } else {                                                           \
      count(kCounterLost);                                             \
    }                                                                  \
    record_;                                                           \
  })

__noinline int tell_one(struct Access* what) {
  if (!what) return 0;  // never, but the verifier asks
  if (what->answer != kAnswerSeen && is_folded(what)) return 0;
  if (bytes_of(what->leaf, what->root) <= kFewNames) {
    struct HappenedShallow* record =
        BEGIN_TELLING(struct HappenedShallow, kRecordHappened, what);
    if (!record) return 0;
    note_few(&record->names, what->leaf, what->root);
    bpf_ringbuf_submit(record, 0);
  } else {
    struct HappenedDeep* record =
        BEGIN_TELLING(struct HappenedDeep, kRecordHappenedDeep, what);
    if (!record) return 0;
    note_many(&record->names, what->leaf, what->root);
    bpf_ringbuf_submit(record, 0);
  }
  return 0;
}

__noinline int tell_move(struct Access* what) {
  if (!what) return 0;
  if (what->answer != kAnswerSeen && is_folded(what)) return 0;
  const __u32 bytes = bytes_of(what->leaf, what->root);
  if (bytes <= kFewNames && bytes_of(what->old_leaf, what->old_root) <= kFewNames) {
    struct MovedShallow* record = BEGIN_TELLING(struct MovedShallow, kRecordMoved, what);
    if (!record) return 0;
    note_few(&record->names, what->leaf, what->root);
    note_few(&record->old_names, what->old_leaf, what->old_root);
    bpf_ringbuf_submit(record, 0);
  } else {
    struct DeepMove* record = BEGIN_TELLING(struct DeepMove, kRecordMovedDeep, what);
    if (!record) return 0;
    note_many(&record->names, what->leaf, what->root);
    note_many(&record->old_names, what->old_leaf, what->old_root);
    bpf_ringbuf_submit(record, 0);
  }
  return 0;
}

static __noinline int begin_writing(struct file* file, __u64 tree) {
  const __u64 key = (__u64)file;
  struct Writing value = {.tree = tree};
  note_inode(&value.object, file->f_inode);
  bpf_map_update_elem(&writing, &key, &value, BPF_ANY);
  return 0;
}

static __always_inline void end_writing(struct file* file) {
  const __u64 key = (__u64)file;
  const struct Writing* value = bpf_map_lookup_elem(&writing, &key);
  if (!value) return;
  struct CloseRecord* record = bpf_ringbuf_reserve(&happenings, sizeof *record, 0);
  if (record) {
    record->kind = kRecordClosed;
    record->reserved = 0;
    record->tree = value->tree;
    record->object = value->object;
    bpf_ringbuf_submit(record, 0);
  }
  bpf_map_delete_elem(&writing, &key);
}
