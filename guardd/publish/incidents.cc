#include "guardd/publish/incidents.h"

#include <fmt/format.h>

#include <algorithm>

#include "guardd/who/command.h"
#include "policy/record/fields.h"

namespace guard {
namespace {

// Identifies an actor and what it runs. A login user remains the same through su and sudo; a unit
// stands for itself. A process is identified by its pid and start time, because pids are reused.
std::string key_of(const Violation& violation) {
  const auto& actor = *violation.actor;
  std::string who;
  if (actor.login_uid)
    who = fmt::format("login {}", actor.login_uid->value);
  else if (actor.unit)
    who = "unit " + *actor.unit;
  const auto origin = origin_of(actor);
  std::string what;
  if (origin.pid != 0)
    what = fmt::format("process {} {}", origin.pid, origin.start_time);
  else
    what = "program " + (origin.exe.empty() ? origin.comm : origin.exe);
  // No part contains a NUL, because each was a C string.
  std::string key = violation.policy;
  key += '\0';
  key += who;
  key += '\0';
  key += what;
  return key;
}

// Two processes with the same command line count as one command.
bool is_same_command(const Ancestor& a, const Ancestor& b) {
  return a.cmdline == b.cmdline && a.exe == b.exe && a.comm == b.comm;
}

// The commands that come after the first ones are counted with the incident alone.
void count_command(Incident& incident, const Violation& violation) {
  const auto& command = violation.actor->command;
  auto& all = incident.commands;
  auto known = std::find_if(all.begin(), all.end(), [&](const CountedCommand& each) {
    return is_same_command(each.command, command);
  });
  if (known == all.end()) {
    if (all.size() >= Incident::kMostCommands || (command.comm.empty() && command.exe.empty()))
      return;
    known = all.insert(all.end(), {command, 0});
  }
  known->count += 1 + violation.repeats;
}

// The deepest directory that contains all paths so far.
void widen(std::string& directory, std::string_view path) {
  if (directory.empty()) {
    directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    return;
  }
  while (directory != "/" && !(path.starts_with(directory) && path.size() > directory.size() &&
                               path[directory.size()] == '/'))
    directory.resize(std::max<std::size_t>(directory.rfind('/'), 1));
}

// The fields that all these files share with the first.
FieldSet shared_by(const FixedFiles& files, const Violation& first) {
  auto shared = fields_to_share();
  if (files.count() < 2) return shared;
  auto other = first;
  other.path.clear();
  other.object.inode = 0;
  other.times.reset();
  shared = common_fields(first, other, shared);
  for (auto each = files.read(); each.next();) {
    const auto& file = each.file();
    if (file.type == other.file_type && file.before == other.before && file.after == other.after &&
        file.object.device == other.object.device && file.type != FileType::kDirectory) {
      continue;
    }
    other = first;
    set_file(other, file);
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
  auto key = key_of(violation);
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
    incident->command = violation.actor->command;
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
    for (auto each = files.read(); each.next();) widen(incident.directory, each.file().path);
    incident.shared &= shared_by(files, violation);
  }
  if (violation.path.starts_with('/')) widen(incident.directory, violation.path);
  count_command(incident, violation);
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
