// report: sums up the violations of a period.

#include <unistd.h>

#include <array>
#include <optional>

#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/filters.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/output_file.h"
#include "guardd/ctl/text/report_html.h"
#include "guardd/ctl/text/report_text.h"
#include "guardd/ctl/verbs/verbs.h"

namespace guard::ctl {
namespace {

struct ReportOptions {
  std::string since;
  std::string until;
  std::string policy;
  std::uint32_t top = 10;
  std::optional<std::string> html;  // "-" is standard output
};

Range range_of(const bus::IncidentQuery& asked, const Report& report) {
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
  context.policy = asked.policy;
  context.created = std::chrono::system_clock::now();
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) context.host = host.data();
  const auto page = report_html(report, range, context);
  if (*asked.html == "-") return terminal.show(page) ? kDone : kFailed;
  const auto done = put_file(*asked.html, page);
  return done ? kDone : fail(done.error());
}

int report(const Options& options, const ReportOptions& asked) {
  if (asked.html && asked.html->empty()) return misused("--html needs a FILE", "report");
  if (asked.html && options.json) return misused("--html and --json exclude each other", "report");
  if (asked.top == 0) return misused("--top 0 shows nothing", "report");
  bus::IncidentQuery query;
  if (!read_filter(asked.since, query.since) || !read_filter(asked.until, query.until))
    return kUsage;
  if (query.since && query.until && *query.until <= *query.since)
    return misused("--until is not after --since", "report");
  query.policy = asked.policy;
  query.limit = asked.top;
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto record = daemon->report(query);
  if (!record) return fail(record.error());
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) return show_json(terminal, json_record(*record)) ? kDone : kFailed;
  const auto received = bus::report_in(*record);
  const auto range = range_of(query, received);
  if (asked.html) return show_html(terminal, asked, received, range);
  if (options.quiet) return kDone;
  const auto text = report_text(terminal, received, range, locale_has_utf8());
  return terminal.show(text) ? kDone : kFailed;
}

}  // namespace

Run report_verb(Arguments& arguments) {
  auto asked = std::make_shared<ReportOptions>();
  arguments.option("--since", asked->since);
  arguments.option("--until", asked->until);
  arguments.option("--policy", asked->policy);
  arguments.option("--top", asked->top);
  arguments.option("--html", asked->html);
  return [asked](const Options& options) { return report(options, *asked); };
}

}  // namespace guard::ctl
