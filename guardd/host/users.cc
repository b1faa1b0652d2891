#include "guardd/host/users.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "policy/base/handle.h"

namespace guard {
namespace {

constexpr std::size_t kLargestEntry = 1U << 20U;  // a group with thousands of members

// Calls one of the get…_r functions with a buffer that grows until the entry fits.
template <typename Entry, typename Call>
Result<std::optional<Entry>> look_up(std::vector<char>& buffer, const char* what, Call call) {
  for (buffer.resize(1024);; buffer.resize(buffer.size() * 4)) {
    Entry entry{};
    Entry* found = nullptr;
    const int code = call(&entry, buffer.data(), buffer.size(), &found);
    if (found) return std::optional(entry);
    switch (code) {
      case 0:
      case ENOENT:  // getpwnam(3): some implementations say "not found" with one of these
      case ESRCH:
        return std::optional<Entry>();
      case EINTR:
        continue;
      case ERANGE:
        if (buffer.size() < kLargestEntry) continue;
        [[fallthrough]];
      default:
        return Error::from_errno(code, what);
    }
  }
}

Result<std::optional<Account>> as_account(const Result<std::optional<passwd>>& entry) {
  if (!entry) return entry.error();
  if (!*entry) return std::optional<Account>();
  return std::optional(Account{(*entry)->pw_name, Uid{(*entry)->pw_uid}, Gid{(*entry)->pw_gid}});
}

// Only the local files: a directory service with a million names is no place to look for a slip.
template <typename Entry>
std::vector<std::string> local_names(const char* path, Entry* (*next)(std::FILE*),
                                     char* Entry::*name) {
  std::vector<std::string> names;
  const std::unique_ptr<std::FILE, Releaser<std::fclose>> file(std::fopen(path, "re"));
  if (!file) return names;
  while (const Entry* entry = next(file.get())) names.emplace_back(entry->*name);
  return names;
}

}  // namespace

Result<std::optional<Account>> SystemUsers::user(const std::string& name) const {
  std::vector<char> buffer;
  return as_account(look_up<passwd>(
      buffer, "getpwnam", [&](auto... rest) { return ::getpwnam_r(name.c_str(), rest...); }));
}

Result<std::optional<Account>> SystemUsers::user(Uid uid) const {
  std::vector<char> buffer;
  return as_account(look_up<passwd>(
      buffer, "getpwuid", [&](auto... rest) { return ::getpwuid_r(uid.value, rest...); }));
}

Result<std::optional<Gid>> SystemUsers::group(const std::string& name) const {
  std::vector<char> buffer;
  GUARD_TRY(const auto entry, look_up<::group>(buffer, "getgrnam", [&](auto... rest) {
              return ::getgrnam_r(name.c_str(), rest...);
            }));
  if (!entry) return std::optional<Gid>();
  return std::optional(Gid{entry->gr_gid});
}

Result<std::optional<std::string>> SystemUsers::group_name(Gid gid) const {
  std::vector<char> buffer;
  GUARD_TRY(const auto entry, look_up<::group>(buffer, "getgrgid", [&](auto... rest) {
              return ::getgrgid_r(gid.value, rest...);
            }));
  if (!entry) return std::optional<std::string>();
  return std::optional<std::string>(entry->gr_name);
}

std::vector<std::string> SystemUsers::user_names() const {
  return local_names<passwd>(kAccountsFile, ::fgetpwent, &passwd::pw_name);
}

std::vector<std::string> SystemUsers::group_names() const {
  return local_names<::group>("/etc/group", ::fgetgrent, &::group::gr_name);
}

std::set<std::string> local_users(const std::set<std::string>& names) {
  std::set<std::string> found;
  for (auto& name : local_names<passwd>(kAccountsFile, ::fgetpwent, &passwd::pw_name))
    if (names.contains(name)) found.insert(std::move(name));
  return found;
}

std::vector<Gid> groups_of(const Account& account) {
  std::vector<gid_t> numbers(64);
  int count = static_cast<int>(numbers.size());
  while (::getgrouplist(account.name.c_str(), account.gid.value, numbers.data(), &count) < 0 &&
         static_cast<std::size_t>(count) > numbers.size())
    numbers.resize(static_cast<std::size_t>(count));
  std::vector<Gid> groups;
  groups.reserve(static_cast<std::size_t>(std::max(count, 0)));
  for (int i = 0; i < count; ++i) groups.push_back(Gid{numbers[static_cast<std::size_t>(i)]});
  return groups;
}

}  // namespace guard
