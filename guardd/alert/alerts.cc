#include "guardd/alert/alerts.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace guard {

void Alerts::use(const std::vector<AlertSettings>& settings) {
  auto before = std::exchange(states_, {});
  const auto health = ports_.health();
  for (const auto& each : settings) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const auto& state) {
      return state.settings.name == each.name && state.settings.when.text == each.when.text;
    });
    if (same != before.end()) {
      states_.push_back(std::move(*same));
    } else {
      states_.emplace_back();
      // "health == ok" is met again and again, but not by a start that goes well.
      states_.back().health_was_met = health == Health::kOk && each.when.is_met_by(Health::kOk);
    }
    states_.back().settings = each;
  }
}

void Alerts::violation(const Violation& violation, const Incident& incident) noexcept {
  look_at(violation, incident, 1 + violation.repeats);
}

void Alerts::fixed_files(const Violation& first, const FixedFiles& files,
                         const Incident& incident) noexcept {
  look_at(first, incident, files.count());
}

void Alerts::look_at(const Violation& violation, const Incident& incident,
                     std::uint64_t count) noexcept {
  if (states_.empty()) return;
  try {
    const auto now = ports_.clock();
    for (auto& state : states_) {
      const auto& when = state.settings.when;
      if (!when.is_met_by(violation)) continue;
      if (when.rate &&
          !state.windows.add(*when.rate, group_key(when.rate->group, violation, incident), count,
                             now)) {
        continue;
      }
      if (!state.known.insert(incident.id).second) continue;
      add(state, incident.id, now);
    }
  } catch (const std::exception&) {  // out of memory
    ++lost_;
  }
}

void Alerts::add(State& state, const std::string& incident, SteadyTime now) {
  if (state.waiting) {
    ++state.waiting->more;
    ++state.done.held_back;
    return;
  }
  const auto gather = incident.empty() ? std::chrono::seconds(0) : kLongestGather;
  const auto at = std::max<SteadyTime>(now + gather, state.not_before);
  state.waiting = WaitingStart{at, incident, std::nullopt, 0};
}

void Alerts::incident_closed(const Incident& incident) noexcept {
  try {
    for (auto& state : states_) {
      if (state.known.erase(incident.id) == 0) continue;
      if (!state.waiting || state.waiting->incident != incident.id) continue;
      state.waiting->closed = incident;
      state.waiting->at = std::max(ports_.clock(), state.not_before);
    }
  } catch (const std::exception&) {
    ++lost_;
  }
}

void Alerts::news(News news) noexcept {
  if (!std::holds_alternative<const StopNews*>(news)) return;
  try {
    const auto now = ports_.clock();
    for (auto& state : states_)
      if (state.waiting) (void)start(state, now);
  } catch (const std::exception&) {
    ++lost_;
  }
}

void Alerts::look_at_health(State& state, SteadyTime now) {
  const auto& when = state.settings.when;
  const bool is_met = when.is_met_by(ports_.health());
  if (!is_met) {
    state.health_was_met = false;
    state.health_at.reset();
    state.waiting.reset();  // it has ended before the alert could tell it
    return;
  }
  if (!std::exchange(state.health_was_met, true)) state.health_at = now + when.health->lasting;
  if (!state.health_at || *state.health_at > now) return;
  state.health_at.reset();
  add(state, "", now);
}

// False if the unit's last start has not ended.
bool Alerts::start(State& state, SteadyTime now) {
  if (!ports_.can_start(state.settings)) return false;
  auto waiting = *std::exchange(state.waiting, {});
  state.not_before = now + state.settings.every;
  const AlertReason reason{state.settings.name, state.settings.when.text, ports_.host,
                           std::chrono::system_clock::now(), waiting.more};
  const auto start_with = [&](const AlertFacts& facts) {
    ++state.done.starts;
    state.done.last_start = microseconds_of(reason.time);
    ports_.start(state.settings, facts);
  };
  if (waiting.incident.empty()) {
    start_with(facts_of(reason, ports_.health(), ports_.health_reasons()));
    return true;
  }
  const auto* incident = waiting.closed ? &*waiting.closed : ports_.find(waiting.incident);
  if (incident) start_with(facts_of(reason, *incident));
  return true;
}

std::vector<bus::AlertState> Alerts::states() const {
  std::vector<bus::AlertState> all;
  for (const auto& state : states_) {
    all.push_back(state.done);
    all.back().name = state.settings.name;
    all.back().when = state.settings.when.text;
  }
  return all;
}

std::optional<SteadyTime> Alerts::next() const {
  std::optional<SteadyTime> next;
  const auto add = [&](SteadyTime due) { next = next ? std::min(*next, due) : due; };
  for (const auto& state : states_) {
    if (state.health_at) add(*state.health_at);
    // The end of a start wakes the loop by itself.
    if (state.waiting && ports_.can_start(state.settings)) add(state.waiting->at);
  }
  return next;
}

void Alerts::work(SteadyTime now) {
  for (auto& state : states_) {
    if (state.settings.when.health) look_at_health(state, now);
    if (state.waiting && state.waiting->at <= now) (void)start(state, now);
  }
}

}  // namespace guard
