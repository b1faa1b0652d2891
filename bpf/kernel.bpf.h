// The few members of the kernel's own structures that the programs read. libbpf moves each access
// to where the running kernel keeps the member, so nothing else of the structures needs to be here:
// no vmlinux.h, and the build needs no particular kernel.
#pragma once

#include <linux/bpf.h>
// Only after it: libbpf's headers build on its types.
#include <asm/fcntl.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

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

struct super_block {
  dev_t s_dev;
};

struct inode {
  umode_t i_mode;
  kuid_t i_uid;
  struct super_block* i_sb;
  unsigned long i_ino;
};

struct qstr {
  const unsigned char* name;
};

struct dentry {
  struct dentry* d_parent;
  struct qstr d_name;
  struct inode* d_inode;
};

struct vfsmount {
  struct dentry* mnt_root;
};

struct mount {
  struct mount* mnt_parent;
  struct dentry* mnt_mountpoint;
  struct vfsmount mnt;
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
  kuid_t fsuid;
  kgid_t fsgid;
  struct group_info* group_info;
};

struct ns_common {
  unsigned int inum;
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
  __u64 id;
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
