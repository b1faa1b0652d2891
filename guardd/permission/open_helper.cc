#include "guardd/permission/open_helper.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "guardd/files/object.h"
#include "guardd/helpers/record.h"

namespace guard {
namespace {

constexpr std::array kHelperCapabilities{
    CAP_CHOWN,            // fixing owners
    CAP_FOWNER,           // removing permission bits
    CAP_DAC_READ_SEARCH,  // finding files in trees of other users
    CAP_SETGID,           // acting as the owner
    CAP_SETUID,
};

constexpr std::array kHelperCalls{
    SYS_fchmod,   SYS_fchown,   SYS_name_to_handle_at, SYS_openat2,
    SYS_setfsgid, SYS_setfsuid, SYS_setgroups,         SYS_unlinkat,
};

// Limits this process's file access to what the owner of the tree may do.
class ActingAs {
 public:
  ActingAs(OwnerIds owner, const std::vector<Gid>& all) {
    std::vector<gid_t> groups;
    groups.reserve(all.size());
    for (const auto group : all) groups.push_back(group.value);
    const auto first = groups.empty() ? owner.group.value : groups.front();
    is_limited_ = ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
    (void)::setfsgid(first);
    (void)::setfsuid(owner.user.value);
  }
  ~ActingAs() {
    (void)::setfsuid(0);
    (void)::setfsgid(0);
    (void)::syscall(SYS_setgroups, 0, nullptr);
  }
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  explicit operator bool() const { return is_limited_; }

 private:
  bool is_limited_ = false;
};

Status answer(const HelperRecord& question, int file) {
  switch (static_cast<OpenRequest>(question.kind)) {
    case OpenRequest::kFix:
      if (const auto fix = read_fix(question.contents); fix && file >= 0)
        return fix_new_file(file, *fix);
      break;
    case OpenRequest::kRemove:
      if (const auto removal = read_removal(question.contents)) return remove_made_file(*removal);
      break;
  }
  return Error("the question is not whole");
}

void serve() {
  for (;;) {
    Fd file;
    const auto question = receive_record(kHelperSocket, Patience::kForever, &file);
    if (!question || !*question) return;
    const auto done = answer(**question, file.get());
    file.reset();
    const HelperRecord said{(*question)->number, (*question)->kind, true, write_failure(done)};
    if (!send_record(kHelperSocket, said, Patience::kForever)) return;
  }
}

}  // namespace

const HelperRole kOpenRole{"guardd: opens", kHelperCapabilities, kHelperCalls};

// The opener has just made the file, so it is empty and has at most one name; checked here, because
// what showed that it is new may have been forged, or have changed.
Status fix_new_file(int file, const NewFileFix& fix) {
  struct stat facts {};
  if (::fstat(file, &facts) != 0) return Error::from_errno(errno, "look at the new file");
  if (!S_ISREG(facts.st_mode) || facts.st_size != 0 || facts.st_nlink > 1 ||
      Uid{facts.st_uid} != fix.maker)
    return Error("the file is not new any longer");
  if (fix.mode && ::fchmod(file, fix.mode->value) != 0)
    return Error::from_errno(errno, "change the mode of the new file");
  if (::fchown(file, fix.wanted.user.value, fix.wanted.group.value) != 0)
    return Error::from_errno(errno, "change the owner of the new file");
  return {};
}

Status remove_made_file(const MadeFileRemoval& removal) {
  const auto& path = removal.path;
  const auto slash = path.rfind('/');
  const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
  GUARD_TRY(const auto root, open_tree(removal.tree));
  GUARD_TRY(const auto directory,
            open_object(root, slash == std::string::npos ? std::string() : path.substr(0, slash)));
  const ActingAs owner(removal.owner, removal.groups);
  if (!owner) return Error("guardd cannot act as the owner");
  struct stat there {};
  if (::fstatat(directory.fd.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::from_errno(errno, "find the file");
  if (removal.file.device != there.st_dev || removal.file.inode != there.st_ino ||
      there.st_size != 0 || there.st_nlink != 1)
    return Error("the file has changed");
  if (::unlinkat(directory.fd.get(), name.c_str(), 0) != 0)
    return Error::from_errno(errno, "remove the file");
  return {};
}

int serve_opens() {
  return run_as_helper(kOpenRole, serve);
}

Result<HelperProcess> start_open_helper() {
  return HelperProcess::start(kOpenRole);
}

}  // namespace guard
