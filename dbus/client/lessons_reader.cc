#include "dbus/client/lessons_reader.h"

#include "dbus/client/report_reader.h"

namespace guard::bus {
namespace {

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
  const auto* count = find<std::uint64_t>(record, "count");
  file.count = count ? *count : 0;
  return file;
}

}  // namespace

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
  const auto* more = find<std::uint64_t>(record, "more_files");
  lessons.more_files = more ? *more : 0;
  return lessons;
}

}  // namespace guard::bus
