// The LSM programs: one entry point for each hook, nothing but the way from its arguments to a
// verdict. Hooks by inode and file, not by path: these also see nfsd, overlayfs and io_uring. An
// earlier module's refusal is kept. None may sleep: the walk to a tree's root needs that.
#include "bpf/programs/kernel.bpf.h"
#include "bpf/programs/verdict.bpf.h"

char guard_license[] SEC("license") = "GPL";

// ---- what comes to be

SEC("lsm/inode_create")
int BPF_PROG(guard_inode_create, struct inode* dir, struct dentry* dentry, umode_t mode, int ret) {
  return ret ? ret : judge_creation(dentry, kHappeningCreate);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(guard_inode_mkdir, struct inode* dir, struct dentry* dentry, umode_t mode, int ret) {
  return ret ? ret : judge_creation(dentry, kHappeningMkdir);
}

SEC("lsm/inode_mknod")
int BPF_PROG(guard_inode_mknod, struct inode* dir, struct dentry* dentry, umode_t mode, dev_t dev,
             int ret) {
  return ret ? ret : judge_creation(dentry, kHappeningMknod);
}

SEC("lsm/inode_symlink")
int BPF_PROG(guard_inode_symlink, struct inode* dir, struct dentry* dentry, const char* old_name,
             int ret) {
  return ret ? ret : judge_creation(dentry, kHappeningSymlink);
}

SEC("lsm/inode_link")
int BPF_PROG(guard_inode_link, struct dentry* old_dentry, struct inode* dir,
             struct dentry* new_dentry, int ret) {
  return ret ? ret : judge_link(old_dentry, new_dentry);
}

// An exchange of two names comes as two calls, one for each direction.
SEC("lsm/inode_rename")
int BPF_PROG(guard_inode_rename, struct inode* old_dir, struct dentry* old_dentry,
             struct inode* new_dir, struct dentry* new_dentry, int ret) {
  return ret ? ret : judge_move(old_dentry, new_dentry);
}

// ---- what goes

SEC("lsm/inode_unlink")
int BPF_PROG(guard_inode_unlink, struct inode* dir, struct dentry* dentry, int ret) {
  return ret ? ret : judge_act(dentry, kHappeningUnlink, 1 << kGuardDelete);
}

SEC("lsm/inode_rmdir")
int BPF_PROG(guard_inode_rmdir, struct inode* dir, struct dentry* dentry, int ret) {
  return ret ? ret : judge_act(dentry, kHappeningRmdir, 1 << kGuardDelete);
}

// ---- what is opened, written and read

SEC("lsm/file_open")
int BPF_PROG(guard_file_open, struct file* file, int ret) {
  return ret ? ret : judge_open(file);
}

// The file itself is gone by now, and what it was opened from: only its address still tells.
// Attached only while guardd waits for somebody to end.
SEC("lsm/file_free_security")
int BPF_PROG(guard_file_free, struct file* file) {
  if (file->f_mode & kModeWrite) end_writing(file);
  return 0;
}

SEC("lsm/mmap_file")
int BPF_PROG(guard_mmap_file, struct file* file, unsigned long asked, unsigned long granted,
             unsigned long flags, int ret) {
  if (ret || !(guards_in_use & 1 << kGuardContent) || !file || !(granted & kProtWrite)) return ret;
  const unsigned long type = flags & kMapType;
  if (type != kMapShared && type != kMapSharedValidate) return 0;
  if (!is_regular(file->f_inode)) return 0;
  return judge_act(file->f_path.dentry, kHappeningMap, 1 << kGuardContent);
}

SEC("lsm/file_mprotect")
int BPF_PROG(guard_file_mprotect, struct vm_area_struct* area, unsigned long asked,
             unsigned long granted, int ret) {
  if (ret || !(guards_in_use & 1 << kGuardContent) || !(granted & kProtWrite)) return ret;
  struct file* file = area->vm_file;
  if (!file || !(area->vm_flags & kVmShared) || !is_regular(file->f_inode)) return 0;
  return judge_act(file->f_path.dentry, kHappeningMap, 1 << kGuardContent);
}

// ---- attributes

// The same hook: kernels from 6.9 on tell of the mount's mapping of ids first.
SEC("lsm/inode_setattr")
int BPF_PROG(guard_inode_setattr, struct dentry* dentry, struct iattr* change, int ret) {
  return ret ? ret : judge_attributes(dentry, change);
}

SEC("lsm/inode_setattr")
int BPF_PROG(guard_inode_setattr_mapped, void* mapping, struct dentry* dentry, struct iattr* change,
             int ret) {
  return ret ? ret : judge_attributes(dentry, change);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(guard_inode_setxattr, void* mapping, struct dentry* dentry, const char* name,
             const void* value, __u64 size, int flags, int ret) {
  return ret ? ret : judge_xattr(dentry, name, kHappeningSetxattr);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(guard_inode_removexattr, void* mapping, struct dentry* dentry, const char* name,
             int ret) {
  return ret ? ret : judge_xattr(dentry, name, kHappeningRemovexattr);
}

SEC("lsm/inode_set_acl")
int BPF_PROG(guard_inode_set_acl, void* mapping, struct dentry* dentry, const char* name, void* acl,
             int ret) {
  return ret ? ret : judge_act(dentry, kHappeningSetacl, 1 << kGuardAttributes);
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(guard_inode_remove_acl, void* mapping, struct dentry* dentry, const char* name,
             int ret) {
  return ret ? ret : judge_act(dentry, kHappeningSetacl, 1 << kGuardAttributes);
}

SEC("lsm/file_ioctl")
int BPF_PROG(guard_file_ioctl, struct file* file, unsigned int command, unsigned long argument,
             int ret) {
  return ret ? ret : judge_ioctl(file, command);
}

SEC("lsm/file_ioctl_compat")
int BPF_PROG(guard_file_ioctl_compat, struct file* file, unsigned int command,
             unsigned long argument, int ret) {
  return ret ? ret : judge_ioctl(file, command);
}

SEC("lsm/inode_file_setattr")
int BPF_PROG(guard_inode_file_setattr, struct dentry* dentry, void* attributes, int ret) {
  return ret ? ret : judge_act(dentry, kHappeningSetflags, 1 << kGuardAttributes);
}

// ---- mounts

SEC("lsm/sb_mount")
int BPF_PROG(guard_sb_mount, const char* name, const struct path* path, const char* type,
             unsigned long flags, void* data, int ret) {
  if (ret || flags & (kMountRemount | kMountPropagation)) return ret;
  return judge_mount(path->dentry);
}

SEC("lsm/move_mount")
int BPF_PROG(guard_move_mount, const struct path* from, const struct path* to, int ret) {
  return ret ? ret : judge_mount(to->dentry);
}

// Never refused: what was hidden shows again, and a machine that goes down has to unmount.
SEC("lsm/sb_umount")
int BPF_PROG(guard_sb_umount, struct vfsmount* mounted, int flags, int ret) {
  if (!ret) note_unmount(mounted);
  return ret;
}

// ---- processes

// An exemption that a process grants to what it starts has to outlive it.
SEC("tp_btf/sched_process_fork")
int BPF_PROG(guard_fork, struct task_struct* parent, struct task_struct* child) {
  if (guard_exemptions.for_children) inherit(parent, child);
  return 0;
}
