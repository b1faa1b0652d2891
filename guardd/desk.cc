#include "guardd/desk.h"

#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "guardd/asked_scan.h"
#include "guardd/audit/trail.h"
#include "guardd/host/question.h"
#include "guardd/host/users.h"
#include "guardd/publish/advice.h"
#include "guardd/undo.h"
#include "guardd/version.h"
#include "guardd/who/inquiries.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using bus::Refusal;
using bus::Refused;

constexpr const char* kTooMuch = "too much is being done at once: ask again in a moment";
constexpr std::uint32_t kNoLogin = UINT32_MAX;

// Does the work on a thread and hands its result to the reply, unless nobody waits for it any more.
template <typename T>
void send(Errands& errands, const std::stop_token& stop, const bus::Reply<T>& reply,
          std::function<std::variant<T, Refused>(const Errands::Place&)> work) {
  const bool sent = errands.send(
      [reply, work = std::move(work)](const Errands::Place& place) -> Errands::Finish {
        const auto result = std::make_shared<std::variant<T, Refused>>(work(place));
        return [reply, result] { reply(std::move(*result)); };
      },
      stop);
  if (!sent) reply(Refused{Refusal::kBusy, kTooMuch});
}

Refused failed(const Error& error) {
  return {Refusal::kFailed, printable(error.text())};
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

// Where to look: a policy, a path, or everywhere.
std::optional<Refused> unknown_place(const PolicySet& set, const std::string& where) {
  if (where.empty() || where.starts_with('/')) return std::nullopt;
  return no_such_policy(set, where);
}

Refused not_scanned(const Error& error) {
  return {Refusal::kInvalidArgument, printable(error.text())};
}

std::uint32_t bounded(std::uint64_t number) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(number, UINT32_MAX));
}

// Who is named as having asked: the person who logged in, if it is one, for root is many. Only a
// name: what may be done was decided by the bus's own word.
Person person_of(const bus::Caller& caller) {
  auto user = caller.uid;
  std::uint32_t login = kNoLogin;
  if (caller.pid > 0) std::ifstream("/proc/" + std::to_string(caller.pid) + "/loginuid") >> login;
  if (login != kNoLogin) user = Uid{login};
  return {user, local_name(kAccountsFile, user).value_or(std::to_string(user.value))};
}

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

// What was put right by hand is told like everything else, so that it can be undone.
void Desk::scan(const std::string& where, bool fix, const bus::Caller& /*caller*/,
                std::stop_token stop, bus::Reply<bus::ScanTotals> reply) {
  const auto in_force = house_.in_force();
  if (const auto refused = unknown_place(*in_force.said, where)) return reply(*refused);
  if (fix && in_force.disabled)
    return reply(Refused{Refusal::kDisabled, "nothing is put right: " + *in_force.disabled});
  send<bus::ScanTotals>(
      house_.long_ones, stop, reply,
      [set = in_force.said, where, fix, herald = &house_.herald](
          const Errands::Place& place) -> std::variant<bus::ScanTotals, Refused> {
        ScanProgress progress;
        const auto tell = [&](const AskedFinding& finding) {
          if (!finding.outcome || finding.outcome->what == Remedied::kRight) return;
          place.tell(
              [herald, violation = account_of(*set, finding)] { herald->violation(violation); });
        };
        const auto report = scan_asked(*set, {where, fix, false}, {}, tell, place.stop(), progress);
        if (!report) return not_scanned(report.error());
        return bus::ScanTotals{bounded(report->found), bounded(report->fixed)};
      });
}

void Desk::find_wrong(const std::string& where, std::size_t limit, std::stop_token stop,
                      bus::Reply<std::shared_ptr<const bus::WrongFiles>> reply) {
  const auto set = house_.in_force().said;
  if (const auto refused = unknown_place(*set, where)) return reply(*refused);
  using Listed = std::shared_ptr<const bus::WrongFiles>;
  send<Listed>(
      house_.long_ones, stop, reply,
      [set, where, limit](const Errands::Place& place) -> std::variant<Listed, Refused> {
        auto wrong = std::make_shared<bus::WrongFiles>();
        const auto note = [&](const AskedFinding& finding) {
          if (wrong->files.size() < limit && finding.outcome)
            wrong->files.push_back(account_of(*set, finding));
        };
        ScanProgress progress;
        const auto report = scan_asked(*set, {where, true, true}, {}, note, place.stop(), progress);
        if (!report) return not_scanned(report.error());
        wrong->found = bounded(report->found);
        return wrong;
      });
}

// In two steps, for who reads the trail is not who may wait for a file system.
void Desk::undo(const std::string& incident, const bus::Caller& /*caller*/, std::stop_token stop,
                bus::Reply<std::uint32_t> reply) {
  auto trail = house_.trail();
  if (trail.empty())
    return reply(Refused{Refusal::kFailed, "there is no audit trail, so nobody knows how it was"});
  const auto is_open = house_.herald.open_incident(incident) != nullptr;
  using Fixes = std::shared_ptr<const std::vector<Fix>>;
  const bus::Reply<Fixes> found = [this, stop, reply](const std::variant<Fixes, Refused>& result) {
    if (const auto* refused = std::get_if<Refused>(&result)) return reply(*refused);
    undo_these(std::get<Fixes>(result), stop, reply);
  };
  send<Fixes>(house_.quick, stop, found,
              [trail = std::move(trail), incident,
               is_open](const Errands::Place& /*place*/) -> std::variant<Fixes, Refused> {
                // What has just happened in it may not have been written yet.
                if (is_open) std::this_thread::sleep_for(2 * Trail::kDelay);
                auto reader = TrailReader::open(trail);
                if (!reader) return failed(std::move(reader).error().context("the audit trail"));
                auto fixes = reader->fixes_of(incident);
                if (!fixes) return failed(std::move(fixes).error().context("the audit trail"));
                if (fixes->empty()) {
                  TrailFilter filter;
                  filter.incident = incident;
                  const auto count = reader->count(filter);
                  if (!count || *count == 0)
                    return Refused{
                        Refusal::kNoSuchIncident,
                        "there is no incident " + quote(incident) + ", or it is no longer kept"};
                }
                return std::make_shared<const std::vector<Fix>>(*std::move(fixes));
              });
}

void Desk::undo_these(std::shared_ptr<const std::vector<Fix>> fixes, const std::stop_token& stop,
                      const bus::Reply<std::uint32_t>& reply) {
  send<std::uint32_t>(house_.long_ones, stop, reply,
                      [fixes = std::move(fixes), set = house_.in_force().said,
                       undone = &house_.undone](const Errands::Place& place) {
                        return static_cast<std::uint32_t>(
                            guard::undo(*fixes, *set, *undone, place.stop()).restored);
                      });
}

}  // namespace guard
