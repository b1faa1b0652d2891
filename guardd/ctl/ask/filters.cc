#include "guardd/ctl/ask/filters.h"

#include "guardd/ctl/ask/moment.h"
#include "guardd/ctl/ask/policies.h"
#include "policy/base/text.h"

namespace guard::ctl {

bool read_filter(const std::string& text,
                 std::optional<std::chrono::system_clock::time_point>& moment) {
  if (text.empty()) return true;
  moment = parse_moment(text, std::chrono::system_clock::now());
  if (!moment)
    (void)fail(Error(quote(text) + " is not a time; try: \"2026-03-01 14:30\", today, \"2h ago\""));
  return moment.has_value();
}

bool read_filter(const std::string& text, std::optional<Severity>& severity) {
  if (text.empty()) return true;
  severity = parse_word<Severity>(text);
  if (!severity)
    (void)fail(Error(quote(text) + " is not a severity; use info, low, medium, high or critical"));
  return severity.has_value();
}

}  // namespace guard::ctl
