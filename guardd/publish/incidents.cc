#include "guardd/publish/incidents.h"

#include <fmt/format.h>

#include <algorithm>

#include "guardd/publish/top_command.h"
#include "policy/record/fields.h"

namespace guard {
namespace {

// Identifies an actor and its command. A login user remains the same through su and sudo; a unit
// stands for itself. A process is identified by its pid and start time, because pids are reused.
std::string key_of(const Violation& violation, const Ancestor& command) {
  const auto& actor = violation.actor;
  std::string who;
  if (actor.login_uid)
    who = fmt::format("login {}", actor.login_uid->value);
  else if (actor.unit)
    who = "unit " + *actor.unit;
  std::string what;
  if (command.pid != 0)
    what = fmt::format("process {} {}", command.pid, command.start_time);
  else
    what = "program " + (command.exe.empty() ? command.comm : command.exe);
  // No part contains a NUL, because each was a C string.
  std::string key = violation.policy;
  key += '\0';
  key += who;
  key += '\0';
  key += what;
  return key;
}

// The fields that all these files share with the first.
FieldSet shared_by(const FixedFiles& files, const Violation& first) {
  auto shared = fields_to_share();
  if (files.count() < 2) return shared;
  auto other = first;
  other.path.clear();
  other.object.inode = 0;
  shared = common_fields(first, other, shared);
  for (auto each = files.read(); each.next();) {
    const auto& file = each.file();
    if (file.type == other.file_type && file.before == other.before && file.after == other.after &&
        file.object.device == other.object.device && file.type != FileType::kDirectory) {
      continue;
    }
    other.file_type = file.type;
    other.before = file.before;
    other.after = file.after;
    other.object.device = file.object.device;
    other.links = file.type == FileType::kDirectory ? 0 : 1;  // not known
    shared = common_fields(first, other, shared);
  }
  return shared;
}

}  // namespace

Incidents::Change Incidents::add(Violation& violation, Clock::time_point now,
                                 const FixedFiles& files) {
  Change change;
  // First, because a command that returns after the quiet time is a new incident, even if the timer
  // is late.
  change.closed = close_due(now);
  auto command = top_command(violation.actor);
  auto key = key_of(violation, command);
  const auto found = open_.find(key);
  change.opened = found == open_.end();
  if (change.opened) {
    while (!order_.empty() && order_.size() >= limits_.open) {
      // The incident that has been quiet for longest has probably ended. Fails safe: if it has not,
      // its next violation opens another incident.
      change.closed.push_back(close_first());
    }
    auto incident = std::make_unique<Incident>();
    incident->id = ids_.next(violation.time);
    incident->first_seen = violation.time;
    incident->last_seen = violation.time;
    incident->command = std::move(command);
    incident->first = violation;
    incident->shared = fields_to_share();
    const auto place = order_.insert(order_.end(), {key, now, std::move(incident)});
    open_.emplace(std::move(key), place);
  } else {
    found->second->last = now;
    order_.splice(order_.end(), order_, found->second);
  }
  auto& incident = *order_.back().incident;
  violation.incident = incident.id;
  if (change.opened) incident.first.incident = incident.id;
  count(incident, violation, files);
  change.incident = &incident;
  return change;
}

void Incidents::count(Incident& incident, const Violation& violation,
                      const FixedFiles& files) const {
  incident.count += 1 + violation.repeats;
  incident.by_outcome[static_cast<std::size_t>(violation.action)] += 1 + violation.repeats;
  // Changes are published once settled, which can be out of order.
  incident.first_seen = std::min(incident.first_seen, violation.time);
  incident.last_seen = std::max(incident.last_seen, violation.time);
  if (incident.count > 1)
    incident.shared = common_fields(incident.first, violation, incident.shared);
  if (!files.empty()) {
    incident.unlisted += files.count();
    incident.shared &= shared_by(files, violation);
  }
  auto& sample = incident.sample;
  const bool known = std::find(sample.begin(), sample.end(), violation.path) != sample.end();
  if (sample.size() < limits_.sample && !known) sample.push_back(violation.path);
}

std::unique_ptr<Incident> Incidents::close_first() {
  auto incident = std::move(order_.front().incident);
  open_.erase(order_.front().key);
  order_.pop_front();
  return incident;
}

std::vector<std::unique_ptr<Incident>> Incidents::close_due(Clock::time_point now) {
  std::vector<std::unique_ptr<Incident>> closed;
  while (!order_.empty() && order_.front().last + limits_.quiet <= now)
    closed.push_back(close_first());
  return closed;
}

std::vector<std::unique_ptr<Incident>> Incidents::close_all() {
  std::vector<std::unique_ptr<Incident>> closed;
  while (!order_.empty()) closed.push_back(close_first());
  return closed;
}

std::optional<Incidents::Clock::time_point> Incidents::next_due() const {
  if (order_.empty()) return std::nullopt;
  return order_.front().last + limits_.quiet;
}

const Incident* Incidents::find(const std::string& id) const {
  for (const auto& each : order_)
    if (each.incident->id == id) return each.incident.get();
  return nullptr;
}

}  // namespace guard
