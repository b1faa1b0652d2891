#include "guardd/ctl/run_as/owner.h"

#include <grp.h>
#include <linux/keyctl.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include <cap-ng.h>

#include "guardd/host/users.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

constexpr std::size_t kLargestEntry = std::size_t{1} << 20U;

struct Entry {
  std::string name;
  Gid gid;
  std::string home;
  std::string shell;
};

// The account that the policy names, which matters if several have the same uid.
Result<std::optional<Entry>> account_of(const NamedId<Uid>& owner) {
  std::vector<char> buffer(1024);
  passwd entry{};
  passwd* found = nullptr;
  const auto ask = [&](auto call, auto key) {
    int code = 0;
    while ((code = call(key, &entry, buffer.data(), buffer.size(), &found)) == ERANGE &&
           buffer.size() < kLargestEntry)
      buffer.resize(buffer.size() * 4);
    return code;
  };
  int code = ask(::getpwnam_r, owner.name.c_str());
  if (!found || found->pw_uid != owner.id.value) code = ask(::getpwuid_r, owner.id.value);
  if (!found) {
    // Some systems report a missing account like this.
    if (code == 0 || code == ENOENT || code == ESRCH) return std::optional<Entry>();
    return Error::from_errno(code, "cannot look up the user " + quote(owner.name));
  }
  return std::optional(Entry{found->pw_name, Gid{found->pw_gid}, found->pw_dir, found->pw_shell});
}

bool is_inherited(std::string_view variable) {
  static constexpr std::array<std::string_view, 5> kInherited{"TERM", "COLORTERM", "NO_COLOR",
                                                              "LANG", "TZ"};
  const auto name = variable.substr(0, variable.find('='));
  return name.starts_with("LC_") ||
         std::find(kInherited.begin(), kInherited.end(), name) != kInherited.end();
}

bool all_are(const std::array<std::uint32_t, 3>& ids, std::uint32_t wanted) {
  return std::all_of(ids.begin(), ids.end(), [&](auto id) { return id == wanted; });
}

// With some securebits, the kernel keeps capabilities when the uid changes.
Status drop_capabilities() {
  const Error failed("cannot drop capabilities");
  capng_clear(CAPNG_SELECT_BOTH);
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return failed;
  // Fails only on kernels without ambient capabilities.
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (capng_get_caps_process() != 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
    return failed;
  return {};
}

Status verify_ids(const Owner& owner) {
  const Error failed("cannot drop root privileges");
  std::array<std::uint32_t, 3> uids{};
  std::array<std::uint32_t, 3> gids{};
  if (::getresuid(uids.data(), &uids[1], &uids[2]) != 0 ||
      ::getresgid(gids.data(), &gids[1], &gids[2]) != 0)
    return failed;
  if (!all_are(uids, owner.uid.value) || !all_are(gids, owner.gid.value)) return failed;
  if (owner.uid != kRoot && ::setuid(kRoot.value) == 0) return failed;
  return {};
}

}  // namespace

mode_t mask_for(const WantedState& wanted) {
  if (!wanted.file_mode && !wanted.dir_mode) return 022;
  mode_t mask = 0;
  // The mask is for files and directories: a user who may read a file may enter its directory.
  if (wanted.file_mode)
    mask |= ~(wanted.file_mode->value | (wanted.file_mode->value & 0444U) >> 2U);
  if (wanted.dir_mode) mask |= ~wanted.dir_mode->value;
  return mask & 077U;
}

Result<Owner> owner_of(const Policy& policy) {
  const auto& wanted = policy.wanted;
  Owner owner;
  owner.uid = wanted.owner.id;
  owner.gid = wanted.group.id;
  owner.mask = mask_for(wanted);
  GUARD_TRY(const auto account, account_of(wanted.owner));
  if (!account) {
    owner.groups = {owner.gid.value};
    return owner;
  }
  owner.name = account->name;
  if (account->home.starts_with('/')) owner.home = account->home;
  if (account->shell.starts_with('/')) owner.shell = account->shell;
  for (const auto group : groups_of(Account{account->name, owner.uid, account->gid}))
    owner.groups.push_back(group.value);
  if (owner.uid == kRoot ||
      std::find(owner.groups.begin(), owner.groups.end(), owner.gid.value) != owner.groups.end())
    return owner;
  owner.gid = account->gid;
  owner.remark = escaped(owner.name) + " is not a member of the group " +
                 escaped(wanted.group.name) + " that the policy wants: new files get its own group";
  return owner;
}

Status become(const Owner& owner) {
  if (::geteuid() == kRoot.value) {
    if (::setgroups(owner.groups.size(), owner.groups.data()) != 0)
      return Error::from_errno(errno, "cannot set supplementary groups");
    if (::setresgid(owner.gid.value, owner.gid.value, owner.gid.value) != 0)
      return Error::from_errno(errno, "cannot set the group");
    if (::setresuid(owner.uid.value, owner.uid.value, owner.uid.value) != 0)
      return Error::from_errno(errno, "cannot become " + quote(owner.name));
    if (owner.uid != kRoot) {
      GUARD_CHECK(drop_capabilities());
      // Drops the session keys of root. Fails only on kernels without keys.
      (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    }
    GUARD_CHECK(verify_ids(owner));
  }
  (void)::umask(owner.mask);
  return {};
}

std::vector<std::string> environment_of(const Owner& owner) {
  std::vector<std::string> all{
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=" + owner.home,
      "SHELL=" + owner.shell,
  };
  if (!owner.name.empty()) {
    all.push_back("USER=" + owner.name);
    all.push_back("LOGNAME=" + owner.name);
  }
  for (char** variable = environ; variable && *variable; ++variable)
    if (is_inherited(*variable)) all.emplace_back(*variable);
  return all;
}

}  // namespace guard::ctl
