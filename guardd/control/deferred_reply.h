// Replies to bus requests that background jobs answer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>

#include "dbus/service/manager.h"
#include "guardd/base/background_jobs.h"
#include "guardd/control/pauses.h"
#include "policy/base/result.h"
#include "policy/base/text.h"
#include "policy/policy_set.h"

namespace guard {

// Does the work on a thread and sends its result as the reply, unless `stop` is requested.
template <typename T>
void send(BackgroundJobs& jobs, const std::stop_token& stop, const bus::Reply<T>& reply,
          std::function<std::variant<T, bus::CallFailure>(const BackgroundJobs::JobContext&)> work,
          Uid user = Uid{0}) {
  const bool sent = jobs.send(
      [reply, work = std::move(work)](
          const BackgroundJobs::JobContext& context) -> BackgroundJobs::Finish {
        const auto result = std::make_shared<std::variant<T, bus::CallFailure>>(work(context));
        return [reply, result] { reply(std::move(*result)); };
      },
      stop, user);
  if (!sent) reply(bus::CallFailure{bus::Denial::kBusy, "guardd is busy: try again in a moment"});
}

inline bus::CallFailure failed(const Error& error) {
  return {bus::Denial::kFailed, printable(error.text())};
}

// The person who is recorded as having made a request.
Person person_of(const bus::Caller& caller);

// Nothing if there is a policy of this name.
std::optional<bus::CallFailure> no_such_policy(const PolicySet& set, const std::string& name);

}  // namespace guard
