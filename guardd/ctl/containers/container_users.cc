#include "guardd/ctl/containers/container_users.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <set>
#include <sstream>

#include "guardd/host/users.h"
#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard::containers {
namespace {

std::string link_text(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const auto length = ::readlink(path.c_str(), target.data(), target.size());
  return length < 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(length));
}

// The ids with which a process writes files: the last of the four in /proc/PID/status.
std::optional<std::uint32_t> fourth_number(const std::string& status, std::string_view key) {
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    std::istringstream words(line.substr(key.size()));
    std::uint32_t number = 0;
    for (int i = 0; i < 4; ++i)
      if (!(words >> number)) return std::nullopt;
    return number;
  }
  return std::nullopt;
}

std::optional<ProcessUsers::Ids> ids_in(const std::string& status) {
  const auto uid = fourth_number(status, "Uid:");
  const auto gid = fourth_number(status, "Gid:");
  if (!uid || !gid) return std::nullopt;
  return ProcessUsers::Ids{Uid{*uid}, Gid{*gid}};
}

const Account* account_called(const std::vector<Account>& accounts, const std::string& name) {
  const auto found = std::find_if(accounts.begin(), accounts.end(),
                                  [&](const Account& each) { return each.name == name; });
  return found == accounts.end() ? nullptr : &*found;
}

std::string name_inside(const std::vector<Account>& accounts, std::uint32_t uid) {
  const auto found = std::find_if(accounts.begin(), accounts.end(),
                                  [&](const Account& each) { return each.uid.value == uid; });
  return found == accounts.end() ? std::to_string(uid) : found->name;
}

struct IdMaps {
  IdMap uids;
  IdMap gids;
};

IdMaps maps_of(const Runtime& runtime, const SubordinateIds& subordinate) {
  if (runtime.socket.user) {
    const auto& user = *runtime.socket.user;
    return {IdMap::rootless(user.uid.value, user, subordinate.uids),
            IdMap::rootless(user.gid.value, user, subordinate.gids)};
  }
  if (runtime.remapped_root)
    return {IdMap::remapped(runtime.remapped_root->first, subordinate.uids),
            IdMap::remapped(runtime.remapped_root->second, subordinate.gids)};
  return {IdMap::identity(), IdMap::identity()};
}

std::string on_machine(Uid uid) {
  return "uid " + std::to_string(uid.value) + " on this machine";
}

// Of the processes that run now. None of them counts that is root in the container, if there is any
// other: root starts services, which then run as their own users.
ContainerUserResult from_processes(const std::vector<ProcessUsers::Ids>& all, const IdMaps& maps,
                                   const std::vector<Account>& accounts) {
  const auto root = maps.uids.to_host(0).value_or(0);
  std::set<ProcessUsers::Ids> ids(all.begin(), all.end());
  std::set<std::uint32_t> uids;
  for (const auto& each : ids)
    if (each.uid.value != root) uids.insert(each.uid.value);
  if (uids.size() > 1) return {{}, "its processes run as different users"};
  const Uid uid{uids.empty() ? root : *uids.begin()};
  const auto first =
      std::find_if(ids.begin(), ids.end(), [&](const auto& each) { return each.uid == uid; });
  if (first == ids.end()) return {{}, "its processes cannot be read"};
  const auto inside = maps.uids.to_inside(uid.value);
  const auto name = inside ? name_inside(accounts, *inside) : std::to_string(uid.value);
  return {ContainerUser{uid, first->gid, Uid{root}, name, "its process runs as " + on_machine(uid)},
          {}};
}

// "postgres", "999", "999:999", "postgres:postgres"
ContainerUserResult from_configuration(const Container& container, const IdMaps& maps,
                                       const std::vector<Account>& accounts) {
  const auto colon = container.user.find(':');
  const auto user = container.user.substr(0, colon);
  const auto group = colon == std::string::npos ? "" : container.user.substr(colon + 1);
  if (user.empty() || user == "root" || user == "0")
    return {{}, "it is not running, and its image starts as root and may switch to another user"};
  const auto number = parse_number(user);
  const auto* account = number ? nullptr : account_called(accounts, user);
  if (!number && !account)
    return {{}, "it is not running, and its user " + quote(user) + " is not in its /etc/passwd"};
  const auto inside = number ? *number : account->uid.value;
  const auto name = name_inside(accounts, inside);
  if (number) account = account_called(accounts, name);
  auto inside_group = account ? account->gid.value : 0;
  if (const auto given = parse_number(group)) inside_group = *given;
  const auto uid = maps.uids.to_host(inside);
  const auto gid = maps.gids.to_host(inside_group);
  if (!uid || !gid) return {{}, "its user " + quote(user) + " does not exist on this machine"};
  return {ContainerUser{Uid{*uid}, Gid{*gid}, Uid{maps.uids.to_host(0).value_or(0)}, name,
                        "it is configured with USER " + escaped(container.user) + ", which is " +
                            on_machine(Uid{*uid})},
          {}};
}

}  // namespace

ProcessUsers::ProcessUsers(std::string proc) : proc_(std::move(proc)) {
  own_ = link_text(proc_ + "/self/ns/pid");
  const Handle<DIR, ::closedir> listing(::opendir(proc_.c_str()));
  if (!listing) return;
  while (const auto* entry = ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
    const auto pid = parse_number<std::int32_t>(&entry->d_name[0]);
    if (!pid) continue;
    const auto space = link_text(proc_ + "/" + &entry->d_name[0] + "/ns/pid");
    if (space.empty() || space == own_) continue;
    if (const auto ids = ids_in(text(*pid, "status"))) by_namespace_[space].push_back(*ids);
  }
}

std::vector<ProcessUsers::Ids> ProcessUsers::beside(std::int32_t pid) const {
  const auto space = link_text(proc_ + "/" + std::to_string(pid) + "/ns/pid");
  if (const auto found = by_namespace_.find(space); found != by_namespace_.end())
    return found->second;
  const auto ids = ids_in(text(pid, "status"));
  return ids ? std::vector{*ids} : std::vector<Ids>();
}

std::string ProcessUsers::text(std::int32_t pid, const std::string& file) const {
  const Fd fd(::open((proc_ + "/" + std::to_string(pid) + "/" + file).c_str(),
                     O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, 8192> piece{};
  const auto got = fd ? ::read(fd.get(), piece.data(), piece.size()) : -1;
  return got < 0 ? std::string() : std::string(piece.data(), static_cast<std::size_t>(got));
}

ContainerUserResult user_of(const Runtime& runtime, const Container& container,
                            const ProcessUsers& processes, const SubordinateIds& subordinate,
                            const std::string& passwd) {
  const auto accounts = accounts_in(passwd);
  if (container.pid == 0)
    return from_configuration(container, maps_of(runtime, subordinate), accounts);
  const auto ids = processes.beside(container.pid);
  if (ids.empty()) return {{}, "its processes cannot be read"};
  const IdMaps maps{IdMap::parse(processes.text(container.pid, "uid_map")),
                    IdMap::parse(processes.text(container.pid, "gid_map"))};
  auto result = from_processes(ids, maps, accounts);
  if (result.user || container.user.empty()) return result;
  auto configured = from_configuration(container, maps, accounts);
  return configured.user ? configured : result;
}

bool is_of_user(const Account& account, const SubordinateIds& subordinate, Uid uid) {
  return IdMap::rootless(account.uid.value, account, subordinate.uids)
      .to_inside(uid.value)
      .has_value();
}

}  // namespace guard::containers
