#include "guardd/ctl/suggest/suggest.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include "guardd/ctl/machine/unit_files.h"
#include "guardd/ctl/suggest/candidates.h"
#include "guardd/ctl/suggest/servers.h"
#include "guardd/ctl/suggest/service.h"
#include "policy/base/text.h"

namespace guard::suggest {
namespace {

// By name or number; nothing if there is no such account.
Result<std::optional<Account>> account_called(const Machine& machine, const std::string& user) {
  const bool is_number = user.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number || user.empty() || user.size() > 9) return machine.users().user(user);
  return machine.users().user(Uid{static_cast<std::uint32_t>(std::stoul(user))});
}

Gid group_of(const Machine& machine, const Service& service, const Account& account) {
  if (service.group.empty()) return account.gid;
  const auto group = machine.users().group(service.group);
  return group && *group ? **group : account.gid;
}

// The name of a unit without its type, after which its policy is named.
std::string stem(const std::string& unit) {
  return unit.substr(0, unit.rfind('.'));
}

// `is_asked`: the user named this unit, so a missing suggestion needs a reason.
void add_service(const Machine& machine, Service service, bool is_asked, Candidates& candidates) {
  const auto leave_out = [&](std::string why) {
    if (is_asked) candidates.leave_out(service.unit, std::move(why));
  };
  const bool has_given = std::any_of(service.places.begin(), service.places.end(),
                                     [](const Place& place) { return place.given; });
  if (service.is_dynamic) {
    if (is_asked || has_given)
      candidates.leave_out(
          service.unit,
          "has DynamicUser=yes: its user exists only while it runs, and systemd sets "
          "the owner of its directories at each start");
    return;
  }
  add_server(service, machine);
  if (service.user.empty())
    return leave_out(
        "runs as root, and is not a known server that switches to another user; for its "
        "directories, "
        "see guardctl suggest --tree");
  if (service.has_own_root)
    return leave_out("has another root directory, so its paths are not those of this machine");
  const auto account = account_called(machine, service.user);
  if (!account || !*account) {
    if (is_asked || has_given)
      candidates.leave_out(
          service.unit,
          "its user " + quote(service.user) +
              (account ? " does not exist" : " cannot be looked up: " + account.error().text()));
    return;
  }
  if (service.places.empty()) leave_out("names no directory that could belong to it");
  for (const auto& [what, why] : service.left_out)
    candidates.leave_out(what + " (" + stem(service.unit) + ")", why);
  for (const auto& place : service.places) {
    Candidate candidate;
    candidate.subject = stem(service.unit);
    candidate.who = escaped(service.unit) + " runs as " + escaped((*account)->name);
    candidate.owner = **account;
    candidate.group = group_of(machine, service, **account);
    candidate.why = {escaped(place.why)};
    candidate.given = place.given;
    candidate.may_be_absent = place.may_be_absent;
    candidate.is_guess = place.is_guess;
    candidate.logs_of_systemd = service.logs_of_systemd;
    candidates.add(place.path, std::move(candidate));
  }
}

std::string full_name(const std::string& unit) {
  return unit.find('.') == std::string::npos || !unit.ends_with(".service") ? unit + ".service"
                                                                            : unit;
}

}  // namespace

Result<Suggestion> suggest_for_units(const Machine& machine, const Request& request) {
  const machine::UnitFiles files(machine);
  std::set<std::string> alive = files.enabled();
  alive.merge(files.running());
  for (auto& instance : server_instances(machine)) alive.insert(std::move(instance));

  std::set<std::string> names;
  std::set<std::string> replaced;  // whose instances are named
  for (const auto& unit : request.units) {
    const auto name = full_name(unit);
    names.insert(name);
    // "postgresql" also means its instances.
    for (const auto& one : alive) {
      const bool is_instance = name.find('@') == std::string::npos
                                   ? one.starts_with(stem(name) + "@")
                                   : name.ends_with("@.service") && one.starts_with(stem(name));
      if (!is_instance) continue;
      names.insert(one);
      replaced.insert(name);
    }
  }
  const bool is_asked = !request.units.empty();
  Candidates candidates(machine, request.present);
  std::set<std::string> seen;
  for (const auto& name : is_asked ? names : alive) {
    if (name.find('/') != std::string::npos) return Error("no unit is called " + quote(name));
    const auto unit = files.load(name);
    if (!unit) {
      if (!is_asked) continue;
      if (unit.error().code() != ENOENT) return unit.error();
      auto known = files.services();  // compared without the common ending
      for (auto& service : known) service = stem(service);
      const auto near = nearest(stem(name), known);
      return Error(
          unit.error().text() +
          (near.empty() ? "" : "; did you mean " + quote(std::string(near) + ".service") + "?"));
    }
    if (unit->name().ends_with("@.service") || !seen.insert(unit->name()).second) continue;
    add_service(machine, service_of(*unit, machine), is_asked && !replaced.contains(name),
                candidates);
  }
  return candidates.finish();
}

Result<Suggestion> suggest_for_trees(const Machine& machine, const std::vector<std::string>& trees,
                                     const PolicySet* present) {
  Candidates candidates(machine, present);
  for (const auto& path : trees) {
    const auto real = machine.real_path(path);
    if (const auto opened = machine.directory(real); !opened) return opened.error();
    Candidate candidate;
    candidate.subject = real.substr(real.rfind('/') + 1);
    candidates.add(path, std::move(candidate));
  }
  return candidates.finish();
}

}  // namespace guard::suggest
