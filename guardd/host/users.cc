#include "guardd/host/users.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <utility>

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
      case ENOENT:  // getpwnam(3): some implementations report "not found" like this
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

template <typename Entry, typename Visit>
void each_entry(std::FILE* opened, int (*next)(std::FILE*, Entry*, char*, std::size_t, Entry**),
                Visit visit) {
  const Handle<std::FILE, std::fclose> file(opened);
  Entry entry{};
  Entry* found = nullptr;
  std::vector<char> buffer(kLargestEntry);
  while (file && next(file.get(), &entry, buffer.data(), buffer.size(), &found) == 0 && found)
    visit(*found);
}

std::FILE* as_file(std::string_view text) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): "r" only reads it
  return ::fmemopen(const_cast<char*>(text.data()), text.size(), "r");
}

using Names = std::vector<std::pair<std::string, std::uint32_t>>;  // and their ids

// Only the local files: searching a directory service for a misspelled name could take minutes.
template <typename Entry>
Names local_entries(const std::string& path,
                    int (*next)(std::FILE*, Entry*, char*, std::size_t, Entry**),
                    char* Entry::*name, std::uint32_t Entry::*id) {
  Names names;
  each_entry(std::fopen(path.c_str(), "re"), next,
             [&](const Entry& entry) { names.emplace_back(entry.*name, entry.*id); });
  return names;
}

Names local_accounts(const std::string& path) {
  return local_entries<passwd>(path, ::fgetpwent_r, &passwd::pw_name, &passwd::pw_uid);
}

std::vector<std::string> without_ids(const Names& entries) {
  std::vector<std::string> names;
  for (const auto& [name, id] : entries) names.push_back(name);
  return names;
}

Names local_groups(const std::string& path) {
  return local_entries<::group>(path, ::fgetgrent_r, &::group::gr_name, &::group::gr_gid);
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
  return without_ids(local_accounts(kAccountsFile));
}

std::vector<std::string> SystemUsers::group_names() const {
  return without_ids(local_groups(kGroupsFile));
}

std::optional<std::string> local_user_name(Uid user, const std::string& accounts) {
  for (auto& [name, id] : local_accounts(accounts))
    if (id == user.value) return std::move(name);
  return std::nullopt;
}

std::optional<std::string> local_group_name(Gid group, const std::string& groups) {
  for (auto& [name, id] : local_groups(groups))
    if (id == group.value) return std::move(name);
  return std::nullopt;
}

std::vector<Account> accounts_in(std::string_view text) {
  std::vector<Account> accounts;
  each_entry<passwd>(as_file(text), ::fgetpwent_r, [&](const passwd& entry) {
    accounts.push_back({entry.pw_name, Uid{entry.pw_uid}, Gid{entry.pw_gid}});
  });
  return accounts;
}

std::vector<std::pair<std::string, Gid>> groups_in(std::string_view text) {
  std::vector<std::pair<std::string, Gid>> groups;
  each_entry<::group>(as_file(text), ::fgetgrent_r, [&](const ::group& entry) {
    groups.emplace_back(entry.gr_name, Gid{entry.gr_gid});
  });
  return groups;
}

std::set<std::string> local_users(const std::set<std::string>& names) {
  std::set<std::string> found;
  for (auto& [name, id] : local_accounts(kAccountsFile))
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

bool is_alone_in(const std::string& account, Gid group) {
  std::vector<char> buffer;
  const auto entry = look_up<::group>(
      buffer, "getgrgid", [&](auto... rest) { return ::getgrgid_r(group.value, rest...); });
  if (!entry || !*entry) return false;
  for (auto* const* member = (*entry)->gr_mem; *member; ++member)
    if (*member != account) return false;
  bool is_alone = true;
  each_entry(std::fopen(kAccountsFile, "re"), ::fgetpwent_r, [&](const passwd& each) {
    if (each.pw_gid == group.value && each.pw_name != account) is_alone = false;
  });
  return is_alone;
}

std::optional<std::string> user_name(Uid uid) {
  const auto account = SystemUsers().user(uid);
  return account && *account ? std::optional((*account)->name) : std::nullopt;
}

std::optional<std::string> group_name(Gid gid) {
  const auto name = SystemUsers().group_name(gid);
  return name ? *name : std::nullopt;
}

std::string owner_name(Uid uid, Gid gid) {
  return user_name(uid).value_or(std::to_string(uid.value)) + ':' +
         group_name(gid).value_or(std::to_string(gid.value));
}

}  // namespace guard
