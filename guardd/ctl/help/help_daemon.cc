// The help of the verbs that ask the daemon.

#include "guardd/ctl/help/help.h"

namespace guard::ctl {
namespace {

constexpr std::string_view kFix = R"(guardctl fix: puts right what is wrong now

Usage: guardctl fix [OPTION...] [POLICY|PATH]

Looks through the trees of the policy, or what is at and below the path, or all
trees, and puts right what can be put right safely. What was before is kept, so
that "guardctl undo" can give it back. A name without a slash is a policy's.
Ctrl-C ends it; what was put right by then stays so.

      --dry-run    Change nothing: list what is wrong, and why what could not be
                   put right could not, as scan does

Exit status: 0 nothing is wrong any more, 1 something still is.
)";

constexpr std::string_view kIncidents = R"(guardctl incidents: what happened

Usage: guardctl incidents [OPTION...]

Lists incidents, the newest first: when, in which policy, how many files, and
whose command it was, as far as you may know. An incident is what one command of
one person broke.

Which (default: the newest hundred):
      --since TIME      Not before: "2026-03-01 14:30", today, "2h ago"
      --until TIME      Before
      --policy POLICY   Of this policy
      --login USER      Whose login, or who is behind it: a name or a number
      --severity LEVEL  At least: info low medium high critical
      --limit N         So many at most

Exit status: 0 done.
)";

constexpr std::string_view kLearn =
    R"(guardctl learn: what could be added to a policy, from who broke it

Usage: guardctl learn [OPTION...] POLICY

Reads what was recorded of the policy, best while its action is "log", and
proposes entries for its file: who may (by program and unit), and what belongs
to others, each with how often and where. What a person did at a terminal is
listed, not proposed. Nothing is changed: take what is right.

      --for DURATION    From how long ago on (default: 7d)

Exit status: 0 done, 1 nothing was recorded, or there is no such policy.
)";

constexpr std::string_view kMetrics = R"(guardctl metrics: how guardd is, for Prometheus

Usage: guardctl metrics [OPTION...]

Prints OpenMetrics text: health, what was lost, and for each policy what was
counted since guardd was started, how it stands and until when it is paused.
With --json, what status says.

Exit status: 0 done.
)";

constexpr std::string_view kPause = R"(guardctl pause: a maintenance window for one policy

Usage: guardctl pause [OPTION...] POLICY --for DURATION --reason TEXT

Until it is over, nothing is denied or put right in the trees of the policy;
what happens is recorded as excused. It ends by itself, outlives a restart, and
at its end the trees are looked through. Another pause takes the place of this.

      --for DURATION    How long: 10min, 2h, "1h 30min"
      --reason TEXT     What for, for whoever asks later

Exit status: 0 done, 1 there is no such policy.
)";

constexpr std::string_view kReload =
    R"(guardctl reload: has guardd read its policies and settings anew

Usage: guardctl reload [OPTION...]

Waits until they hold. If they are not valid, all that is wrong is said on
standard error, and what held before goes on holding.

Exit status: 0 done, 1 they are not valid.
)";

constexpr std::string_view kReport = R"(guardctl report: what happened, added up

Usage: guardctl report [OPTION...]

How many violations there were and what became of them, over time and by hour of
the day, and in which policies, whose doing, with which commands, where and how
most of them came about. Commands are for those who may know what was typed; for
others, programs. Hours are this machine's.

Of which (default: all that is kept):
      --since TIME      Not before: "2026-03-01 14:30", today, "7d ago"
      --until TIME      Before
      --policy POLICY   Of this policy
      --top N           Rows of each table (default: 10)

      --html FILE       One page with pictures, which needs nothing else, into
                        FILE, readable by you only; - is standard output

Exit status: 0 done.
)";

constexpr std::string_view kResume = R"(guardctl resume: ends a pause before its time

Usage: guardctl resume [OPTION...] POLICY

Exit status: 0 done, 1 there is no such policy.
)";

constexpr std::string_view kScan = R"(guardctl scan: is anything wrong now?

Usage: guardctl scan [OPTION...] [POLICY|PATH]

Looks through the trees of the policy, or what is at and below the path, or all
trees, and lists what is wrong, the first 1,000 files, and why what could not be
put right could not. Nothing is changed. A name without a slash is a policy's.

Exit status: 0 nothing is wrong, 1 something is.
)";

constexpr std::string_view kShowIncident = R"(guardctl show-incident: all about one incident

Usage: guardctl show-incident [OPTION...] ID

Who did what, from where, to which files, and what became of it, as far as you
may know. With --json: every field.

Exit status: 0 done, 1 there is no such incident.
)";

constexpr std::string_view kStatus = R"(guardctl status: how guardd is, and what each policy gets

Usage: guardctl status [OPTION...]

Tells its health and backend and why, what it has counted since it was started,
for each policy what it wants, what it gets on this machine, and why that is
less; and the last incidents.

Exit status: 0 it is well, or a policy is paused; 1 it is degraded or disabled.
)";

constexpr std::string_view kUndo = R"(guardctl undo: takes back what was put right in an incident

Usage: guardctl undo [OPTION...] ID

Gives the files back the owner, group and mode that they had before, and lists
them, the first 1,000. What has changed since, or is not the same file any more,
is left as it is, and why is said. What was given back is not put right again
until somebody changes it.

      --dry-run         Only say what would be done

Exit status: 0 done; 1 something is left as it is, or there is no such incident.
)";

constexpr std::string_view kWatch = R"(guardctl watch: incidents as they happen

Usage: guardctl watch [OPTION...]

On a terminal a few lines for each, which change while it goes on; in a pipe or
with --json one line of JSON when it begins and one when it ends, as guardd does
with --log json. Until Ctrl-C, or until guardd ends.

      --policy POLICY   Of this policy only

Exit status: 0 it was stopped, 3 guardd has ended.
)";

}  // namespace

std::string_view daemon_help_text(std::string_view verb) {
  if (verb == "fix") return kFix;
  if (verb == "incidents") return kIncidents;
  if (verb == "learn") return kLearn;
  if (verb == "metrics") return kMetrics;
  if (verb == "pause") return kPause;
  if (verb == "reload") return kReload;
  if (verb == "report") return kReport;
  if (verb == "resume") return kResume;
  if (verb == "scan") return kScan;
  if (verb == "show-incident") return kShowIncident;
  if (verb == "status") return kStatus;
  if (verb == "undo") return kUndo;
  if (verb == "watch") return kWatch;
  return {};
}

}  // namespace guard::ctl
