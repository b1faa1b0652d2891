// Writes lessons as a{sv}.

#include "dbus/service/records.h"

namespace guard::bus {
namespace {

void write_subject(RecordWriter& record, const LessonSubject& subject) {
  if (subject.exe) record.path("exe", *subject.exe, kLongestText);
  if (subject.unit) record.text("unit", *subject.unit);
  if (subject.fsuid) record.number("fsuid", subject.fsuid->value);
  if (subject.person) record.text("person", *subject.person);
  if (subject.label) record.text("label", *subject.label);
  record.boolean("terminal", subject.has_terminal);
  write_tally(record, subject.tally);
  std::vector<std::string> operations;
  subject.operations.each([&](Operation each) { operations.emplace_back(word(each)); });
  record.texts("operations", operations);
  record.paths("sample", subject.examples);
}

void write_file(RecordWriter& record, const LessonFile& file) {
  record.path("path", file.path, kLongestText);
  record.number("uid", file.uid.value);
  record.number("gid", file.gid.value);
  record.boolean("mixed", file.is_mixed);
  record.boolean("person", file.by_person);
  record.number("count", file.count);
}

}  // namespace

void write(Writer& writer, const Lessons& lessons) {
  RecordWriter record(writer);
  if (lessons.oldest) record.time("oldest", *lessons.oldest);
  record.record("totals", [&](RecordWriter& totals) { write_tally(totals, lessons.all); });
  record.records("subjects", lessons.subjects, write_subject);
  if (lessons.others.violations > 0)
    record.record("others", [&](RecordWriter& others) { write_tally(others, lessons.others); });
  record.records("files", lessons.files, write_file);
  record.number("more_files", lessons.more_files);
}

}  // namespace guard::bus
