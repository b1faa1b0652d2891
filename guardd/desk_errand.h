// What the desk has done by others.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>

#include "dbus/manager.h"
#include "guardd/errands.h"
#include "guardd/pauses.h"
#include "policy/base/result.h"
#include "policy/base/text.h"
#include "policy/policy_set.h"

namespace guard {

// Does the work on a thread and hands its result to the reply, unless nobody waits for it any more.
template <typename T>
void send(Errands& errands, const std::stop_token& stop, const bus::Reply<T>& reply,
          std::function<std::variant<T, bus::Refused>(const Errands::Place&)> work) {
  const bool sent = errands.send(
      [reply, work = std::move(work)](const Errands::Place& place) -> Errands::Finish {
        const auto result = std::make_shared<std::variant<T, bus::Refused>>(work(place));
        return [reply, result] { reply(std::move(*result)); };
      },
      stop);
  if (!sent)
    reply(
        bus::Refused{bus::Refusal::kBusy, "too much is being done at once: ask again in a moment"});
}

inline bus::Refused failed(const Error& error) {
  return {bus::Refusal::kFailed, printable(error.text())};
}

// Who is named as having asked.
Person person_of(const bus::Caller& caller);

// Nothing: there is.
std::optional<bus::Refused> no_such_policy(const PolicySet& set, const std::string& name);

}  // namespace guard
