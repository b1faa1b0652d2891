#include "guardd/who/actor_lookup.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "guardd/who/container.h"

namespace guard {
namespace {

// For how long an actor with all results is not looked up again.
constexpr std::chrono::milliseconds kRemembered{500};

std::vector<WantedProcess> family_of(const Actor& actor) {
  std::vector<WantedProcess> family{{*actor.pid, *actor.start_time, false}};
  for (const auto& above : actor.lineage)
    if (above.pid > 1 && above.start_time != 0 && family.size() < kMostWantedProcesses)
      family.push_back({above.pid, above.start_time, false});
  return family;
}

}  // namespace

ActorLookup::ActorLookup(HelperPort& inquiry, Options options)
    : inquiry_(inquiry),
      options_(options),
      names_(options.names),
      groups_(options.names),
      hints_(options.processes),
      container_users_(options.names) {}

bool ActorLookup::ends(SteadyTime until) {
  until_ = until;
  return until <= std::chrono::steady_clock::now();
}

template <typename Id>
SteadyTime ActorLookup::find_name(Names<Id>& names, const std::optional<Id>& id,
                                  std::optional<std::string>& name) {
  if (!id) return {};
  const auto now = std::chrono::steady_clock::now();
  auto* known = names.find(*id);
  const bool is_old = known && known->learned && now - *known->learned > options_.good_for;
  if (!known || (is_old && !known->asked)) {
    names.put(*id).asked = now;
    ask_for_name(inquiry_, *id, [&names, id = *id](std::optional<std::string> found) {
      names.put(id) = {std::move(found), std::nullopt, std::chrono::steady_clock::now()};
    });
    known = names.find(*id);
  }
  name = known->value;
  return known->until(options_.patience);
}

bool ActorLookup::complete(Actor& actor) {
  return ends(find_all(actor));
}

bool ActorLookup::complete(Violation& violation) {
  auto& v = violation;
  return ends(
      std::max({find_all(v.actor), find_names(v, v.before, v.owner_before, v.group_before),
                find_names(v, v.after, v.owner_after, v.group_after), find_in_container(v)}));
}

void ActorLookup::expect(const Snapshot& process, Uid owner) {
  if (!process.control_group || container_group(process.control_group->path).empty()) return;
  std::string unused;
  (void)find_in_container(process.control_group->path, owner, unused);
  if (const auto acting = process.fsuid ? process.fsuid : process.euid)
    (void)find_in_container(process.control_group->path, *acting, unused);
}

// Starts all look-ups at once.
SteadyTime ActorLookup::find_all(Actor& actor) {
  const auto until = std::max(
      {find_name(actor.login_uid, actor.login_user), find_name(actor.cron_uid, actor.cron_user),
       find_name(actor.uid, actor.uid_name), find_name(actor.euid, actor.euid_name),
       find_name(actor.fsuid, actor.fsuid_name), find_name(actor.gid, actor.gid_name),
       find_name(actor.egid, actor.egid_name), find_hints(actor)});
  set_human(actor);
  return until;
}

SteadyTime ActorLookup::find_in_container(Violation& violation) {
  const auto& actor = *violation.actor;
  if (!actor.container || !actor.cgroup) return {};
  auto until = find_in_container(*actor.cgroup, violation.uid_wanted, violation.owner_in_container);
  if (const auto acting = actor.fsuid ? actor.fsuid : actor.euid)
    until = std::max(until, find_in_container(*actor.cgroup, *acting, violation.user_in_container));
  return until;
}

SteadyTime ActorLookup::find_in_container(const std::string& cgroup, Uid user, std::string& name) {
  const ContainerUser key{std::string(container_group(cgroup)), user};
  const auto now = std::chrono::steady_clock::now();
  auto* known = container_users_.find(key);
  const auto good_for = known && known->value ? options_.good_for : options_.nameless_for;
  const bool is_old = known && known->learned && now - *known->learned > good_for;
  if (!known || (is_old && !known->asked)) {
    auto& look_up = container_users_.put(key);
    look_up.asked = now;
    if (!look_up.value) look_up.learned.reset();  // wait for the answer once more
    ask_for_container_user(inquiry_, key.container, user,
                           [this, key](std::optional<std::string> found) {
                             auto& result = container_users_.put(key);
                             // Once the container is gone, nothing more can be learned.
                             if (found) result.value = std::move(found);
                             result.asked.reset();
                             result.learned = std::chrono::steady_clock::now();
                           });
    known = container_users_.find(key);
  }
  name = known->value.value_or("");
  return known->until(options_.patience_with_helpers);
}

SteadyTime ActorLookup::find_all(SharedActor& actor) {
  const auto now = std::chrono::steady_clock::now();
  if (actor == given_ && now - completed_at_ < kRemembered) {
    actor = completed_;
    return {};
  }
  auto more = *actor;
  const auto until = find_all(more);
  given_ = actor;
  completed_at_ = until == SteadyTime() ? now : SteadyTime();
  if (more != *completed_) completed_ = std::move(more);
  actor = completed_;
  return until;
}

// The policy may have other names for the wanted ids.
SteadyTime ActorLookup::find_names(const Violation& violation,
                                   const std::optional<Ownership>& state, std::string& owner,
                                   std::string& group) {
  if (!state) return {};
  SteadyTime until;
  const auto find = [&](auto id, auto wanted, const std::string& wanted_name, std::string& name) {
    if (id == wanted && !wanted_name.empty()) {
      name = wanted_name;
      return;
    }
    std::optional<std::string> found;
    until = std::max(until, find_name(std::optional(id), found));
    name = found.value_or("");
  };
  find(state->uid, violation.uid_wanted, violation.owner_wanted, owner);
  find(state->gid, violation.gid_wanted, violation.group_wanted, group);
  return until;
}

SteadyTime ActorLookup::find_hints(Actor& actor) {
  if (!actor.pid || !actor.start_time) return {};
  const ProcessId process{*actor.pid, *actor.start_time};
  auto* known = hints_.find(process);
  if (!known) {
    hints_.put(process).asked = std::chrono::steady_clock::now();
    ask_for_hints(inquiry_, family_of(actor), actor.uid.value_or(kRoot),
                  [this, process](std::optional<Hints> found) {
                    auto& result = hints_.put(process);
                    result = {std::move(found), std::nullopt, std::chrono::steady_clock::now()};
                  });
    known = hints_.find(process);
  }
  if (known->value && !known->value->sudo_user.empty())
    actor.hint_sudo_user = known->value->sudo_user;
  if (known->value && !known->value->ssh.empty()) actor.hint_ssh = known->value->ssh;
  return known->until(options_.patience_with_helpers);
}

void set_human(Actor& actor) {
  if (!actor.login_uid || *actor.login_uid == kRoot || !actor.login_user) return;
  actor.human = actor.login_user;
  actor.human_source = "loginuid";
}

}  // namespace guard
