// The members of kernel structures that the programs read. libbpf relocates each access to the
// layout of the running kernel, so no other members are needed here: there is no vmlinux.h, and the
// build needs no particular kernel.
#pragma once

#include <linux/bpf.h>
// After linux/bpf.h, because libbpf's headers use its types.
#include <asm/fcntl.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <stdbool.h>

#include <asm-generic/errno-base.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef unsigned short umode_t;
typedef __u32 dev_t;

typedef struct {
  __u32 val;
} kuid_t;

typedef struct {
  __u32 val;
} kgid_t;

typedef struct {
  int counter;
} atomic_t;

struct dentry;

struct super_block {
  dev_t s_dev;
  unsigned long s_magic;
  struct dentry* s_root;
};

struct timespec64 {
  __s64 tv_sec;
  long tv_nsec;
};

struct inode {
  umode_t i_mode;
  kuid_t i_uid;
  kgid_t i_gid;
  struct super_block* i_sb;
  unsigned long i_ino;
  unsigned int i_nlink;
  __u32 i_generation;
  __s64 i_size;
  struct timespec64 i_mtime;
  struct timespec64 i_ctime;
};

struct inode___hidden {
  struct timespec64 __i_mtime;
  struct timespec64 __i_ctime;
};

struct inode___split {
  __s64 i_mtime_sec;
  __s64 i_ctime_sec;
  __u32 i_mtime_nsec;
  __u32 i_ctime_nsec;
};

struct iattr {
  unsigned int ia_valid;
  umode_t ia_mode;
  kuid_t ia_uid;
  kgid_t ia_gid;
};

struct qstr {
  __u32 hash;
  __u32 len;
  const unsigned char* name;
};

struct hlist_bl_node {
  struct hlist_bl_node** pprev;
};

struct dentry {
  struct hlist_bl_node d_hash;
  struct dentry* d_parent;
  struct qstr d_name;
  struct inode* d_inode;
  struct super_block* d_sb;
};

struct vfsmount {
  struct dentry* mnt_root;
};

struct ns_common {
  unsigned int inum;
};

struct mnt_namespace {
  struct ns_common ns;
};

struct mount {
  struct mount* mnt_parent;
  struct dentry* mnt_mountpoint;
  struct vfsmount mnt;
  struct mnt_namespace* mnt_ns;
  int mnt_id;
};

struct path {
  struct vfsmount* mnt;
  struct dentry* dentry;
};

struct file {
  struct path f_path;
  struct inode* f_inode;
  unsigned int f_flags;
  unsigned int f_mode;
};

struct vm_area_struct {
  unsigned long vm_flags;
  struct file* vm_file;
};

struct fs_struct {
  struct path pwd;
};

struct group_info {
  int ngroups;
  kgid_t gid[0];
};

struct cred {
  kuid_t uid;
  kuid_t euid;
  kgid_t egid;
  kuid_t fsuid;
  kgid_t fsgid;
  struct group_info* group_info;
};

struct pid_namespace {
  struct ns_common ns;
};

struct upid {
  int nr;
  struct pid_namespace* ns;
};

struct pid {
  unsigned int level;
  struct upid numbers[0];
};

struct kernfs_node {
  struct kernfs_node* parent;
  const char* name;
  __u64 id;
};

struct kernfs_node___new {
  struct kernfs_node* __parent;
};

struct cgroup_root {
  int hierarchy_id;
};

struct cgroup {
  struct kernfs_node* kn;
  struct cgroup_root* root;
};

struct css_set {
  struct cgroup* dfl_cgrp;
};

struct tty_driver {
  int major;
  int minor_start;
};

struct tty_struct {
  struct tty_driver* driver;
  int index;
};

struct signal_struct {
  atomic_t live;
  struct tty_struct* tty;
};

struct mm_struct {
  unsigned long arg_start;
  unsigned long arg_end;
  struct file* exe_file;
};

struct task_struct {
  struct mm_struct* mm;
  int pid;
  int tgid;
  struct task_struct* real_parent;
  struct task_struct* group_leader;
  struct pid* thread_pid;
  __u64 start_boottime;
  const struct cred* cred;
  char comm[16];
  struct fs_struct* fs;
  struct signal_struct* signal;
  kuid_t loginuid;
  unsigned int sessionid;
  struct css_set* cgroups;
};

#pragma clang attribute pop

// Constants that the kernel does not export to user space.
enum {
  kModeRead = 0x1,
  kModeWrite = 0x2,
  kModeCreated = 0x100000,

  kAttrMode = 1 << 0,
  kAttrUid = 1 << 1,
  kAttrGid = 1 << 2,
  kAttrSize = 1 << 3,
  kAttrForce = 1 << 9,
  kAttrKillSuid = 1 << 11,
  kAttrKillSgid = 1 << 12,
  kAttrOpen = 1 << 15,

  kTypeMask = 0170000,
  kTypeRegular = 0100000,
  kTypeDirectory = 0040000,
  kModeBits = 07777,

  kProtWrite = 0x2,
  kMapShared = 0x01,
  kMapSharedValidate = 0x03,
  kMapType = 0x0f,
  kVmShared = 0x8,

  kRenameExchange = 1 << 1,

  kMountRemount = 1 << 5,
  kMountPropagation = 1 << 17 | 1 << 18 | 1 << 19 | 1 << 20,
};
