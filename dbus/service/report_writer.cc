// Writes a report as a{sv}.

#include "dbus/service/records.h"

namespace guard::bus {
namespace {

void write_outcomes(RecordWriter& record, const std::array<std::uint64_t, 4>& counts) {
  for (std::size_t i = 0; i < counts.size(); ++i)
    record.number(Words<Outcome>::kAll[i].data(), counts[i]);
}

enum class Keys : std::uint8_t { kTexts, kPaths };

void write_table(RecordWriter& record, const char* name, const char* key, Keys keys,
                 const ReportTable& table) {
  record.records(name, table.rows, [&](RecordWriter& row, const ReportRow& each) {
    if (!each.key.empty() && keys == Keys::kPaths) row.path(key, each.key, kLongestText);
    if (!each.key.empty() && keys == Keys::kTexts) row.text(key, each.key);
    if (!each.kind.empty()) row.text("kind", each.kind);
    if (each.is_rest) row.boolean("rest", true);
    write_tally(row, each.tally);
  });
  if (table.others.violations == 0) return;
  record.record((std::string(name) + "_others").c_str(), [&](RecordWriter& others) {
    others.number("count", table.more);
    write_tally(others, table.others);
  });
}

void write_spans(RecordWriter& record, const Report& report) {
  const auto column = [&](auto value_of) {
    std::vector<std::uint64_t> values;
    values.reserve(report.spans.size());
    for (const auto& span : report.spans) values.push_back(value_of(span));
    return values;
  };
  record.number("seconds", static_cast<std::uint64_t>(report.step.count()));
  record.numbers("begin", column([](const ReportSpan& span) {
                   using std::chrono::microseconds;
                   return static_cast<std::uint64_t>(
                       std::chrono::floor<microseconds>(span.begin.time_since_epoch()).count());
                 }));
  for (std::size_t i = 0; i < Words<Outcome>::kAll.size(); ++i)
    record.numbers(Words<Outcome>::kAll[i].data(),
                   column([i](const ReportSpan& span) { return span.by_outcome[i]; }));
}

}  // namespace

void write_tally(RecordWriter& record, const Tally& tally) {
  record.number("violations", tally.violations);
  if (tally.incidents > 0) record.number("incidents", tally.incidents);
  write_outcomes(record, tally.by_outcome);
  if (tally.first > tally.last) return;
  record.time("first_seen", tally.first);
  record.time("last_seen", tally.last);
}

void write(Writer& writer, const Report& report, Audience audience) {
  RecordWriter record(writer);
  if (report.oldest) record.time("oldest", *report.oldest);
  record.record("totals", [&](RecordWriter& totals) { write_tally(totals, report.all); });
  write_table(record, "policies", "policy", Keys::kTexts, report.policies);
  write_table(record, "people", "person", Keys::kTexts, report.people);
  write_table(record, "programs", "program", Keys::kPaths, report.programs);
  if (audience == Audience::kTrusted)
    write_table(record, "commands", "command", Keys::kTexts, report.commands);
  write_table(record, "paths", "path", Keys::kPaths, report.paths);
  write_table(record, "operations", "operation", Keys::kTexts, report.operations);
  write_table(record, "categories", "category", Keys::kTexts, report.categories);
  record.record("spans", [&](RecordWriter& spans) { write_spans(spans, report); });
}

}  // namespace guard::bus
