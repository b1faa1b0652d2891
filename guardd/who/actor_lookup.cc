#include "guardd/who/actor_lookup.h"

#include <utility>
#include <vector>

namespace guard {
namespace {

std::vector<WantedProcess> family_of(const Actor& actor) {
  std::vector<WantedProcess> family{{*actor.pid, *actor.start_time, false}};
  for (const auto& above : actor.lineage)
    if (above.pid > 1 && above.start_time != 0 && family.size() < kMostWantedProcesses)
      family.push_back({above.pid, above.start_time, false});
  return family;
}

}  // namespace

ActorLookup::ActorLookup(HelperPort& inquiry, Options options)
    : inquiry_(inquiry), options_(options), names_(options.names), hints_(options.processes) {}

bool ActorLookup::complete(Actor& actor) {
  // Starts all three look-ups at once.
  const bool login = find_name(actor.login_uid, actor.login_user);
  const bool cron = find_name(actor.cron_uid, actor.cron_user);
  const bool hints = find_hints(actor);
  set_human(actor);
  return login && cron && hints;
}

// It has its result, or none will come soon.
template <typename Value>
bool ActorLookup::is_pointless(const LookUp<Value>& look_up) const {
  return look_up.learned || !look_up.asked ||
         std::chrono::steady_clock::now() - *look_up.asked >= options_.patience;
}

// False: it is being looked up.
bool ActorLookup::find_name(const std::optional<Uid>& user, std::optional<std::string>& name) {
  if (!user) return true;
  const auto now = std::chrono::steady_clock::now();
  auto* known = names_.find(*user);
  const bool is_old = known && known->learned && now - *known->learned > options_.good_for;
  if (!known || (is_old && !known->asked)) {
    names_.put(*user).asked = now;
    ask_for_user(inquiry_, *user, [this, user = *user](std::optional<std::string> found) {
      auto& result = names_.put(user);
      result = {std::move(found), std::nullopt, std::chrono::steady_clock::now()};
    });
    known = names_.find(*user);
  }
  name = known->value;
  return is_pointless(*known);
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
