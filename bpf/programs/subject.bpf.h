// The acting process and its exemptions: by user, group, login, program, unit, container and label,
// its own or inherited from an ancestor. An exemption is a bit. Each property that exemptions need
// is looked up, and the bits that remain are granted. Used only if an operation is about to be
// denied or reported.
#pragma once

#include "bpf/programs/kernel.bpf.h"
#include "bpf/wire/wire.h"
// After kernel.bpf.h, because it uses the same types.
#include <bpf/bpf_core_read.h>

struct Exemptions guard_exemptions;

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, struct ProgramKey);
  __type(value, struct Program);
} programs SEC(".maps");

// Labels of scripts, by the process name of the interpreter that runs them.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, char[16]);
  __type(value, __u32);
} scripts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, struct SubjectKey);
  __type(value, __u64);
} subjects SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 128);
  __type(key, char[kUnitName]);
  __type(value, __u64);
} units SEC(".maps");

// By the id of the container's control group.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, __u64);
  __type(value, __u64);
} containers SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct ProcessTag);
} process_tags SEC(".maps");

// The fsuid owns what a task creates, whatever its other ids are. A function of its own, because
// some kernels search all their types each time they check an access to a task.
__noinline __u32 subject_uid(void) {
  return bpf_get_current_task_btf()->cred->fsuid.val;
}

static __always_inline bool is_interactive(void) {
  struct task_struct* task = bpf_get_current_task_btf();
  if (!bpf_core_field_exists(task->loginuid) || task->loginuid.val == kUnset) return false;
  return BPF_CORE_READ(task, signal, tty) != NULL;
}

static __always_inline __u64 exemptions_for(__u32 kind, __u32 number) {
  const struct SubjectKey key = {kind, number};
  const __u64* bits = bpf_map_lookup_elem(&subjects, &key);
  return bits ? *bits : 0;
}

enum { kMostGroups = 32 };

struct OwnGroups {
  const char* gids;
  __u64 bits;
};

static long exempt_group(__u32 index, struct OwnGroups* groups) {
  __u32 gid = 0;
  if (bpf_probe_read_kernel(&gid, sizeof gid, groups->gids + index * sizeof gid)) return 1;
  groups->bits |= exemptions_for(kSubjectGroup, gid);
  return 0;
}

__noinline __u64 group_exemptions(__u64 of) {
  const struct cred* cred = (const struct cred*)of;
  struct group_info* info = BPF_CORE_READ(cred, group_info);
  const __u32 count = info ? BPF_CORE_READ(info, ngroups) : 0;
  struct OwnGroups groups = {(const char*)info + bpf_core_field_offset(info->gid),
                             exemptions_for(kSubjectGroup, BPF_CORE_READ(cred, fsgid.val))};
  bpf_loop(count < kMostGroups ? count : kMostGroups, exempt_group, &groups, 0);
  return groups.bits;
}

enum { kGroupLevels = 12 };

// Without a branch for each character, because the verifier would follow them all.
#define STARTS_WITH(text, prefix)                                                      \
  ({                                                                                   \
    const char* text_ = (text);                                                        \
    __u32 difference_ = 0;                                                             \
    _Pragma("unroll") for (__u32 i_ = 0; i_ < sizeof(prefix) - 1; i_++) difference_ |= \
        (__u32)(text_[i_] ^ (prefix)[i_]);                                             \
    difference_ == 0;                                                                  \
  })

static __always_inline bool is_unit(const char* name, __u32 size) {
  // ".scope" or ".service", and the NUL.
  if (size < sizeof ".scope" || size > kUnitName) return false;
  const __u32 end = size - 1;
  if (STARTS_WITH(name + ((end - 6) & (kUnitName - 1)), ".scop")) return true;
  return size >= sizeof ".service" && STARTS_WITH(name + ((end - 8) & (kUnitName - 1)), ".serv");
}

// Linux 6.15 renamed the member.
static __always_inline struct kernfs_node* parent_group(struct kernfs_node* group) {
  if (bpf_core_field_exists(group->parent)) return BPF_CORE_READ(group, parent);
  struct kernfs_node___new* renamed = (void*)group;
  return bpf_core_field_exists(renamed->__parent) ? BPF_CORE_READ(renamed, __parent) : NULL;
}

struct GroupWalk {
  struct kernfs_node* at;
  __u64 bits;
};

static long look_for_container(__u32 level, struct GroupWalk* walk) {
  struct kernfs_node* group = walk->at;
  if (!group) return 1;
  const __u64 id = BPF_CORE_READ(group, id);
  const __u64* bits = bpf_map_lookup_elem(&containers, &id);
  if (bits) {
    walk->bits = *bits;
    return 1;
  }
  walk->at = parent_group(group);
  return 0;
}

// The unit is the innermost control group whose name is that of a unit.
__noinline __u64 unit_exemptions(__u64 of) {
  struct task_struct* task = (struct task_struct*)of;
  struct kernfs_node* group = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
#pragma clang loop unroll(disable)
  for (int level = 0; group && level < kGroupLevels; level++) {
    char name[kUnitName + 8] = {};
    const long size = bpf_probe_read_kernel_str(name, kUnitName, BPF_CORE_READ(group, name));
    if (size > 0 && is_unit(name, (__u32)size)) {
      const __u64* bits = bpf_map_lookup_elem(&units, name);
      return (bits ? *bits : 0) | guard_exemptions.any_unit;
    }
    group = parent_group(group);
  }
  return 0;
}

// All that is below the group of a container is in it.
__noinline __u64 container_exemptions(__u64 of) {
  struct task_struct* task = (struct task_struct*)of;
  struct GroupWalk walk = {BPF_CORE_READ(task, cgroups, dfl_cgrp, kn), 0};
  bpf_loop(kGroupLevels, look_for_container, &walk, 0);
  return walk.bits;
}

static __always_inline __u64 label_exemptions(__u32 labels) {
  __u64 bits = 0;
  if (labels & 1) bits |= guard_exemptions.of_label[0];
  if (labels & 2) bits |= guard_exemptions.of_label[1];
  if (labels & 4) bits |= guard_exemptions.of_label[2];
  return bits;
}

// The exemptions that a process has by its own properties.
__noinline __u64 own_exemptions(__u64 of) {
  struct task_struct* task = (struct task_struct*)of;
  struct inode* exe = BPF_CORE_READ(task, mm, exe_file, f_inode);
  __u64 by_program = 0;
  __u64 by_label = 0;
  if (exe) {
    const struct ProgramKey key = {BPF_CORE_READ(exe, i_ino), BPF_CORE_READ(exe, i_sb, s_dev),
                                   BPF_CORE_READ(exe, i_uid.val)};
    const struct Program* program = bpf_map_lookup_elem(&programs, &key);
    if (program) {
      by_program = program->exemptions;
      by_label = label_exemptions(program->labels);
      if (program->is_interpreter) {
        char comm[16] = {};
        bpf_probe_read_kernel_str(comm, sizeof comm, &task->comm);
        const __u32* labels = bpf_map_lookup_elem(&scripts, comm);
        if (labels) by_label |= label_exemptions(*labels);
      }
    }
  }
  const struct Exemptions* all = &guard_exemptions;
  __u64 bits = ~all->need_program | by_program;
  bits &= ~all->need_label | by_label;
  const __u64 by_image = all->need_program | all->need_label;
  bits &= by_image | all->need_unit | all->need_container | all->need_user | all->need_group |
          all->need_login;
  const struct cred* cred = BPF_CORE_READ(task, cred);
  if (bits & all->need_user)
    bits &= ~all->need_user | exemptions_for(kSubjectUser, BPF_CORE_READ(cred, fsuid.val));
  if (bits & all->need_login) {
    const __u32 login =
        bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : kUnset;
    bits &= ~all->need_login | (login == kUnset ? 0 : exemptions_for(kSubjectLogin, login));
  }
  if (bits & all->need_group) bits &= ~all->need_group | group_exemptions((__u64)cred);
  if (bits & all->need_unit) bits &= ~all->need_unit | unit_exemptions(of);
  if (bits & all->need_container) bits &= ~all->need_container | container_exemptions(of);
  return bits;
}

static __always_inline __u64 for_children(void) {
  return guard_exemptions.for_children | 1ULL << kExcused;
}

// The tag of the process, or the copy of this thread. A thread that calls exec replaces the first
// thread, and the tag of that thread is lost.
static __always_inline struct ProcessTag* process_tag_of(struct task_struct* task) {
  struct task_struct* leader = task->group_leader;
  struct ProcessTag* tag = leader ? bpf_task_storage_get(&process_tags, leader, 0, 0) : NULL;
  return tag ? tag : bpf_task_storage_get(&process_tags, task, 0, 0);
}

__noinline int is_guardd(void) {
  struct ProcessTag* tag = process_tag_of(bpf_get_current_task_btf());
  return tag && tag->is_guardd;
}

// Those of the wanted exemptions that the current process has, and maybe others: its own, those of
// its living ancestors, and those inherited from ancestors that have ended.
__noinline __u64 current_exemptions(__u64 wanted) {
  struct ProcessTag* tag = process_tag_of(bpf_get_current_task_btf());
  __u64 inherited = tag ? tag->inherited & for_children() : 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  const __u64 own = own_exemptions((__u64)task);
  wanted &= guard_exemptions.for_children & ~own;
#pragma clang loop unroll(disable)
  for (int step = 0; step < kKnownParents && wanted & ~inherited; step++) {
    task = BPF_CORE_READ(task, real_parent, group_leader);
    if (!task || BPF_CORE_READ(task, pid) <= 1) break;
    inherited |= own_exemptions((__u64)task) & guard_exemptions.for_children;
  }
  return own | inherited;
}

// The parent is the current task. A thread is no child: it only copies the tag of its process.
// Fails safe: without memory for a tag, the child has no inherited exemptions.
static __always_inline void inherit(struct task_struct* parent, struct task_struct* child) {
  struct ProcessTag* tag = process_tag_of(parent);
  __u64 bits = tag ? tag->inherited : 0;
  if (child->pid == child->tgid) bits |= own_exemptions(bpf_get_current_task());
  bits &= for_children();
  if (!bits) return;
  struct ProcessTag own = {.inherited = bits};
  (void)bpf_task_storage_get(&process_tags, child, &own, BPF_LOCAL_STORAGE_GET_F_CREATE);
}
