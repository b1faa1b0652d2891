#include "guardd/audit/aggregate.h"

#include <memory>
#include <utility>
#include <vector>

#include "guardd/audit/columns.h"
#include "policy/record/fixed_files.h"

namespace guard {
namespace {

using Token = AggregateVisitor::Token;

constexpr unsigned kRowsAtOnce = 1'024;  // between two checks of the stop token

template <typename Id>
std::optional<Id> id_of(const std::optional<std::int64_t>& value) {
  return value ? std::optional(Id{static_cast<std::uint32_t>(*value)}) : std::nullopt;
}

// A word of a newer guardd counts as the first.
template <typename E>
E word_of(std::int64_t number) {
  const auto most = static_cast<std::int64_t>(Words<E>::kAll.size());
  return number >= 0 && number < most ? static_cast<E>(number) : E{};
}

// Rows in the order of their segments, the first column.
class Rows {
 public:
  Rows(std::unique_ptr<const Condition> query, Statement statement)
      : query_(std::move(query)), statement_(std::move(statement)) {
    query_->bind_to(statement_);
  }

  Status advance() {
    GUARD_TRY(there_, statement_.next());
    if (there_) segment_ = statement_.number();
    return {};
  }
  // Calls take(statement) for each row of the segment; skips rows of earlier segments.
  template <typename Take>
  Status each_of(std::int64_t segment, Take take) {
    while (there_ && segment_ < segment) GUARD_CHECK(advance());
    while (there_ && segment_ == segment) {
      GUARD_CHECK(take(statement_));
      GUARD_CHECK(advance());
    }
    return {};
  }
  bool is_there() const { return there_; }
  std::int64_t segment() const { return segment_; }
  Statement& statement() { return statement_; }

 private:
  std::unique_ptr<const Condition> query_;  // must not move: the statement refers to it
  Statement statement_;
  bool there_ = false;
  std::int64_t segment_ = 0;
};

// The tokens of rows that are numbered within a segment, from 0 on.
class Tokens {
 public:
  void clear() { tokens_.clear(); }
  Status put(std::int64_t number, Token token) {
    if (number != static_cast<std::int64_t>(tokens_.size())) return broken();
    tokens_.push_back(token);
    return {};
  }
  Result<Token> at(std::int64_t number) const {
    if (number < 0 || number >= static_cast<std::int64_t>(tokens_.size())) return broken();
    return tokens_[static_cast<std::size_t>(number)];
  }

 private:
  static Error broken() { return Error("it is damaged: a row refers to a missing row"); }

  std::vector<Token> tokens_;
};

class Aggregation {
 public:
  Aggregation(Database& database, const RecordFilter& filter, const std::stop_token& stop,
              AggregateVisitor& visitor)
      : database_(database),
        asked_(segment_condition(filter)),
        since_(filter.since ? micros_of(*filter.since) : 0),
        until_(filter.until ? micros_of(*filter.until) : kEver),
        rows_asked_(row_condition(filter)),
        stop_(stop),
        visitor_(visitor) {}

  Status run() {
    GUARD_TRY(const bool any, bound());
    if (!any) return {};
    GUARD_TRY(auto segments, segments_in_time());
    GUARD_TRY(auto kinds,
              rows_of("kinds", "guard, operation, action, uid_wanted, gid_wanted, category"));
    GUARD_TRY(auto settings, rows_of("settings", "tty, fsuid, unit, container, label"));
    GUARD_TRY(auto commands, rows_of("commands", "comm, exe, cmdline"));
    GUARD_TRY(auto actors, rows_of("actors", "exe, setting, command"));
    GUARD_TRY(auto violations, violations_in_time());
    for (;;) {
      GUARD_CHECK(segments.advance());
      if (!segments.is_there()) return {};
      const auto segment = segments.segment();
      visitor_.segment(read_segment(segments.statement()));
      GUARD_CHECK(read_kinds(kinds, segment));
      GUARD_CHECK(read_settings(settings, segment));
      GUARD_CHECK(read_commands(commands, segment));
      GUARD_CHECK(read_actors(actors, segment));
      GUARD_CHECK(violations.each_of(
          segment, [this](Statement& row) { return read_violation_of_segment(row); }));
    }
  }

 private:
  static AggregateSegment read_segment(Statement& row) {
    AggregateSegment segment;
    segment.incident = row.number();
    segment.policy = row.bytes();
    segment.login_uid = id_of<Uid>(row.number_if_any());
    segment.login_user = row.bytes_if_any();
    segment.human = row.bytes_if_any();
    segment.command.comm = row.bytes();
    segment.command.exe = row.bytes();
    segment.command.cmdline = row.bytes();
    return segment;
  }

  Status read_kinds(Rows& kinds, std::int64_t segment) {
    kinds_.clear();
    return kinds.each_of(segment, [this](Statement& row) {
      const auto number = row.number();
      AggregateKind kind;
      kind.guard = word_of<Guard>(row.number());
      kind.operation = word_of<Operation>(row.number());
      kind.action = word_of<Outcome>(row.number());
      kind.uid_wanted = Uid{static_cast<std::uint32_t>(row.number())};
      kind.gid_wanted = Gid{static_cast<std::uint32_t>(row.number())};
      kind.category = row.bytes();
      return kinds_.put(number, visitor_.kind(kind));
    });
  }

  Status read_settings(Rows& settings, std::int64_t segment) {
    settings_.clear();
    return settings.each_of(segment, [this](Statement& row) {
      const auto number = row.number();
      AggregateSetting setting;
      setting.tty = row.bytes_if_any();
      setting.fsuid = id_of<Uid>(row.number_if_any());
      setting.unit = row.bytes_if_any();
      setting.container = row.bytes_if_any();
      setting.label = row.bytes_if_any();
      return settings_.put(number, visitor_.setting(setting));
    });
  }

  Status read_commands(Rows& commands, std::int64_t segment) {
    commands_.clear();
    return commands.each_of(segment, [this](Statement& row) {
      const auto number = row.number();
      Ancestor command;
      command.comm = row.bytes();
      command.exe = row.bytes();
      command.cmdline = row.bytes();
      return commands_.put(number, visitor_.command(command));
    });
  }

  Status read_actors(Rows& actors, std::int64_t segment) {
    actors_.clear();
    return actors.each_of(segment, [this](Statement& row) -> Status {
      const auto number = row.number();
      const auto exe = row.bytes_if_any();
      GUARD_TRY(const auto setting, settings_.at(row.number()));
      std::optional<Token> command;
      if (const auto which = row.number_if_any()) {
        GUARD_TRY(command, commands_.at(*which));
      }
      return actors_.put(number, visitor_.actor(exe, setting, command));
    });
  }

  Status read_violation_of_segment(Statement& row) {
    if (++rows_ % kRowsAtOnce == 0 && stop_.stop_requested())
      return Error("the caller has disconnected");
    AggregateViolation violation;
    GUARD_TRY(const auto kind, kinds_.at(row.number()));
    GUARD_TRY(const auto actor, actors_.at(row.number()));
    violation.time = time_of(row.number());
    violation.path = row.bytes();
    violation.before = read_ownership(row);
    violation.after = read_ownership(row);
    violation.count += static_cast<std::uint64_t>(row.number());
    const auto files = row.bytes_if_any();
    if (!files) {
      visitor_.violation(violation, kind, actor);
      return {};
    }
    violation.count = 1;
    for (FixedFiles::Reader each(*files); each.next();) {
      const auto& file = each.file();
      violation.path = file.path;
      violation.before = file.before;
      violation.after = file.after;
      visitor_.violation(violation, kind, actor);
    }
    return {};
  }

  // The range of segments that can match: they are numbered in the order of their begin.
  Result<bool> bound() {
    GUARD_TRY(auto row, database_.prepare("SELECT min(number), max(number) FROM chapters c WHERE "
                                          "c.last_time >= ? AND c.first_time < ?"));
    row.bind(since_);
    row.bind(until_);
    GUARD_TRY(const bool there, row.next());
    if (!there) return false;
    const auto first = row.number_if_any();
    const auto last = row.number_if_any();
    if (!first || !last) return false;
    first_ = *first;
    last_ = *last;
    return true;
  }

  // Narrows the range if the filter excludes some of its segments.
  Condition among(const std::string& column) const {
    Condition condition;
    condition.add(column + " BETWEEN ? AND ?", {first_, last_});
    if (asked_.sql.empty()) return condition;
    condition.add(" AND " + column +
                      " IN (SELECT c.number FROM chapters c WHERE c.last_time >= ? AND "
                      "c.first_time < ?",
                  {since_, until_});
    condition.add(asked_.sql + ")", asked_.values);
    return condition;
  }

  Result<Rows> rows(Condition query) {
    GUARD_TRY(auto statement, database_.prepare(query.sql.c_str()));
    return Rows(std::make_unique<const Condition>(std::move(query)), std::move(statement));
  }

  Result<Rows> segments_in_time() {
    Condition query;
    query.add(
        "SELECT c.number, c.incident, c.policy, c.login_uid, c.login_user, c.human, "
        "i.command_comm, i.command_exe, i.command_cmdline FROM chapters c CROSS JOIN incidents i "
        "ON i.number = c.incident WHERE +c.last_time >= ? AND +c.first_time < ? AND ",
        {since_, until_});
    const auto which = among("c.number");
    query.add(which.sql + " ORDER BY c.number", which.values);
    return rows(std::move(query));
  }

  Result<Rows> rows_of(const std::string& table, const std::string& columns) {
    Condition query;
    query.add("SELECT chapter, number, " + columns + " FROM " + table + " WHERE ", {});
    const auto which = among("chapter");
    query.add(which.sql + " ORDER BY chapter, number", which.values);
    GUARD_TRY(auto found, rows(std::move(query)));
    GUARD_CHECK(found.advance());
    return found;
  }

  Result<Rows> violations_in_time() {
    Condition query;
    query.add(
        "SELECT v.chapter, v.kind, v.actor, v.time, v.path, v.uid_before, v.gid_before, "
        "v.mode_before, v.uid_after, v.gid_after, v.mode_after, v.repeats, f.files "
        "FROM violations v INDEXED BY violations_by_chapter "
        "LEFT JOIN fixed_files f ON f.violation = v.number WHERE ",
        {});
    const auto which = among("v.chapter");
    query.add(which.sql + " AND v.time >= ? AND v.time < ?", which.values);
    query.add("", {since_, until_});
    query.add(rows_asked_.sql + " ORDER BY v.chapter", rows_asked_.values);
    GUARD_TRY(auto found, rows(std::move(query)));
    GUARD_CHECK(found.advance());
    return found;
  }

  Database& database_;
  const Condition asked_;
  const std::int64_t since_;
  const std::int64_t until_;
  const Condition rows_asked_;
  const std::stop_token& stop_;
  AggregateVisitor& visitor_;
  std::int64_t first_ = 0;
  std::int64_t last_ = 0;
  Tokens kinds_, settings_, commands_, actors_;
  unsigned rows_ = 0;
};

}  // namespace

Result<std::optional<TrailSpan>> trail_span(Database& database) {
  GUARD_TRY(auto row, database.prepare("SELECT (SELECT min(time) FROM violations), (SELECT "
                                       "max(time) FROM violations)"));
  GUARD_TRY(const bool there, row.next());
  if (!there) return std::optional<TrailSpan>();
  const auto first = row.number_if_any();
  const auto last = row.number_if_any();
  if (!first || !last) return std::optional<TrailSpan>();
  return std::optional(TrailSpan{time_of(*first), time_of(*last)});
}

Status pass_over(Database& database, const RecordFilter& filter, const std::stop_token& stop,
                 AggregateVisitor& visitor) {
  return Aggregation(database, filter, stop, visitor).run();
}

}  // namespace guard
