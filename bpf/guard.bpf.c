// The LSM programs: one entry point for each hook, nothing but the way from its arguments to a
// verdict. Hooks by inode and file, not by path: these also see nfsd, overlayfs and io_uring. An
// earlier module's refusal is kept. None may sleep: the walk to a tree's root needs that.
#include "bpf/kernel.bpf.h"
#include "bpf/verdict.bpf.h"

char guard_license[] SEC("license") = "GPL";

SEC("lsm/inode_create")
int BPF_PROG(guard_inode_create, struct inode* dir, struct dentry* dentry, umode_t mode, int ret) {
  return ret ? ret : judge_creation(dentry->d_parent);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(guard_inode_mkdir, struct inode* dir, struct dentry* dentry, umode_t mode, int ret) {
  return ret ? ret : judge_creation(dentry->d_parent);
}

SEC("lsm/inode_mknod")
int BPF_PROG(guard_inode_mknod, struct inode* dir, struct dentry* dentry, umode_t mode, dev_t dev,
             int ret) {
  return ret ? ret : judge_creation(dentry->d_parent);
}

SEC("lsm/inode_symlink")
int BPF_PROG(guard_inode_symlink, struct inode* dir, struct dentry* dentry, const char* old_name,
             int ret) {
  return ret ? ret : judge_creation(dentry->d_parent);
}

SEC("lsm/inode_link")
int BPF_PROG(guard_inode_link, struct dentry* old_dentry, struct inode* dir,
             struct dentry* new_dentry, int ret) {
  return ret ? ret : judge_arrival(new_dentry->d_parent, old_dentry);
}

// An exchange of two names comes as two calls, one for each direction.
SEC("lsm/inode_rename")
int BPF_PROG(guard_inode_rename, struct inode* old_dir, struct dentry* old_dentry,
             struct inode* new_dir, struct dentry* new_dentry, int ret) {
  return ret ? ret : judge_move(old_dentry->d_parent, old_dentry, new_dentry->d_parent);
}

// A file without a name passes no hook of creation, only this one.
SEC("lsm/file_open")
int BPF_PROG(guard_file_open, struct file* file, int ret) {
  if (ret || !(file->f_flags & __O_TMPFILE)) return ret;
  return judge_creation(file->f_path.dentry->d_parent);
}
