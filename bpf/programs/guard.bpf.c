// The LSM programs: one entry point for each hook, which passes the arguments on to a verdict. The
// hooks are those of inodes and files, not of paths, because these also see nfsd, overlayfs and
// io_uring. A denial by an earlier module is kept. None may sleep: the walk to a tree's root relies
// on that.
#include "bpf/programs/kernel.bpf.h"
#include "bpf/programs/verdict.bpf.h"
#include "bpf/programs/witness.bpf.h"

char guard_license[] SEC("license") = "GPL";

// ---- creating

static __always_inline int on_creation(struct dentry* dentry, __u32 operation) {
  struct TreeHit hit = {};
  forget_creation();
  const bool is_judged = is_guarded(dentry, 1 << kGuardOwnership, &hit);
  if (!hit.tag) return 0;
  // What a service creates is its own, unless a rule wants another owner there.
  if (!is_judged && hit.tag->terms.owner != 0 && !hit.tag->patterns) return 0;
  struct Access access = creation_at(dentry, operation);
  if (is_judged && judge(&access, &hit)) return -EPERM;
  remember_creation(dentry, &hit, &access);
  return 0;
}

SEC("lsm/inode_create")
int BPF_PROG(guard_inode_create, struct inode* dir, struct dentry* dentry, umode_t mode, int ret) {
  return ret ? ret : on_creation(dentry, kEventCreate);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(guard_inode_mkdir, struct inode* dir, struct dentry* dentry, umode_t mode, int ret) {
  return ret ? ret : on_creation(dentry, kEventMkdir);
}

SEC("lsm/inode_mknod")
int BPF_PROG(guard_inode_mknod, struct inode* dir, struct dentry* dentry, umode_t mode, dev_t dev,
             int ret) {
  return ret ? ret : on_creation(dentry, kEventMknod);
}

SEC("lsm/inode_symlink")
int BPF_PROG(guard_inode_symlink, struct inode* dir, struct dentry* dentry, const char* old_name,
             int ret) {
  return ret ? ret : on_creation(dentry, kEventSymlink);
}

// After the four above, with the new inode. Look-ups pass it, too.
SEC("lsm/d_instantiate")
int BPF_PROG(guard_d_instantiate, struct dentry* dentry, struct inode* inode) {
  note_instantiation(dentry, inode);
  return 0;
}

SEC("lsm/inode_link")
int BPF_PROG(guard_inode_link, struct dentry* old_dentry, struct inode* dir,
             struct dentry* new_dentry, int ret) {
  if (ret) return ret;
  struct TreeHit source = {};
  struct TreeHit target = {};
  forget_creation();
  struct inode* object = old_dentry->d_inode;
  if (!object || !(guards_in_use & 1 << kGuardOwnership)) return 0;
  const int answer = judge_link(old_dentry, new_dentry, object, &source, &target);
  if (!answer) note_link(new_dentry, object, &source, &target);
  return answer;
}

// Before the hook below. Attached only while a policy guards against deleting.
SEC("lsm/path_rename")
int BPF_PROG(guard_path_rename, const struct path* old_dir, struct dentry* old_dentry,
             const struct path* new_dir, struct dentry* new_dentry, unsigned int flags, int ret) {
  if (!ret) note_exchange(old_dentry, new_dentry, flags & kRenameExchange);
  return ret;
}

// The kernel calls this twice to exchange two names, once for each direction.
SEC("lsm/inode_rename")
int BPF_PROG(guard_inode_rename, struct inode* old_dir, struct dentry* old_dentry,
             struct inode* new_dir, struct dentry* new_dentry, int ret) {
  if (ret) return ret;
  struct TreeHit source = {};
  struct TreeHit target = {};
  struct inode* object = old_dentry->d_inode;
  if (!object || !(guards_in_use & (1 << kGuardOwnership | 1 << kGuardDelete))) return 0;
  const int answer = judge_move(old_dentry, new_dentry, object, &source, &target);
  if (!answer) note_move(old_dentry, new_dentry, object, &source, &target);
  return answer;
}

// ---- deleting

SEC("lsm/inode_unlink")
int BPF_PROG(guard_inode_unlink, struct inode* dir, struct dentry* dentry, int ret) {
  return ret ? ret : judge_operation(dentry, kEventUnlink, 1 << kGuardDelete);
}

SEC("lsm/inode_rmdir")
int BPF_PROG(guard_inode_rmdir, struct inode* dir, struct dentry* dentry, int ret) {
  return ret ? ret : judge_operation(dentry, kEventRmdir, 1 << kGuardDelete);
}

// ---- opening, writing and reading

SEC("lsm/file_open")
int BPF_PROG(guard_file_open, struct file* file, int ret) {
  return ret ? ret : judge_open(file);
}

// Attached only while guardd waits for a file to be closed.
SEC("lsm/file_free_security")
int BPF_PROG(guard_file_free, struct file* file) {
  if (file->f_mode & kModeWrite) report_close(file);
  return 0;
}

SEC("lsm/mmap_file")
int BPF_PROG(guard_mmap_file, struct file* file, unsigned long asked, unsigned long granted,
             unsigned long flags, int ret) {
  if (ret || !(guards_in_use & 1 << kGuardContent) || !file || !(granted & kProtWrite)) return ret;
  const unsigned long type = flags & kMapType;
  if (type != kMapShared && type != kMapSharedValidate) return 0;
  if (!is_regular(file->f_inode)) return 0;
  return judge_operation(file->f_path.dentry, kEventMap, 1 << kGuardContent);
}

SEC("lsm/file_mprotect")
int BPF_PROG(guard_file_mprotect, struct vm_area_struct* area, unsigned long asked,
             unsigned long granted, int ret) {
  if (ret || !(guards_in_use & 1 << kGuardContent) || !(granted & kProtWrite)) return ret;
  struct file* file = area->vm_file;
  if (!file || !(area->vm_flags & kVmShared) || !is_regular(file->f_inode)) return 0;
  return judge_operation(file->f_path.dentry, kEventMap, 1 << kGuardContent);
}

// ---- attributes

static __always_inline int on_setattr(struct dentry* dentry, struct iattr* change) {
  const __u32 what = change->ia_valid;  // mostly times
  __u32 guards = 0;
  if (what & (kAttrMode | kAttrUid | kAttrGid))
    guards |= 1 << kGuardOwnership | 1 << kGuardAttributes;
  if (what & kAttrSize && !(what & kAttrOpen)) guards |= 1 << kGuardContent;
  if (!(guards & guards_in_use)) return 0;
  struct inode* object = dentry->d_inode;
  struct TreeHit hit = {};
  if (!object || find_tree(dentry, &hit) == kPlaceOutside) return 0;
  if (!hit.tag) unknown_place();
  const int answer = hit.tag ? judge_attributes(dentry, object, change, &hit) : 0;
  if (!answer) note_attributes(dentry, object, change, &hit);
  return answer;
}

// The same hook twice: since Linux 6.9 its first argument is the id mapping of the mount.
SEC("lsm/inode_setattr")
int BPF_PROG(guard_inode_setattr, struct dentry* dentry, struct iattr* change, int ret) {
  return ret ? ret : on_setattr(dentry, change);
}

SEC("lsm/inode_setattr")
int BPF_PROG(guard_inode_setattr_mapped, void* mapping, struct dentry* dentry, struct iattr* change,
             int ret) {
  return ret ? ret : on_setattr(dentry, change);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(guard_inode_setxattr, void* mapping, struct dentry* dentry, const char* name,
             const void* value, __u64 size, int flags, int ret) {
  return ret ? ret : judge_xattr(dentry, name, kEventSetxattr);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(guard_inode_removexattr, void* mapping, struct dentry* dentry, const char* name,
             int ret) {
  return ret ? ret : judge_xattr(dentry, name, kEventRemovexattr);
}

SEC("lsm/inode_set_acl")
int BPF_PROG(guard_inode_set_acl, void* mapping, struct dentry* dentry, const char* name, void* acl,
             int ret) {
  return ret ? ret : judge_operation(dentry, kEventSetacl, 1 << kGuardAttributes);
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(guard_inode_remove_acl, void* mapping, struct dentry* dentry, const char* name,
             int ret) {
  return ret ? ret : judge_operation(dentry, kEventSetacl, 1 << kGuardAttributes);
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
  return ret ? ret : judge_operation(dentry, kEventSetflags, 1 << kGuardAttributes);
}

// ---- mounts

SEC("lsm/sb_mount")
int BPF_PROG(guard_sb_mount, const char* name, const struct path* path, const char* type,
             unsigned long flags, void* data, int ret) {
  if (ret || flags & (kMountRemount | kMountPropagation)) return ret;
  return judge_mount(path);
}

SEC("lsm/move_mount")
int BPF_PROG(guard_move_mount, const struct path* from, const struct path* to, int ret) {
  return ret ? ret : judge_mount(to);
}

// Never denied: hidden files show again, and a machine that shuts down must unmount.
SEC("lsm/sb_umount")
int BPF_PROG(guard_sb_umount, struct vfsmount* mounted, int flags, int ret) {
  if (!ret) report_unmount(mounted);
  return ret;
}

// ---- processes

// An exemption for children must outlive the process that grants it.
SEC("tp_btf/sched_process_fork")
int BPF_PROG(guard_fork, struct task_struct* parent, struct task_struct* child) {
  if (guard_exemptions.for_children) inherit(parent, child);
  return 0;
}
