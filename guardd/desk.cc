#include "guardd/desk.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include "guardd/audit/lessons.h"
#include "guardd/audit/totals.h"
#include "guardd/desk_errand.h"
#include "guardd/host/question.h"
#include "guardd/host/users.h"
#include "guardd/publish/advice.h"
#include "guardd/version.h"
#include "guardd/who/inquiries.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using bus::Refusal;
using bus::Refused;

constexpr std::uint32_t kNoLogin = UINT32_MAX;

TrailFilter trail_filter(const bus::IncidentFilter& asked) {
  TrailFilter filter;
  filter.since = asked.since;
  filter.until = asked.until;
  filter.policy = asked.policy;
  filter.person = asked.login;
  filter.severity = asked.severity;
  filter.path = asked.path;
  filter.command = asked.command;
  filter.incident = asked.incident;
  filter.limit = asked.limit;
  return filter;
}

bus::ToldIncident told(const Incident& incident, bool is_closed) {
  return {incident, is_closed, advice_for(incident.first, incident.command).command};
}

using ToldIncidents = std::vector<bus::ToldIncident>;
std::variant<ToldIncidents, Refused> read_incidents(const std::string& trail,
                                                    const bus::IncidentFilter& asked,
                                                    const std::stop_token& stop) {
  auto reader = TrailReader::open(trail);
  if (!reader) return failed(std::move(reader).error().context("the audit trail"));
  ToldIncidents found;
  const auto read = reader->incidents(trail_filter(asked), [&](const KeptIncident& kept) {
    found.push_back(told(kept.incident, kept.is_closed));
    return !stop.stop_requested() && found.size() < asked.limit;
  });
  if (!read) return failed(Error(read.error()).context("the audit trail"));
  return found;
}

// Nobody but the trusted is told what lies on disk: a path that only root can look at is no secret
// by its policy, but by what is there.
std::shared_ptr<const bus::Explained> explained(std::shared_ptr<const PolicySet> set,
                                                const bus::Asked& asked, bool is_trusted,
                                                Backend backend) {
  auto made = std::make_shared<bus::Explained>();
  made->set = std::move(set);
  made->backend = backend;
  auto account = SystemUsers().user(asked.user);
  const auto number = std::to_string(asked.user.value);
  const auto who =
      account && *account ? **account : Account{number, asked.user, Gid{asked.user.value}};
  made->groups = groups_of(who);
  auto& question = made->question;
  question.user = who.name;
  question.subject.self.uid = who.uid;
  question.subject.self.gid = who.gid;
  question.subject.self.groups = made->groups;
  if (is_trusted) {
    look_there(question, met_as(asked.path));
  } else {
    const auto path = std::filesystem::path(asked.path).lexically_normal();
    question.path = path.has_filename() || !path.has_relative_path() ? path.string()
                                                                     : path.parent_path().string();
    question.unseen = "only root is told what lies there";
  }
  question.operations =
      asked.operation ? std::vector<Operation>{*asked.operation} : all_operations();
  made->explanation = guard::explain(*made->set, question);
  return made;
}

}  // namespace

// Who is named as having asked: the person who logged in, if it is one, for root is many. Only a
// name: what may be done was decided by the bus's own word.
Person person_of(const bus::Caller& caller) {
  auto user = caller.uid;
  std::uint32_t login = kNoLogin;
  if (caller.pid > 0) std::ifstream("/proc/" + std::to_string(caller.pid) + "/loginuid") >> login;
  if (login != kNoLogin) user = Uid{login};
  return {user, local_name(kAccountsFile, user).value_or(std::to_string(user.value))};
}

std::optional<Refused> no_such_policy(const PolicySet& set, const std::string& name) {
  if (set.find_policy(name)) return std::nullopt;
  std::vector<std::string_view> names;
  for (const auto& policy : set.policies()) names.push_back(policy.name());
  const auto near = nearest(name, names);
  return Refused{Refusal::kNoSuchPolicy,
                 "there is no policy " + quote(name) +
                     (near.empty() ? "" : "; did you mean " + quote(near) + "?")};
}

bus::Facts Desk::facts() const {
  const auto in_force = house_.in_force();
  const auto counters = house_.herald.counters();
  bus::Facts facts;
  facts.version = GUARD_VERSION;
  facts.backend = word(house_.source.backend);
  facts.backend_reason = house_.source.why_not_lsm;
  facts.health = word(house_.herald.health());
  for (const auto& reason : house_.herald.health_reasons())
    facts.health_reason += (facts.health_reason.empty() ? "" : "; ") + reason;
  facts.generation = static_cast<std::uint32_t>(in_force.said->generation());
  facts.policy_identity = in_force.said->identity();
  facts.violations = counters.violations;
  facts.denied = counters.denied;
  facts.fixed = counters.fixed;
  facts.lost = counters.lost;
  return facts;
}

std::vector<bus::PolicyFacts> Desk::policies() const {
  return policy_facts(house_.in_force(), house_.source.backend, house_.trees, house_.pauses);
}

void Desk::reload(bus::Reply<bus::Done> reply) {
  house_.reloads.ask([reply = std::move(reply)](const ReloadNews& news) {
    if (news.done) return reply(bus::Done());
    std::string text;
    for (const auto& error : news.errors) text += (text.empty() ? "" : "\n") + error;
    reply(Refused{Refusal::kInvalidPolicy, text});
  });
}

void Desk::explain(const bus::Asked& asked, const bus::Caller& caller, std::stop_token stop,
                   bus::Reply<std::shared_ptr<const bus::Explained>> reply) {
  using Explained = std::shared_ptr<const bus::Explained>;
  send<Explained>(house_.quick, stop, reply,
                  [set = house_.in_force().set, asked, is_trusted = caller.is_trusted,
                   backend = house_.source.backend](const Errands::Place& /*place*/) {
                    return explained(set, asked, is_trusted, backend);
                  });
}

void Desk::pause(const std::string& policy, std::chrono::microseconds length,
                 const std::string& reason, const bus::Caller& caller,
                 bus::Reply<bus::Done> reply) {
  if (const auto refused = no_such_policy(*house_.in_force().said, policy)) return reply(*refused);
  const auto done = house_.pause(policy, length, reason, person_of(caller));
  if (!done) return reply(Refused{Refusal::kInvalidArgument, printable(done.error().text())});
  reply(bus::Done());
}

void Desk::resume(const std::string& policy, const bus::Caller& /*caller*/,
                  bus::Reply<bus::Done> reply) {
  if (const auto refused = no_such_policy(*house_.in_force().said, policy)) return reply(*refused);
  const auto done = house_.resume(policy);
  if (!done) return reply(Refused{Refusal::kInvalidArgument, printable(done.error().text())});
  reply(bus::Done());
}

void Desk::excuse(const bus::Excused& excused, const bus::Caller& caller,
                  bus::Reply<bus::Done> reply) {
  if (const auto& disabled = house_.in_force().disabled)
    return reply(Refused{Refusal::kDisabled, "nothing is refused or put right: " + *disabled});
  const auto done = pardons_.give(excused, person_of(caller));
  if (!done) return reply(failed(done.error()));
  reply(bus::Done());
}

void Desk::incidents(const bus::IncidentFilter& filter, std::stop_token stop,
                     bus::Reply<std::vector<bus::ToldIncident>> reply) {
  // Who was just told of one asks at once, before the trail has it.
  if (const auto* open = house_.herald.open_incident(filter.incident))
    return reply(ToldIncidents{told(*open, false)});
  auto trail = house_.trail();
  if (trail.empty())
    return reply(Refused{Refusal::kFailed, "there is no audit trail to look into"});
  send<ToldIncidents>(house_.quick, stop, reply,
                      [trail = std::move(trail), filter](const Errands::Place& place) {
                        return read_incidents(trail, filter, place.stop());
                      });
}

void Desk::report(const bus::IncidentFilter& filter, std::stop_token stop,
                  bus::Reply<std::shared_ptr<const Report>> reply) {
  auto trail = house_.trail();
  if (trail.empty())
    return reply(Refused{Refusal::kFailed, "there is no audit trail to look into"});
  using MadeReport = std::shared_ptr<const Report>;
  send<MadeReport>(house_.quick, stop, reply,
                   [trail = std::move(trail),
                    filter](const Errands::Place& place) -> std::variant<MadeReport, Refused> {
                     auto made =
                         make_report(trail, trail_filter(filter), filter.limit, place.stop());
                     if (!made) return failed(std::move(made).error().context("the audit trail"));
                     return std::make_shared<const Report>(*std::move(made));
                   });
}

void Desk::learn(const bus::IncidentFilter& filter, std::stop_token stop,
                 bus::Reply<std::shared_ptr<const Lessons>> reply) {
  if (const auto refused = no_such_policy(*house_.in_force().said, filter.policy))
    return reply(*refused);
  auto trail = house_.trail();
  if (trail.empty())
    return reply(Refused{Refusal::kFailed, "there is no audit trail to learn from"});
  using Learnt = std::shared_ptr<const Lessons>;
  send<Learnt>(house_.quick, stop, reply,
               [trail = std::move(trail),
                filter](const Errands::Place& place) -> std::variant<Learnt, Refused> {
                 auto learnt = guard::learn(trail, trail_filter(filter), place.stop());
                 if (!learnt) return failed(std::move(learnt).error().context("the audit trail"));
                 return std::make_shared<const Lessons>(*std::move(learnt));
               });
}

}  // namespace guard
