#include "guardd/who/actor_lookup.h"

#include <utility>
#include <vector>

#include "guardd/who/container.h"

namespace guard {
namespace {

// A look-up that was too late for one record is there for those of a moment later.
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

// It has its result, or none will come soon.
template <typename Value>
bool ActorLookup::is_pointless(const LookUp<Value>& look_up) const {
  return look_up.learned || !look_up.asked ||
         std::chrono::steady_clock::now() - *look_up.asked >= options_.patience;
}

// False: it is being looked up.
template <typename Id>
bool ActorLookup::find_name(Names<Id>& names, const std::optional<Id>& id,
                            std::optional<std::string>& name) {
  if (!id) return true;
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
  return is_pointless(*known);
}

bool ActorLookup::complete(Actor& actor) {
  // Starts all look-ups at once.
  bool all = find_name(actor.login_uid, actor.login_user);
  all = find_name(actor.cron_uid, actor.cron_user) && all;
  all = find_name(actor.uid, actor.uid_name) && all;
  all = find_name(actor.euid, actor.euid_name) && all;
  all = find_name(actor.fsuid, actor.fsuid_name) && all;
  all = find_name(actor.gid, actor.gid_name) && all;
  all = find_name(actor.egid, actor.egid_name) && all;
  all = find_hints(actor) && all;
  set_human(actor);
  return all;
}

bool ActorLookup::complete(Violation& violation) {
  auto& v = violation;
  bool all = complete_actor(v.actor);
  all = find_names(v, v.before, v.owner_before, v.group_before) && all;
  all = find_names(v, v.after, v.owner_after, v.group_after) && all;
  return find_in_container(v) && all;
}

bool ActorLookup::find_in_container(Violation& violation) {
  const auto& actor = *violation.actor;
  if (!actor.container || !actor.cgroup) return true;
  bool all = find_in_container(actor, violation.uid_wanted, violation.owner_in_container);
  if (const auto acting = actor.fsuid ? actor.fsuid : actor.euid)
    all = find_in_container(actor, *acting, violation.user_in_container) && all;
  return all;
}

bool ActorLookup::find_in_container(const Actor& actor, Uid user, std::string& name) {
  const ContainerUser key{*actor.cgroup, user};
  const auto now = std::chrono::steady_clock::now();
  auto* known = container_users_.find(key);
  const auto good_for = known && known->value ? options_.good_for : options_.nameless_for;
  const bool is_old = known && known->learned && now - *known->learned > good_for;
  if (!known || (is_old && !known->asked)) {
    auto& look_up = container_users_.put(key);
    look_up.asked = now;
    if (!look_up.value) look_up.learned.reset();  // wait for the answer once more
    const auto by = user_of_group(*actor.cgroup).value_or(kRoot);
    ask_for_container_user(inquiry_, key.cgroup, user, by,
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
  return is_pointless(*known);
}

bool ActorLookup::complete_actor(SharedActor& actor) {
  const auto now = std::chrono::steady_clock::now();
  if (actor == given_ && now - completed_at_ < kRemembered) {
    actor = completed_;
    return true;
  }
  auto more = *actor;
  const bool all = complete(more);
  given_ = actor;
  completed_at_ = all ? now : SteadyTime();
  if (more != *completed_) completed_ = std::move(more);
  actor = completed_;
  return all;
}

// The policy may have other names for the wanted ids.
bool ActorLookup::find_names(const Violation& violation, const std::optional<Ownership>& state,
                             std::string& owner, std::string& group) {
  if (!state) return true;
  bool all = true;
  const auto find = [&](auto id, auto wanted, const std::string& wanted_name, std::string& name) {
    if (id == wanted && !wanted_name.empty()) {
      name = wanted_name;
      return;
    }
    std::optional<std::string> found;
    all = find_name(std::optional(id), found) && all;
    name = found.value_or("");
  };
  find(state->uid, violation.uid_wanted, violation.owner_wanted, owner);
  find(state->gid, violation.gid_wanted, violation.group_wanted, group);
  return all;
}

bool ActorLookup::find_hints(Actor& actor) {
  if (!actor.pid || !actor.start_time) return true;
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
  return is_pointless(*known);
}

void set_human(Actor& actor) {
  if (!actor.login_uid || *actor.login_uid == kRoot || !actor.login_user) return;
  actor.human = actor.login_user;
  actor.human_source = "loginuid";
}

}  // namespace guard
