#include "dbus/client/report_reader.h"

#include <ctime>

namespace guard::bus {
namespace {

using TimePoint = std::chrono::system_clock::time_point;

std::uint64_t number_in(const Map& record, std::string_view name) {
  const auto* number = find<std::uint64_t>(record, name);
  return number ? *number : 0;
}

std::string text_in(const Map& record, std::string_view name) {
  const auto* text = find<std::string>(record, name);
  return text ? *text : std::string();
}

// The raw bytes if present, else the text.
std::string path_in(const Map& record, const std::string& name) {
  if (const auto* bytes = find<Bytes>(record, name + "_raw")) return {bytes->begin(), bytes->end()};
  return text_in(record, name);
}

// The epoch if it is invalid.
TimePoint time_in(const Map& record, std::string_view name) {
  std::tm parts{};
  const auto text = text_in(record, name);
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  return rest ? std::chrono::system_clock::from_time_t(::timegm(&parts)) : TimePoint();
}

Tally tally_in(const Map& record) {
  Tally tally;
  tally.violations = number_in(record, "violations");
  tally.incidents = number_in(record, "incidents");
  for (std::size_t i = 0; i < tally.by_outcome.size(); ++i)
    tally.by_outcome[i] = number_in(record, Words<Outcome>::kAll[i]);
  if (!find(record, "first_seen")) return tally;
  tally.first = time_in(record, "first_seen");
  tally.last = time_in(record, "last_seen");
  return tally;
}

std::optional<std::string> optional_text_in(const Map& record, std::string_view name) {
  const auto* text = find<std::string>(record, name);
  return text ? std::optional(*text) : std::nullopt;
}

bool is_true(const Map& record, std::string_view name) {
  const auto* flag = find<bool>(record, name);
  return flag && *flag;
}

template <typename Id>
Id id_in(const Map& record, std::string_view name) {
  const auto* number = find<std::uint64_t>(record, name);
  return Id{static_cast<std::uint32_t>(number ? *number : UINT32_MAX)};
}

template <typename Take>
void each_in(const Map& record, std::string_view name, Take take) {
  const auto* list = find<List>(record, name);
  if (!list) return;
  for (const auto& each : *list) take(each);
}

ReportTable table_in(const Map& record, const std::string& name, const std::string& key) {
  ReportTable table;
  each_in(record, name, [&](const Value& each) {
    if (const auto* row = each.as<Map>())
      table.rows.push_back(
          {path_in(*row, key), text_in(*row, "kind"), tally_in(*row), is_true(*row, "rest")});
  });
  if (const auto* others = find<Map>(record, name + "_others")) {
    table.others = tally_in(*others);
    table.more = number_in(*others, "count");
  }
  return table;
}

std::uint64_t at(const List& list, std::size_t place) {
  if (place >= list.size()) return 0;
  const auto* number = list[place].as<std::uint64_t>();
  return number ? *number : 0;
}

void read_spans(const Map& spans, Report& report) {
  constexpr std::uint64_t kLongest = std::uint64_t{3600} * 24 * 366 * 100;
  constexpr std::uint64_t kLatest = INT64_MAX / 1000;
  const auto step = number_in(spans, "seconds");
  const auto* begin = find<List>(spans, "begin");
  if (step == 0 || step > kLongest || !begin) return;
  report.step = std::chrono::seconds(static_cast<std::int64_t>(step));
  for (std::size_t i = 0; i < begin->size(); ++i) {
    const auto since_1970 = static_cast<std::int64_t>(std::min(at(*begin, i), kLatest));
    auto& span = report.spans.emplace_back();
    span.begin = TimePoint(std::chrono::microseconds(since_1970));
    for (std::size_t k = 0; k < span.by_outcome.size(); ++k)
      if (const auto* counts = find<List>(spans, Words<Outcome>::kAll[k]))
        span.by_outcome[k] = at(*counts, i);
  }
}

LessonSubject subject_in(const Map& record) {
  LessonSubject subject;
  if (find(record, "exe")) subject.exe = path_in(record, "exe");
  subject.unit = optional_text_in(record, "unit");
  if (find<std::uint64_t>(record, "fsuid")) subject.fsuid = id_in<Uid>(record, "fsuid");
  subject.person = optional_text_in(record, "person");
  subject.label = optional_text_in(record, "label");
  subject.has_terminal = is_true(record, "terminal");
  subject.tally = tally_in(record);
  each_in(record, "operations", [&](const Value& each) {
    const auto* said = each.as<std::string>();
    if (const auto operation = said ? parse_word<Operation>(*said) : std::nullopt)
      subject.operations.add(*operation);
  });
  each_in(record, "sample", [&](const Value& each) {
    if (const auto* path = each.as<std::string>()) subject.examples.push_back(*path);
  });
  return subject;
}

LessonFile file_in(const Map& record) {
  LessonFile file;
  file.path = path_in(record, "path");
  file.uid = id_in<Uid>(record, "uid");
  file.gid = id_in<Gid>(record, "gid");
  file.is_mixed = is_true(record, "mixed");
  file.by_person = is_true(record, "person");
  file.count = number_in(record, "count");
  return file;
}

}  // namespace

ReceivedReport report_in(const Map& record) {
  ReceivedReport report;
  if (const auto* totals = find<Map>(record, "totals")) report.all = tally_in(*totals);
  report.policies = table_in(record, "policies", "policy");
  report.people = table_in(record, "people", "person");
  report.programs = table_in(record, "programs", "program");
  report.commands = table_in(record, "commands", "command");
  report.has_commands = find(record, "commands") != nullptr;
  report.paths = table_in(record, "paths", "path");
  report.operations = table_in(record, "operations", "operation");
  report.categories = table_in(record, "categories", "category");
  if (const auto* spans = find<Map>(record, "spans")) read_spans(*spans, report);
  if (find(record, "oldest")) report.oldest = time_in(record, "oldest");
  return report;
}

Lessons lessons_in(const Map& record) {
  Lessons lessons;
  if (const auto* totals = find<Map>(record, "totals")) lessons.all = tally_in(*totals);
  if (const auto* others = find<Map>(record, "others")) lessons.others = tally_in(*others);
  if (find(record, "oldest")) lessons.oldest = time_in(record, "oldest");
  each_in(record, "subjects", [&](const Value& each) {
    if (const auto* subject = each.as<Map>()) lessons.subjects.push_back(subject_in(*subject));
  });
  each_in(record, "files", [&](const Value& each) {
    if (const auto* file = each.as<Map>()) lessons.files.push_back(file_in(*file));
  });
  lessons.more_files = number_in(record, "more_files");
  return lessons;
}

}  // namespace guard::bus
