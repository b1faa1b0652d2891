// Whose doing it is, and who is exempt: by user, group, login, program, unit and label, itself or
// through whoever started it. An exemption is a bit; what speaks for it is looked up, and the bits
// that are left are granted. Only asked when something is about to be refused or told.
#pragma once

#include "bpf/programs/kernel.bpf.h"
#include "bpf/wire/wire.h"
// Only after it, as it builds on the same types.
#include <bpf/bpf_core_read.h>

struct Exemptions guard_exemptions;

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, struct ProgramKey);
  __type(value, struct Program);
} programs SEC(".maps");

// Labels of scripts, by the name that an interpreter of the system shows itself by.
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

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct TreeStanding);
} standings SEC(".maps");

// fsuid owns what a task creates, whatever its other ids are.
static __always_inline __u32 subject_uid(void) {
  return bpf_get_current_task_btf()->cred->fsuid.val;
}

static __always_inline bool is_interactive(void) {
  struct task_struct* task = bpf_get_current_task_btf();
  if (!bpf_core_field_exists(task->loginuid) || task->loginuid.val == kUnset) return false;
  return BPF_CORE_READ(task, signal, tty) != NULL;
}

static __always_inline __u64 speaking_for(__u32 kind, __u32 number) {
  const struct SubjectKey key = {kind, number};
  const __u64* bits = bpf_map_lookup_elem(&subjects, &key);
  return bits ? *bits : 0;
}

enum { kMostGroups = 32 };

static __always_inline __u64 of_groups(const struct cred* cred) {
  __u64 bits = speaking_for(kSubjectGroup, BPF_CORE_READ(cred, fsgid.val));
  struct group_info* groups = BPF_CORE_READ(cred, group_info);
  const __u32 count = groups ? BPF_CORE_READ(groups, ngroups) : 0;
#pragma clang loop unroll(disable)
  for (__u32 i = 0; i < kMostGroups; i++) {
    __u32 gid = 0;
    if (i >= count) break;
    if (bpf_probe_read_kernel(&gid, sizeof gid,
                              (const char*)groups + bpf_core_field_offset(groups->gid) + i * 4))
      break;
    bits |= speaking_for(kSubjectGroup, gid);
  }
  return bits;
}

enum { kGroupLevels = 12 };

static __always_inline bool is_unit(const char* name, __u32 size) {
  // ".scope" and ".service", with the NUL behind them.
  if (size < sizeof ".scope" || size > kUnitName) return false;
  const __u32 end = size - 1;
  const char* six = name + ((end - 6) & (kUnitName - 1));
  if (six[0] == '.' && six[1] == 's' && six[2] == 'c' && six[3] == 'o' && six[4] == 'p')
    return true;
  if (size < sizeof ".service") return false;
  const char* eight = name + ((end - 8) & (kUnitName - 1));
  return eight[0] == '.' && eight[1] == 's' && eight[2] == 'e' && eight[3] == 'r' &&
         eight[4] == 'v';
}

// Kernels from 6.15 on call it otherwise.
static __always_inline struct kernfs_node* parent_group(struct kernfs_node* group) {
  if (bpf_core_field_exists(group->parent)) return BPF_CORE_READ(group, parent);
  struct kernfs_node___new* renamed = (void*)group;
  return bpf_core_field_exists(renamed->__parent) ? BPF_CORE_READ(renamed, __parent) : NULL;
}

// The unit is what the innermost control group that is one is called.
__noinline __u64 of_unit(__u64 of) {
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

static __always_inline __u64 of_labels(__u32 labels) {
  __u64 bits = 0;
  if (labels & 1) bits |= guard_exemptions.of_label[0];
  if (labels & 2) bits |= guard_exemptions.of_label[1];
  if (labels & 4) bits |= guard_exemptions.of_label[2];
  return bits;
}

// What a process is exempt by itself.
__noinline __u64 exemptions_of(__u64 of) {
  struct task_struct* task = (struct task_struct*)of;
  struct inode* exe = BPF_CORE_READ(task, mm, exe_file, f_inode);
  __u64 by_program = 0;
  __u64 by_label = 0;
  if (exe) {
    const struct ProgramKey key = {BPF_CORE_READ(exe, i_ino), BPF_CORE_READ(exe, i_sb, s_dev), 0};
    const struct Program* program = bpf_map_lookup_elem(&programs, &key);
    if (program) {
      by_program = program->exemptions;
      by_label = of_labels(program->labels);
      if (program->is_interpreter) {
        char comm[16] = {};
        bpf_probe_read_kernel_str(comm, sizeof comm, &task->comm);
        const __u32* labels = bpf_map_lookup_elem(&scripts, comm);
        if (labels) by_label |= of_labels(*labels);
      }
    }
  }
  const struct Exemptions* all = &guard_exemptions;
  __u64 bits = ~all->need_program | by_program;
  bits &= ~all->need_label | by_label;
  const __u64 asked_by_program = all->need_program | all->need_label;
  bits &= asked_by_program | all->need_unit | all->need_user | all->need_group | all->need_login;
  const struct cred* cred = BPF_CORE_READ(task, cred);
  if (bits & all->need_user)
    bits &= ~all->need_user | speaking_for(kSubjectUser, BPF_CORE_READ(cred, fsuid.val));
  if (bits & all->need_login) {
    const __u32 login =
        bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : kUnset;
    bits &= ~all->need_login | (login == kUnset ? 0 : speaking_for(kSubjectLogin, login));
  }
  if (bits & all->need_group) bits &= ~all->need_group | of_groups(cred);
  if (bits & all->need_unit) bits &= ~all->need_unit | of_unit(of);
  return bits;
}

static __always_inline __u64 for_children(void) {
  return guard_exemptions.for_children | 1ULL << kExcused;
}

// The process's, or what the thread has from it: one that starts another program takes the place of
// the first thread, and what hung on that is gone.
static __always_inline struct TreeStanding* standing_of(struct task_struct* task) {
  struct task_struct* leader = task->group_leader;
  struct TreeStanding* standing = leader ? bpf_task_storage_get(&standings, leader, 0, 0) : NULL;
  return standing ? standing : bpf_task_storage_get(&standings, task, 0, 0);
}

__noinline int is_guardd(void) {
  struct TreeStanding* standing = standing_of(bpf_get_current_task_btf());
  return standing && standing->is_guardd;
}

// All that the current process is exempt by: itself, through who started it and still runs, and
// through who did and has ended.
__noinline __u64 exemptions_here(void) {
  struct TreeStanding* standing = standing_of(bpf_get_current_task_btf());
  __u64 inherited = standing ? standing->inherited : 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  const __u64 own = exemptions_of((__u64)task);
#pragma clang loop unroll(disable)
  for (int step = 0; step < kKnownParents; step++) {
    task = BPF_CORE_READ(task, real_parent, group_leader);
    if (!task || BPF_CORE_READ(task, pid) <= 1) break;
    inherited |= exemptions_of((__u64)task);
  }
  return own | (inherited & for_children());
}

// The parent is who runs. A thread is no child: it only keeps what its process has.
static __always_inline void inherit(struct task_struct* parent, struct task_struct* child) {
  struct TreeStanding* standing = standing_of(parent);
  __u64 bits = standing ? standing->inherited : 0;
  if (child->pid == child->tgid) bits |= exemptions_of(bpf_get_current_task());
  bits &= for_children();
  if (!bits) return;
  struct TreeStanding own = {.inherited = bits};
  (void)bpf_task_storage_get(&standings, child, &own, BPF_LOCAL_STORAGE_GET_F_CREATE);
}
