#include "guardd/control/requests.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include "guardd/audit/lessons.h"
#include "guardd/audit/totals.h"
#include "guardd/control/deferred_reply.h"
#include "guardd/host/path_facts.h"
#include "guardd/host/users.h"
#include "guardd/publish/advice.h"
#include "guardd/publish/sentences.h"
#include "guardd/version.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using bus::CallFailure;
using bus::Denial;

constexpr std::uint32_t kNoLogin = UINT32_MAX;

bus::IncidentFields incident_fields(const Incident& incident, bool is_closed,
                                    const bus::Caller& caller) {
  const auto text = !caller.is_trusted ? public_sentence(incident, is_closed)
                    : is_closed        ? closed_sentence(incident)
                                       : opened_sentence(incident);
  return {incident, is_closed, text, advice_for(incident).text()};
}

using IncidentList = std::vector<bus::IncidentFields>;
std::variant<IncidentList, CallFailure> read_incidents(const std::string& trail,
                                                       const RecordFilter& asked,
                                                       const bus::Caller& caller,
                                                       const std::stop_token& stop) {
  auto reader = TrailReader::open(trail);
  if (!reader) return failed(std::move(reader).error().context("the audit trail"));
  IncidentList found;
  const auto read = reader->incidents(asked, [&](const TrailIncident& kept) {
    found.push_back(incident_fields(kept.incident, kept.is_closed, caller));
    return !stop.stop_requested() && found.size() < asked.limit;
  });
  if (!read) return failed(Error(read.error()).context("the audit trail"));
  return found;
}

// Only trusted callers learn what is on disk: the policy of a path is public, but what is there may
// be readable by root only.
std::shared_ptr<const bus::ExplainReply> explain_reply(std::shared_ptr<const PolicySet> set,
                                                       const bus::ExplainRequest& asked,
                                                       bool is_trusted, Backend backend) {
  auto made = std::make_shared<bus::ExplainReply>();
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
    add_path_facts(question, resolved_path(asked.path));
  } else {
    const auto path = std::filesystem::path(asked.path).lexically_normal();
    question.path = path.has_filename() || !path.has_relative_path() ? path.string()
                                                                     : path.parent_path().string();
    question.unseen = "only root is shown what is there";
  }
  question.operations =
      asked.operation ? std::vector<Operation>{*asked.operation} : all_operations();
  made->explanation = guard::explain(*made->set, question);
  return made;
}

}  // namespace

// The user who logged in, if there is one: several people may be root. It is only recorded, and
// does not authorize the request.
Person person_of(const bus::Caller& caller) {
  auto user = caller.uid;
  std::uint32_t login = kNoLogin;
  if (caller.pid > 0) std::ifstream("/proc/" + std::to_string(caller.pid) + "/loginuid") >> login;
  if (login != kNoLogin) user = Uid{login};
  return {user, local_user_name(user).value_or(std::to_string(user.value))};
}

std::optional<CallFailure> no_such_policy(const PolicySet& set, const std::string& name) {
  if (set.find_policy(name)) return std::nullopt;
  return CallFailure{Denial::kNoSuchPolicy,
                     "there is no policy " + quote(name) + did_you_mean(name, set.names())};
}

bus::Facts BusRequests::facts() const {
  const auto& loaded = *context_.policies.loaded();
  const auto counters = context_.dispatcher.counters();
  bus::Facts facts;
  facts.version = GUARD_VERSION;
  facts.backend = word(context_.source.backend);
  facts.backend_reason = context_.source.why_not_lsm;
  facts.health = word(context_.dispatcher.health());
  for (const auto& reason : context_.dispatcher.health_reasons())
    facts.health_reason += (facts.health_reason.empty() ? "" : "; ") + reason;
  facts.generation = static_cast<std::uint32_t>(loaded.generation());
  facts.policy_identity = loaded.identity();
  facts.violations = counters.violations;
  facts.denied = counters.denied;
  facts.fixed = counters.fixed;
  facts.lost = counters.lost;
  facts.answered_late = counters.late;
  facts.answered_unseen = counters.unseen;
  const auto losses = context_.helper_losses();
  facts.helpers_given_up = {{"late", losses.late}, {"broken", losses.broken}};
  facts.helpers_hung = static_cast<std::uint32_t>(losses.hung);
  facts.alerts = context_.alerts();
  return facts;
}

std::vector<bus::PolicyFacts> BusRequests::policies() const {
  auto all = policy_facts(context_.policies, context_.source.backend, context_.trees);
  for (auto& facts : all) facts.beyond_limit = beyond_limit(facts.name);
  return all;
}

void BusRequests::reload(bus::Reply<bus::NoValue> reply) {
  context_.reloads.ask([reply = std::move(reply)](const ReloadNews& news) {
    if (news.done) return reply(bus::NoValue());
    std::string text;
    for (const auto& error : news.errors) text += (text.empty() ? "" : "\n") + error;
    reply(CallFailure{Denial::kInvalidPolicy, text});
  });
}

void BusRequests::explain(const bus::ExplainRequest& asked, const bus::Caller& caller,
                          std::stop_token stop,
                          bus::Reply<std::shared_ptr<const bus::ExplainReply>> reply) {
  using SharedReply = std::shared_ptr<const bus::ExplainReply>;
  send<SharedReply>(
      context_.quick, stop, reply,
      [set = context_.policies.set(), asked, is_trusted = caller.is_trusted,
       backend = context_.source.backend](const BackgroundJobs::JobContext& /*context*/) {
        return explain_reply(set, asked, is_trusted, backend);
      },
      caller.uid);
}

void BusRequests::pause(const std::string& policy, std::chrono::microseconds length,
                        const std::string& reason, const bus::Caller& caller,
                        bus::Reply<bus::NoValue> reply) {
  if (const auto denied = no_such_policy(*context_.policies.loaded(), policy))
    return reply(*denied);
  const auto done = context_.policies.pause(policy, length, reason, person_of(caller));
  if (!done) return reply(CallFailure{Denial::kInvalidArgument, printable(done.error().text())});
  context_.when_watched([reply = std::move(reply)] { reply(bus::NoValue()); });
}

void BusRequests::resume(const std::string& policy, const bus::Caller& /*caller*/,
                         bus::Reply<bus::NoValue> reply) {
  if (const auto denied = no_such_policy(*context_.policies.loaded(), policy))
    return reply(*denied);
  const auto done = context_.policies.resume(policy);
  if (!done) return reply(CallFailure{Denial::kInvalidArgument, printable(done.error().text())});
  context_.when_watched([reply = std::move(reply)] { reply(bus::NoValue()); });
}

void BusRequests::excuse(const bus::ExcuseResult& excused, const bus::Caller& caller,
                         bus::Reply<bus::NoValue> reply) {
  if (const auto& disabled = context_.policies.disabled())
    return reply(CallFailure{Denial::kDisabled, "nothing is denied or fixed: " + *disabled});
  const auto done = excuse_grants_.give(excused, person_of(caller));
  if (!done) return reply(failed(done.error()));
  reply(bus::NoValue());
}

void BusRequests::incidents(const RecordFilter& filter, const bus::Caller& caller,
                            std::stop_token stop,
                            bus::Reply<std::vector<bus::IncidentFields>> reply) {
  // A caller may ask for an incident that is not in the trail yet.
  if (const auto* open = context_.dispatcher.open_incident(filter.incident))
    return reply(IncidentList{incident_fields(*open, false, caller)});
  auto trail = context_.trail();
  if (trail.empty()) return reply(CallFailure{Denial::kFailed, "there is no audit trail"});
  send<IncidentList>(
      context_.quick, stop, reply,
      [trail = std::move(trail), filter, caller](const BackgroundJobs::JobContext& context) {
        return read_incidents(trail, filter, caller, context.stop());
      },
      caller.uid);
}

void BusRequests::report(const RecordFilter& filter, const bus::Caller& caller,
                         std::stop_token stop, bus::Reply<std::shared_ptr<const Report>> reply) {
  auto trail = context_.trail();
  if (trail.empty()) return reply(CallFailure{Denial::kFailed, "there is no audit trail"});
  using MadeReport = std::shared_ptr<const Report>;
  send<MadeReport>(
      context_.quick, stop, reply,
      [trail = std::move(trail),
       filter](const BackgroundJobs::JobContext& context) -> std::variant<MadeReport, CallFailure> {
        auto made = make_report(trail, filter, filter.limit.value_or(0), context.stop());
        if (!made) return failed(std::move(made).error().context("the audit trail"));
        return std::make_shared<const Report>(*std::move(made));
      },
      caller.uid);
}

void BusRequests::learn(const RecordFilter& filter, const bus::Caller& caller, std::stop_token stop,
                        bus::Reply<std::shared_ptr<const Lessons>> reply) {
  if (const auto denied = no_such_policy(*context_.policies.loaded(), filter.policy))
    return reply(*denied);
  auto trail = context_.trail();
  if (trail.empty())
    return reply(CallFailure{Denial::kFailed, "there is no audit trail to learn from"});
  using SharedLessons = std::shared_ptr<const Lessons>;
  send<SharedLessons>(
      context_.quick, stop, reply,
      [trail = std::move(trail), filter](
          const BackgroundJobs::JobContext& context) -> std::variant<SharedLessons, CallFailure> {
        auto lessons = guard::learn(trail, filter, context.stop());
        if (!lessons) return failed(std::move(lessons).error().context("the audit trail"));
        return std::make_shared<const Lessons>(*std::move(lessons));
      },
      caller.uid);
}

}  // namespace guard
