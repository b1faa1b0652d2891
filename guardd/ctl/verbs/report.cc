// report: sums up the violations of a period.

#include <optional>

#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/filters.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/output_file.h"
#include "guardd/ctl/text/report_html.h"
#include "guardd/ctl/text/report_text.h"
#include "guardd/ctl/verbs/verbs.h"
#include "guardd/host/machine_ids.h"

namespace guard::ctl {
namespace {

struct ReportOptions {
  TypedFilter filter;
  std::uint32_t top = 10;
  std::optional<std::string> html;  // "-" is standard output
};

Range range_of(const RecordFilter& asked, const Report& report) {
  const bool any = report.all.violations > 0 && report.all.first <= report.all.last;
  const auto now = std::chrono::system_clock::now();
  Range range{any ? report.all.first : now, any ? report.all.last : now};
  if (asked.since) range.from = *asked.since;
  if (asked.until)
    range.to = std::min(*asked.until, std::max(now, range.to));
  else if (asked.since)
    range.to = std::max(now, range.to);
  return range;
}

int show_html(const Terminal& terminal, const ReportOptions& asked,
              const bus::ReceivedReport& report, const Range& range) {
  ReportContext context;
  context.policy = asked.filter.rest.policy;
  context.created = std::chrono::system_clock::now();
  context.host = host_name();
  const auto page = report_html(report, range, context);
  if (*asked.html == "-") return terminal.show(page) ? kDone : kFailed;
  const auto done = put_file(*asked.html, page);
  return done ? kDone : fail(done.error());
}

bus::Answer<int> report(const Options& options, const ReportOptions& asked) {
  if (asked.html && asked.html->empty()) return misused("--html needs a FILE", "report");
  if (asked.html && options.json) return misused("--html and --json exclude each other", "report");
  if (asked.top == 0) return misused("--top 0 shows nothing", "report");
  auto query = read_filter(asked.filter);
  if (!query) return kUsage;
  if (query->since && query->until && *query->until <= *query->since)
    return misused("--until is not after --since", "report");
  query->limit = asked.top;
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_TRY(const auto record, daemon.report(*query));
  const auto received = bus::report_in(record);
  const auto range = range_of(*query, received);
  if (asked.html) return show_html(Terminal::detect(options.pager), asked, received, range);
  return show_result(
      options, kDone, [&] { return json_record(record); },
      [&](const Terminal& terminal) {
        return report_text(terminal, received, range, locale_has_utf8());
      });
}

}  // namespace

Run report_verb(Arguments& arguments) {
  auto asked = std::make_shared<ReportOptions>();
  arguments.option("--since", asked->filter.since);
  arguments.option("--until", asked->filter.until);
  arguments.option("--policy", asked->filter.rest.policy);
  arguments.option("--category", asked->filter.rest.category);
  arguments.option("--top", asked->top);
  arguments.option("--html", asked->html);
  return [asked](const Options& options) { return status_of(report(options, *asked)); };
}

}  // namespace guard::ctl
