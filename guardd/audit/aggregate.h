// Visits all violations of the audit trail that match a filter, segment by segment. Reads their
// common data in parallel and in the same order, so that no lookups are needed: a million
// violations take one or two seconds, however they are spread over incidents. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "guardd/audit/search.h"
#include "policy/record/record.h"

namespace guard {

struct AggregateSegment {
  std::int64_t incident = 0;
  std::string policy;
  std::optional<Uid> login_uid;
  std::optional<std::string> login_user;
  std::optional<std::string> human;
  Ancestor command;  // of the incident
};

struct AggregateKind {
  Guard guard = Guard::kOwnership;
  Operation operation = Operation::kCreate;
  Outcome action = Outcome::kLogged;
  Uid uid_wanted;
  Gid gid_wanted;
  std::string category;
};

struct AggregateSetting {
  std::optional<std::string> tty;
  std::optional<Uid> fsuid;
  std::optional<std::string> unit;
  std::optional<std::string> container;
  std::optional<std::string> label;
};

struct AggregateViolation {
  std::chrono::system_clock::time_point time;
  std::string path;
  std::optional<Ownership> before;
  std::optional<Ownership> after;
  std::uint64_t count = 1;  // the number of identical violations
};

// Receives the data. The tokens that it returns for kinds, settings, commands and actors are passed
// back with the data that refers to them, until the next segment begins.
class AggregateVisitor {
 public:
  using Token = std::uint32_t;

  AggregateVisitor() = default;
  AggregateVisitor(const AggregateVisitor&) = delete;
  AggregateVisitor& operator=(const AggregateVisitor&) = delete;
  virtual ~AggregateVisitor() = default;

  virtual void segment(const AggregateSegment& segment) = 0;
  virtual Token kind(const AggregateKind& kind) = 0;
  virtual Token setting(const AggregateSetting& setting) = 0;
  virtual Token command(const Ancestor& command) = 0;  // without its process id
  // A record of an older guardd has the command of its incident.
  virtual Token actor(const std::optional<std::string>& exe, Token setting,
                      std::optional<Token> command) = 0;
  virtual void violation(const AggregateViolation& violation, Token kind, Token actor) = 0;
};

// The time of the first and the last violation; empty: the trail is empty.
struct TrailSpan {
  std::chrono::system_clock::time_point first;
  std::chrono::system_clock::time_point last;
};
Result<std::optional<TrailSpan>> trail_span(Database& database);

// Call this in a transaction, so that all data is consistent. Also returns an error if it was asked
// to stop.
Status pass_over(Database& database, const RecordFilter& filter, const std::stop_token& stop,
                 AggregateVisitor& visitor);

}  // namespace guard
