#include "guardd/audit/lessons.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "guardd/audit/aggregate.h"
#include "guardd/audit/columns.h"
#include "guardd/audit/ranking.h"
#include "guardd/audit/schema.h"

namespace guard {
namespace {

constexpr std::size_t kMostSubjects = 1'000;
constexpr std::size_t kMostFiles = 2'000;
constexpr std::size_t kMostExamples = 3;
constexpr std::size_t kLongestPath = 4'096;

class LessonVisitor final : public AggregateVisitor {
 public:
  void segment(const AggregateSegment& segment) override {
    incident_ = segment.incident;
    person_ = segment.human ? segment.human : segment.login_user;
    if (!person_ && segment.login_uid) person_ = std::to_string(segment.login_uid->value);
    kinds_.clear();
    settings_.clear();
    actors_.clear();
  }
  Token kind(const AggregateKind& kind) override { return put(kinds_, kind); }
  Token setting(const AggregateSetting& setting) override { return put(settings_, setting); }
  Token command(const Ancestor& /*command*/) override { return 0; }
  Token actor(const std::optional<std::string>& exe, Token setting,
              std::optional<Token> /*command*/) override {
    const auto& of = settings_[setting];
    LessonSubject subject;
    subject.exe = exe;
    subject.unit = of.unit;
    subject.fsuid = of.fsuid;
    subject.person = person_;
    subject.label = of.label;
    subject.has_terminal = of.tty.has_value();
    return put(actors_, index_of(std::move(subject)));
  }

  void violation(const AggregateViolation& violation, Token kind_token, Token actor) override {
    const auto& kind = kinds_[kind_token];
    const auto is_new = incident_ != std::exchange(last_incident_, incident_);
    lessons_.all.add(violation.time, kind.action, violation.count);
    if (is_new) ++lessons_.all.incidents;
    const auto place = actors_[actor];
    const bool is_known = place < subjects_.size();
    if (is_known) {
      auto& [subject, counted] = subjects_[place];
      counted.add(violation.time, kind.action, violation.count, incident_);
      subject.operations.add(kind.operation);
      auto& examples = subject.examples;
      if (examples.size() < kMostExamples &&
          std::find(examples.begin(), examples.end(), violation.path) == examples.end())
        examples.push_back(violation.path.substr(0, kLongestPath));
    } else {
      lessons_.others.add(violation.time, kind.action, violation.count);
    }
    const bool at_terminal =
        is_known && subjects_[place].first.person && subjects_[place].first.has_terminal;
    note_file(violation, kind, at_terminal);
  }

  Lessons lessons() && {
    std::stable_sort(subjects_.begin(), subjects_.end(), [](const auto& a, const auto& b) {
      return a.second.tally.violations > b.second.tally.violations;
    });
    for (auto& [subject, counted] : subjects_) {
      subject.tally = counted.tally;
      if (counted.tally.violations > 0) lessons_.subjects.push_back(std::move(subject));
    }
    return std::move(lessons_);
  }

 private:
  template <typename T>
  static Token put(std::vector<T>& list, T value) {
    list.push_back(std::move(value));
    return static_cast<Token>(list.size() - 1);
  }

  // One beyond the last: there are too many to distinguish.
  std::uint32_t index_of(LessonSubject subject) {
    Fields fields;
    fields.add(subject.exe);
    fields.add(subject.unit);
    fields.add(subject.fsuid);
    fields.add(subject.person);
    fields.add(subject.label);
    fields.add(std::uint32_t{subject.has_terminal});
    auto key = fields.key();
    const auto found = places_.find(key);
    if (found != places_.end()) return found->second;
    if (subjects_.size() == kMostSubjects) return static_cast<std::uint32_t>(kMostSubjects);
    const auto place = static_cast<std::uint32_t>(subjects_.size());
    places_.emplace(std::move(key), place);
    subjects_.emplace_back(std::move(subject), RankedRow());
    return place;
  }

  // The state before the fix: the state after it is only what the policy wants.
  void note_file(const AggregateViolation& violation, const AggregateKind& kind, bool at_terminal) {
    if (kind.guard != Guard::kOwnership || kind.action == Outcome::kDenied || !violation.before)
      return;
    const auto& [uid, gid, mode] = *violation.before;
    if ((uid == kind.uid_wanted && gid == kind.gid_wanted) || violation.path.size() > kLongestPath)
      return;
    const auto found = files_.find(violation.path);
    if (found == files_.end() && lessons_.files.size() == kMostFiles) {
      ++lessons_.more_files;
      return;
    }
    if (found == files_.end()) {
      files_.emplace(violation.path, lessons_.files.size());
      lessons_.files.push_back({violation.path, uid, gid, false, at_terminal, violation.count});
      return;
    }
    auto& file = lessons_.files[found->second];
    file.is_mixed = file.is_mixed || file.uid != uid || file.gid != gid;
    file.by_person = file.by_person || at_terminal;
    file.count += violation.count;
  }

  Lessons lessons_;
  std::vector<std::pair<LessonSubject, RankedRow>> subjects_;
  std::unordered_map<std::string, std::uint32_t> places_;
  std::unordered_map<std::string, std::size_t> files_;
  std::int64_t incident_ = -1;
  std::int64_t last_incident_ = -1;
  std::optional<std::string> person_;
  std::vector<AggregateKind> kinds_;
  std::vector<AggregateSetting> settings_;
  std::vector<std::uint32_t> actors_;
};

}  // namespace

Result<Lessons> learn(const std::string& trail, const RecordFilter& filter,
                      const std::stop_token& stop) {
  GUARD_TRY(auto database, Database::open_to_read(trail));
  GUARD_CHECK(check_trail(database));
  GUARD_CHECK(database.run("BEGIN"));  // one consistent snapshot
  GUARD_TRY(const auto span, trail_span(database));
  if (!span) return Lessons();
  LessonVisitor learning;
  GUARD_CHECK(pass_over(database, filter, stop, learning));
  auto lessons = std::move(learning).lessons();
  lessons.oldest = span->first;
  return lessons;
}

}  // namespace guard
