#include "guardd/audit/export.h"

#include <fmt/format.h>

#include <string>

#include "guardd/publish/json_publisher.h"
#include "policy/base/overloaded.h"
#include "policy/base/text.h"
#include "policy/record/fields.h"

namespace guard {
namespace {

std::string_view text_of(const Ancestor& process) {
  return !process.cmdline.empty() ? process.cmdline
         : !process.exe.empty()   ? process.exe
                                  : process.comm;
}

// Short, for people: the JSON export is complete.
std::string lineage_cell(LineageValue lineage) {
  std::string cell;
  for (const auto& each : lineage.ancestors) {
    if (!cell.empty()) cell += " < ";
    cell += fmt::format("{} [{}]", text_of(each), each.pid);
  }
  return cell;
}

std::string list_cell(std::span<const std::string> texts) {
  std::string cell;
  for (const auto& each : texts) cell += (cell.empty() ? "" : " > ") + each;
  return cell;
}

std::string cell_of(const FieldValue& value) {
  return std::visit(Overloaded{[](std::monostate) { return std::string(); },
                               [](std::uint64_t number) { return std::to_string(number); },
                               [](TextValue words) { return escaped(words.text); },
                               [](PathValue path) { return escaped(path.bytes); },
                               [](Mode mode) { return fmt::format("{:04o}", mode.value); },
                               [](TimePoint time) { return rfc3339(time); },
                               [](LineageValue lineage) { return escaped(lineage_cell(lineage)); },
                               [](ProcessValue one) { return escaped(text_of(*one.process)); },
                               [](ListValue list) { return escaped(list_cell(list.texts)); }},
                    value);
}

void add_cell(std::string& line, std::string cell) {
  // The first characters of formulas according to OWASP; tabs and returns are already escaped.
  if (!cell.empty() && std::string_view("=+-@").find(cell.front()) != std::string_view::npos)
    cell.insert(0, 1, '\'');
  const bool plain = cell.find_first_of(",\"\r\n") == std::string::npos && !cell.ends_with(' ') &&
                     !cell.starts_with(' ');
  if (plain) {
    line += cell;
    return;
  }
  line += '"';
  for (const char c : cell) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

}  // namespace

Status export_violations_json(TrailReader& trail, const RecordFilter& filter,
                              const ExportSink& sink) {
  bool wants_more = true;
  JsonPublisher lines([&](const std::string& line) { wants_more = sink(line); }, {},
                      JsonLine::Charset::kUtf8);
  return trail.violations(filter, [&](const Violation& violation) {
    lines.violation(violation, {});
    return wants_more;
  });
}

Status export_incidents_json(TrailReader& trail, const RecordFilter& filter,
                             const ExportSink& sink) {
  bool wants_more = true;
  JsonPublisher lines([&](const std::string& line) { wants_more = sink(line); }, {},
                      JsonLine::Charset::kUtf8);
  return trail.incidents(filter, [&](const TrailIncident& record) {
    if (record.is_closed)
      lines.incident_closed(record.incident);
    else
      lines.incident_opened(record.incident);
    return wants_more;
  });
}

Status export_violations(TrailReader& trail, const RecordFilter& filter,
                         const std::function<std::string(const Violation&)>& line,
                         const ExportSink& sink) {
  return trail.violations(filter,
                          [&](const Violation& violation) { return sink(line(violation)); });
}

Status export_violations_csv(TrailReader& trail, const RecordFilter& filter,
                             const ExportSink& sink) {
  std::string line;
  const auto row = [&](const auto& cell) {
    line.clear();
    for (std::size_t i = 0; i < kFieldCount; ++i) {
      if (i > 0) line += ',';
      add_cell(line, cell(i));
    }
    line += "\r\n";
    return sink(line);
  };
  if (!row([](std::size_t i) { return std::string(kFields[i].name); })) return {};
  return trail.violations(filter, [&](const Violation& violation) {
    return row([&](std::size_t i) { return cell_of(kFields[i].value(violation)); });
  });
}

}  // namespace guard
