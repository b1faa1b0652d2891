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

struct inode {
  kuid_t i_uid;
};

struct dentry {
  struct dentry* d_parent;
  struct inode* d_inode;
};

struct path {
  struct dentry* dentry;
};

struct file {
  struct path f_path;
  unsigned int f_flags;
};

struct cred {
  kuid_t fsuid;
};

struct task_struct {
  const struct cred* cred;
};

#pragma clang attribute pop
