// report: what happened within a time, added up.

#include <optional>

#include <CLI/CLI.hpp>

#include "guardd/ctl/asked.h"
#include "guardd/ctl/daemon.h"
#include "guardd/ctl/json.h"
#include "guardd/ctl/loaded.h"
#include "guardd/ctl/report_text.h"
#include "guardd/ctl/verbs.h"

namespace guard::ctl {
namespace {

struct ReportOptions {
  std::string since;
  std::string until;
  std::string policy;
  std::uint32_t top = 10;
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

int report(const Options& options, const ReportOptions& asked) {
  if (asked.top == 0) return misused("--top 0 shows nothing", "report");
  bus::IncidentQuery query;
  if (!understood(asked.since, query.since) || !understood(asked.until, query.until)) return kUsage;
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
  if (options.quiet) return kDone;
  const auto told = bus::report_in(*record);
  const auto text = report_text(terminal, told, range_of(query, told), speaks_utf8());
  return terminal.show(text) ? kDone : kFailed;
}

}  // namespace

Run report_verb(CLI::App& app) {
  auto asked = std::make_shared<ReportOptions>();
  app.add_option("--since", asked->since);
  app.add_option("--until", asked->until);
  app.add_option("--policy", asked->policy);
  app.add_option("--top", asked->top);
  return [asked](const Options& options) { return report(options, *asked); };
}

}  // namespace guard::ctl
