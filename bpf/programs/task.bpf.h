// Fills records with the facts of a process and the names of a path. Only reads. A value that
// cannot be read is 0, and a path that cannot be read in full is marked as incomplete.
#pragma once

#include "bpf/programs/kernel.bpf.h"
// After kernel.bpf.h, because it uses the same types.
#include <bpf/bpf_core_read.h>

#include "bpf/wire/tracer_wire.h"

enum {
  kInitialPidNamespace = 0xeffffffc,  // fixed by the kernel's interface
  kNamespaceDepth = 33,               // how deep process namespaces can nest, plus one
  kPathSteps = 40,                    // names and mounts on the way to a root
};

// guardd's process namespace. Set before the programs are loaded.
const volatile __u32 guard_pid_namespace = kInitialPidNamespace;

// guardd's mount namespace; 0: unknown. Set before the programs are loaded.
const volatile __u32 guard_mount_namespace = 0;

// guardd's root directory, where its paths begin, if that is not the root of its mount namespace.
// Set before the programs are loaded.
const volatile __u64 guard_root_inode = 0;
const volatile __u32 guard_root_mount = 0;

// The id of a process in that namespace; 0: it has none.
static __always_inline int number_of(struct task_struct* leader) {
  if (guard_pid_namespace == kInitialPidNamespace) return BPF_CORE_READ(leader, tgid);
  struct pid* pid = BPF_CORE_READ(leader, thread_pid);
  if (!pid) return 0;
  const __u32 level = BPF_CORE_READ(pid, level);
#pragma clang loop unroll(disable)
  for (__u32 i = 0; i < kNamespaceDepth; i++) {
    if (i > level) break;
    struct upid number;
    const void* place = (const char*)pid + bpf_core_field_offset(pid->numbers) +
                        i * bpf_core_type_size(struct upid);
    if (bpf_core_read(&number, sizeof number, place)) break;
    if (BPF_CORE_READ(number.ns, ns.inum) == guard_pid_namespace) return number.nr;
  }
  return 0;
}

static __always_inline void note_groups(struct TracedProcess* out, const struct cred* cred) {
  struct group_info* groups = BPF_CORE_READ(cred, group_info);
  __u32 count = groups ? BPF_CORE_READ(groups, ngroups) : 0;
  out->group_count = count;
  if (count > kRecordedGroups) count = kRecordedGroups;
  const void* first = (const char*)groups + bpf_core_field_offset(groups->gid);
  if (count) bpf_probe_read_kernel(out->groups, count * sizeof out->groups[0], first);
}

static __always_inline __u32 terminal_of(struct task_struct* task) {
  struct tty_struct* tty = BPF_CORE_READ(task, signal, tty);
  if (!tty) return 0;
  struct tty_driver* driver = BPF_CORE_READ(tty, driver);
  const int major = BPF_CORE_READ(driver, major);
  const int minor = BPF_CORE_READ(driver, minor_start) + BPF_CORE_READ(tty, index);
  return (__u32)major << 20 | (__u32)minor;
}

// `task` may be any thread: the ids are those of its thread group.
static __always_inline void note_process(struct TracedProcess* out, __u32 kind, int pid,
                                         struct task_struct* task) {
  struct task_struct* leader = BPF_CORE_READ(task, group_leader);
  struct task_struct* parent = BPF_CORE_READ(task, real_parent, group_leader);
  const struct cred* cred = BPF_CORE_READ(task, cred);
  out->kind = kind;
  out->pid = pid;
  out->time = bpf_ktime_get_boot_ns();
  out->start = BPF_CORE_READ(leader, start_boottime);
  out->parent = number_of(parent);
  out->parent_start = BPF_CORE_READ(parent, start_boottime);
  out->uid = BPF_CORE_READ(cred, uid.val);
  out->euid = BPF_CORE_READ(cred, euid.val);
  out->fsuid = BPF_CORE_READ(cred, fsuid.val);
  out->fsgid = BPF_CORE_READ(cred, fsgid.val);
  out->egid = BPF_CORE_READ(cred, egid.val);
  note_groups(out, cred);
  out->has_audit = bpf_core_field_exists(task->loginuid) ? 1 : 0;
  out->login = out->has_audit ? BPF_CORE_READ(task, loginuid.val) : kUnset;
  out->session = out->has_audit ? BPF_CORE_READ(task, sessionid) : kUnset;
  out->tty = terminal_of(task);
  out->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
  bpf_core_read(out->comm, sizeof out->comm, &task->comm);
}

// The mount that contains this.
static __always_inline struct mount* mount_of(struct vfsmount* inner) {
  return (struct mount*)((char*)inner - bpf_core_field_offset(((struct mount*)0)->mnt));
}

// Whether it is a mount of guardd's namespace. Those of others hide nothing from the owner: service
// managers and containers make them at each start.
static __always_inline bool is_mounted_here(struct vfsmount* inner) {
  return guard_mount_namespace == 0 ||
         BPF_CORE_READ(mount_of(inner), mnt_ns, ns.inum) == guard_mount_namespace;
}

// Walks from the last name up through every mount to guardd's root, or to that of the mount
// namespace, whatever root the process itself sees. Takes no lock: a concurrent rename can mix old
// and new names.
static __always_inline void note_path(struct TracedPath* out, const struct path* path) {
  struct dentry* dentry = BPF_CORE_READ(path, dentry);
  struct vfsmount* in = BPF_CORE_READ(path, mnt);
  out->length = 0;
  out->whole = 0;
#pragma clang loop unroll(disable)
  for (int step = 0; step < kPathSteps; step++) {
    struct dentry* parent = BPF_CORE_READ(dentry, d_parent);
    struct mount* mount = mount_of(in);
    if ((__u32)BPF_CORE_READ(mount, mnt_id) == guard_root_mount &&
        BPF_CORE_READ(dentry, d_inode, i_ino) == guard_root_inode) {
      out->whole = 1;
      break;
    }
    if (dentry == BPF_CORE_READ(in, mnt_root)) {
      struct mount* above = BPF_CORE_READ(mount, mnt_parent);
      if (above == mount) {
        out->whole = 1;
        break;
      }
      dentry = BPF_CORE_READ(mount, mnt_mountpoint);
      in = (struct vfsmount*)((char*)above + bpf_core_field_offset(above->mnt));
      continue;
    }
    // Read back from the record, so that the verifier does not track every sum of sizes.
    const __u32 length = *(volatile __u32*)&out->length;
    if (dentry == parent || length >= kRecordedPath) break;  // unmounted, a memfd, or too long
    const unsigned char* name = BPF_CORE_READ(dentry, d_name.name);
    const long size =
        bpf_probe_read_kernel_str(out->names + (length & (kRecordedPath - 1)), kRecordedName, name);
    if (size <= 1 || size >= kRecordedName) break;  // unreadable or cut off
    *(volatile __u32*)&out->length = length + (__u32)size;
    dentry = parent;
  }
}
