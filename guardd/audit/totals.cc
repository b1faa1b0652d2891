#include "guardd/audit/totals.h"

#include <utility>
#include <vector>

#include "guardd/audit/aggregate.h"
#include "guardd/audit/path_tree.h"
#include "guardd/audit/ranking.h"
#include "guardd/audit/schema.h"

namespace guard {
namespace {

using std::chrono::floor;
using std::chrono::hours;
using std::chrono::seconds;
using TimePoint = Tally::TimePoint;

// Hours, if their number is reasonable; else days or longer.
constexpr std::size_t kMostSpans = 20'000;

class Spans {
 public:
  Spans(TimePoint first, TimePoint last) {
    last = std::max(first, last);
    const auto begin = floor<hours>(first);
    const auto length = floor<hours>(last) - begin + hours(1);
    constexpr auto kMost = hours(kMostSpans);
    if (length > kMost) step_ = std::chrono::days(1) * ((length - hours(1)) / (kMost * 24) + 1);
    begin_ = floor<seconds>(begin) - floor<seconds>(begin).time_since_epoch() % step_;
    spans_.resize(static_cast<std::size_t>((floor<seconds>(last) - begin_) / step_) + 1);
  }

  void add(TimePoint time, Outcome outcome, std::uint64_t count) {
    const auto place = static_cast<std::size_t>((floor<seconds>(time) - begin_) / step_);
    if (place < spans_.size()) spans_[place][static_cast<std::size_t>(outcome)] += count;
  }

  void write(Report& report) const {
    report.step = step_;
    for (std::size_t i = 0; i < spans_.size(); ++i)
      if (spans_[i] != Counts{})
        report.spans.push_back({begin_ + step_ * static_cast<std::int64_t>(i), spans_[i]});
  }

 private:
  using Counts = decltype(ReportSpan::by_outcome);
  std::chrono::time_point<std::chrono::system_clock, seconds> begin_;
  seconds step_ = hours(1);
  std::vector<Counts> spans_;
};

// The set of incidents, as bits: they are numbered consecutively.
class Numbers {
 public:
  bool is_new(std::int64_t number) {
    if (first_ < 0) first_ = number;
    if (number < first_) return earlier(number);
    const auto place = static_cast<std::size_t>(number - first_);
    if (place > kMost) return true;
    if (place >= seen_.size()) seen_.resize(place + 1);
    const bool was_seen = seen_[place];
    seen_[place] = true;
    return !was_seen;
  }

 private:
  static constexpr std::size_t kMost = std::size_t{1} << 26U;

  // Rare: an incident that continued while a later one began.
  bool earlier(std::int64_t number) {
    const auto more = static_cast<std::size_t>(first_ - number);
    if (more > kMost) return true;
    seen_.insert(seen_.begin(), more, false);
    first_ = number;
    seen_[0] = true;
    return true;
  }

  std::int64_t first_ = -1;
  std::vector<bool> seen_;
};

class Sums final : public AggregateVisitor {
 public:
  Sums(TimePoint first, TimePoint last) : spans_(first, last) {}

  void segment(const AggregateSegment& segment) override {
    for (auto* ranking : {&policies_, &people_, &programs_, &commands_, &categories_})
      ranking->make_room();
    incident_ = segment.incident;
    policy_ = policies_.index_of(segment.policy);
    incidents_command_ = segment.command;
    if (segment.human)
      person_ = people_.index_of(*segment.human, "person");
    else if (segment.login_user)
      person_ = people_.index_of(*segment.login_user, "person");
    else if (segment.login_uid)
      person_ = people_.index_of(std::to_string(segment.login_uid->value), "person");
    else
      person_.reset();
    kinds_.clear();
    actors_.clear();
    typed_.clear();
  }

  Token kind(const AggregateKind& kind) override {
    kinds_.push_back({kind.action, operations_.index_of(std::string(word(kind.operation))),
                      categories_.index_of(kind.category)});
    return static_cast<Token>(kinds_.size() - 1);
  }

  // Without a person, the service; else the user whose permissions it had.
  Token setting(const AggregateSetting& setting) override {
    if (person_) return *person_;
    if (setting.unit) return people_.index_of(*setting.unit, "service");
    if (setting.fsuid) return people_.index_of(std::to_string(setting.fsuid->value), "user");
    return people_.index_of({});
  }

  Token command(const Ancestor& command) override {
    const auto& line = command.cmdline.empty() ? command.comm : command.cmdline;
    typed_.push_back({programs_.index_of(command.exe.empty() ? command.comm : command.exe),
                      commands_.index_of(line.substr(0, kLongestCommand))});
    return static_cast<Token>(typed_.size() - 1);
  }

  Token actor(const std::optional<std::string>& /*exe*/, Token setting,
              std::optional<Token> typed) override {
    if (!typed) typed = command(incidents_command_);
    actors_.push_back({setting, typed_[*typed]});
    return static_cast<Token>(actors_.size() - 1);
  }

  void violation(const AggregateViolation& violation, Token kind, Token actor) override {
    const auto& [outcome, operation, category] = kinds_[kind];
    const auto& [person, typed] = actors_[actor];
    const auto time = violation.time;
    const auto count = violation.count;
    report_.all.add(time, outcome, count);
    if (numbers_.is_new(incident_)) ++report_.all.incidents;
    policies_.add(policy_, time, outcome, count, incident_);
    programs_.add(typed.program, time, outcome, count, incident_);
    commands_.add(typed.command, time, outcome, count, incident_);
    people_.add(person, time, outcome, count, incident_);
    operations_.add(operation, time, outcome, count, incident_);
    categories_.add(category, time, outcome, count, incident_);
    paths_.add(violation.path, time, outcome, count, incident_);
    spans_.add(time, outcome, count);
  }

  Report report(std::size_t most) && {
    report_.policies = policies_.table(most);
    report_.people = people_.table(most);
    report_.programs = programs_.table(most);
    report_.commands = commands_.table(most);
    report_.operations = operations_.table(most);
    report_.categories = categories_.table(most);
    report_.paths = paths_.table(most);
    spans_.write(report_);
    return std::move(report_);
  }

 private:
  static constexpr std::size_t kLongestCommand = 512;
  struct Kind {
    Outcome outcome;
    Ranking::Index operation;
    Ranking::Index category;
  };
  struct CommandPlace {
    Ranking::Index program;
    Ranking::Index command;
  };
  struct Actor {
    Ranking::Index person;
    CommandPlace typed;
  };

  Report report_;
  Ranking policies_, people_, programs_, commands_, operations_, categories_;
  PathTree paths_;
  Spans spans_;
  Numbers numbers_;
  std::int64_t incident_ = 0;
  Ranking::Index policy_ = 0;
  Ancestor incidents_command_;
  std::optional<Ranking::Index> person_;
  std::vector<Kind> kinds_;
  std::vector<Actor> actors_;
  std::vector<CommandPlace> typed_;
};

}  // namespace

Result<Report> make_report(const std::string& trail, const RecordFilter& filter, std::size_t most,
                           const std::stop_token& stop) {
  GUARD_TRY(auto database, Database::open_to_read(trail));
  GUARD_CHECK(check_trail(database));
  GUARD_CHECK(database.run("BEGIN"));  // one consistent snapshot
  GUARD_TRY(const auto span, trail_span(database));
  if (!span) return Report();
  Sums sums(filter.since ? std::max(*filter.since, span->first) : span->first,
            filter.until ? std::min(*filter.until, span->last) : span->last);
  GUARD_CHECK(pass_over(database, filter, stop, sums));
  auto report = std::move(sums).report(most);
  report.oldest = span->first;
  return report;
}

}  // namespace guard
