// export: prints the audit trail for other programs.

#include "guardd/audit/export.h"

#include <unistd.h>

#include <cerrno>

#include "guardd/ctl/ask/filters.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/output.h"
#include "guardd/ctl/verbs/verbs.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

struct ExportOptions {
  std::string trail = "/var/lib/guardd/audit.db";
  bool csv = false;
  bool incidents = false;
  TypedFilter filter;
};

int export_trail(const ExportOptions& asked) {
  if (asked.csv && asked.incidents)
    return misused("--csv is for violations, not for --incidents", "export");
  const auto filter = read_filter(asked.filter);
  if (!filter) return kUsage;
  if (::access(asked.trail.c_str(), R_OK) != 0)
    return fail(Error::from_errno(errno, quote(asked.trail)));
  auto trail = TrailReader::open(asked.trail);
  if (!trail) return fail(std::move(trail).error().context(quote(asked.trail)));
  Output output;
  const auto put = [&](std::string_view lines) { return output.put(lines); };
  auto done = asked.csv         ? export_violations_csv(*trail, *filter, put)
              : asked.incidents ? export_incidents_json(*trail, *filter, put)
                                : export_violations_json(*trail, *filter, put);
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
  arguments.flag("--incidents", asked->incidents);
  asked->filter.declare(arguments);
  arguments.option("--path", asked->filter.rest.path);
  arguments.option("--command", asked->filter.rest.command);
  arguments.option("--incident", asked->filter.rest.incident);
  return [asked](const Options& /*options*/) { return export_trail(*asked); };
}

}  // namespace guard::ctl
