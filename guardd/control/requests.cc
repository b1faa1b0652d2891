#include "guardd/control/requests.h"

#include <climits>
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
#include "guardd/who/inquiry.h"
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

// What is known of a path without a look.
PathState unseen_path(const std::string& asked, std::string why) {
  const auto path = std::filesystem::path(asked).lexically_normal();
  PathState state;
  state.path = path.has_filename() || !path.has_relative_path() ? path.string()
                                                                : path.parent_path().string();
  state.unseen = std::move(why);
  return state;
}

void set_subject(bus::ExplainReply& made, Uid user, std::optional<KnownAccount> known) {
  const Account nameless{std::to_string(user.value), user, Gid{user.value}};
  const auto who = known ? known->account : nameless;
  made.groups = known ? std::move(known->groups) : std::vector<Gid>{who.gid};
  made.question.user = who.name;
  made.question.subject.self.uid = user;
  made.question.subject.self.gid = who.gid;
  made.question.subject.self.groups = made.groups;
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

// Helpers look, because the user database and the file system can take long. Only trusted callers
// learn what is on disk: the policy of a path is public, but what is there may be readable by root
// only.
void BusRequests::explain(const bus::ExplainRequest& asked, const bus::Caller& caller,
                          std::stop_token stop,
                          bus::Reply<std::shared_ptr<const bus::ExplainReply>> reply) {
  auto made = std::make_shared<bus::ExplainReply>();
  made->set = context_.policies.set();
  made->backend = context_.source.backend;
  made->question.operations =
      asked.operation ? std::vector<Operation>{*asked.operation} : all_operations();
  const auto end = [made, stop = std::move(stop), reply = std::move(reply)](PathState state) {
    if (stop.stop_requested()) return;
    add_path_state(made->question, std::move(state));
    made->explanation = guard::explain(*made->set, made->question);
    reply(std::shared_ptr<const bus::ExplainReply>(made));
  };
  const auto look = [this, path = asked.path, is_trusted = caller.is_trusted, end] {
    if (!is_trusted) return end(unseen_path(path, "only root is shown what is there"));
    if (path.size() >= PATH_MAX) return end(unseen_path(path, "the path is too long"));
    ask_for_path(context_.helpers, path, [path, end](std::optional<PathState> state) {
      end(state ? *std::move(state) : unseen_path(path, "its file system does not respond"));
    });
  };
  ask_for_account(context_.helpers, asked.user,
                  [made, user = asked.user, look](std::optional<KnownAccount> known) {
                    set_subject(*made, user, std::move(known));
                    look();
                  });
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
