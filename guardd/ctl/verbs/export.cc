// export: prints the audit trail for other programs.

#include "guardd/audit/export.h"

#include <cerrno>

#include "guardd/audit/formats/formats.h"
#include "guardd/ctl/ask/filters.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/output.h"
#include "guardd/ctl/verbs/verbs.h"
#include "guardd/host/machine_ids.h"
#include "guardd/version.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

struct ExportOptions {
  std::string trail = "/var/lib/guardd/audit.db";
  bool csv = false;
  std::string format;
  bool incidents = false;
  TypedFilter filter;
};

// Nothing if it is not a format, or there are two.
std::optional<ExportFormat> format_of(const ExportOptions& asked) {
  if (asked.format.empty()) return asked.csv ? ExportFormat::kCsv : ExportFormat::kJson;
  const auto format = parse_word<ExportFormat>(asked.format);
  return asked.csv && format != ExportFormat::kCsv ? std::nullopt : format;
}

Status write_trail(TrailReader& trail, const RecordFilter& filter, ExportFormat format,
                   const ExportOptions& asked, const ExportSink& sink) {
  if (asked.incidents) return export_incidents_json(trail, filter, sink);
  FormatLine line = nullptr;
  switch (format) {
    case ExportFormat::kJson:
      return export_violations_json(trail, filter, sink);
    case ExportFormat::kCsv:
      return export_violations_csv(trail, filter, sink);
    case ExportFormat::kCef:
      line = cef_line;
      break;
    case ExportFormat::kRfc5424:
      line = rfc5424_line;
      break;
    case ExportFormat::kEcs:
      line = ecs_line;
      break;
  }
  const FormatContext context{host_name(), GUARD_VERSION};
  return export_violations(
      trail, filter, [&](const Violation& violation) { return line(violation, context); }, sink);
}

int export_trail(const ExportOptions& asked) {
  const auto format = format_of(asked);
  if (!format)
    return misused(asked.csv ? "--csv and --format are different formats"
                             : quote(asked.format) + " is not a format: write " +
                                   listed(Words<ExportFormat>::kAll, " or ") +
                                   did_you_mean(asked.format, Words<ExportFormat>::kAll),
                   "export");
  if (*format != ExportFormat::kJson && asked.incidents)
    return misused(std::string(word(*format)) + " is for violations, not for --incidents",
                   "export");
  const auto filter = read_filter(asked.filter);
  if (!filter) return kUsage;
  if (::access(asked.trail.c_str(), R_OK) != 0)
    return fail(Error::from_errno(errno, quote(asked.trail)));
  auto trail = TrailReader::open(asked.trail);
  if (!trail) return fail(std::move(trail).error().context(quote(asked.trail)));
  Output output;
  const auto put = [&](std::string_view lines) { return output.put(lines); };
  auto done = write_trail(*trail, *filter, *format, asked, put);
  if (!done) return fail(std::move(done).error().context(quote(asked.trail)));
  (void)output.flush();
  if (output.error() != 0) return fail(Error::from_errno(output.error(), "standard output"));
  return kDone;
}

}  // namespace

Run export_verb(Arguments& arguments) {
  auto asked = std::make_shared<ExportOptions>();
  arguments.option("--trail", asked->trail);
  arguments.flag("--csv", asked->csv);
  arguments.option("--format", asked->format);
  arguments.flag("--incidents", asked->incidents);
  asked->filter.declare(arguments);
  arguments.option("--incident", asked->filter.rest.incident);
  return [asked](const Options& /*options*/) { return export_trail(*asked); };
}

}  // namespace guard::ctl
