#include "guardd/ctl/ask/filters.h"

#include "guardd/ctl/ask/moment.h"
#include "guardd/ctl/ask/policies.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

// An empty text means no filter. False after printing an error.
bool read_moment(const std::string& text,
                 std::optional<std::chrono::system_clock::time_point>& moment) {
  if (text.empty()) return true;
  moment = parse_moment(text, std::chrono::system_clock::now());
  if (!moment)
    (void)fail(Error(quote(text) + " is not a time; try: \"2026-03-01 14:30\", today, \"2h ago\""));
  return moment.has_value();
}

bool read_severity(const std::string& text, std::optional<Severity>& severity) {
  if (text.empty()) return true;
  severity = parse_word<Severity>(text);
  if (!severity)
    (void)fail(Error(quote(text) + " is not a severity; use info, low, medium, high or critical"));
  return severity.has_value();
}

bool read_outcome(const std::string& text, std::optional<Outcome>& outcome) {
  if (text.empty()) return true;
  outcome = parse_word<Outcome>(text);
  if (!outcome)
    (void)fail(Error(quote(text) + " is not an outcome; use logged, fixed, denied or skipped"));
  return outcome.has_value();
}

}  // namespace

void TypedFilter::declare(Arguments& arguments) {
  arguments.option("--since", since);
  arguments.option("--until", until);
  arguments.option("--policy", rest.policy);
  arguments.option("--login", rest.login);
  arguments.option("--severity", severity);
  arguments.option("--limit", rest.limit);
  arguments.option("--command", rest.command);
  arguments.option("--path", rest.path);
  arguments.option("--category", rest.category);
  arguments.option("--outcome", outcome);
  arguments.option("--unit", rest.unit);
}

std::optional<RecordFilter> read_filter(const TypedFilter& typed) {
  auto filter = typed.rest;
  if (!read_moment(typed.since, filter.since) || !read_moment(typed.until, filter.until) ||
      !read_severity(typed.severity, filter.severity) ||
      !read_outcome(typed.outcome, filter.outcome))
    return std::nullopt;
  return filter;
}

}  // namespace guard::ctl
