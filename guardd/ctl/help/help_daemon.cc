// The help of the verbs that ask the daemon.

#include "guardd/ctl/help/help.h"

namespace guard::ctl {
namespace {

constexpr std::string_view kFix = R"(guardctl fix: fix files that are wrong now

Usage: guardctl fix [OPTION...] [POLICY|PATH]

Scans the trees of the policy, or everything at and below the path, or all
trees, and fixes every file that can be fixed safely. The previous owner, group
and mode are recorded, so that "guardctl undo" can restore them. A name without
a slash is a policy. Ctrl-C ends the scan; files already fixed stay fixed.

      --dry-run    Change nothing: list wrong files, and why some of them could
                   not be fixed, as scan does

Exit status: 0 no file is wrong any more, 1 some files still are.
)";

constexpr std::string_view kIncidents = R"(guardctl incidents: list incidents

Usage: guardctl incidents [OPTION...]

Lists incidents, newest first: when, which policy, how many files, and whose
command it was, as far as you may know. An incident is all that one command of
one person violated.

Filters (default: the latest hundred):
      --since TIME      Not before: "2026-03-01 14:30", today, "2h ago"
      --until TIME      Before this time
      --policy POLICY   Of this policy
      --login USER      By this user or the person behind it: name or number
      --severity LEVEL  At least: info low medium high critical
      --limit N         At most N

Exit status: 0 success.
)";

constexpr std::string_view kLearn =
    R"(guardctl learn: suggest additions to a policy from its violations

Usage: guardctl learn [OPTION...] POLICY

Reads the recorded violations of the policy, and proposes entries for its file:
programs and units to allow, and files that belong to other owners, each with
how often and where. It works best while the action is "log". What a person did
at a terminal is listed, but not proposed. Changes nothing: copy what is right.

      --for DURATION    How far to look back (default: 7d)

Exit status: 0 success, 1 nothing was recorded, or there is no such policy.
)";

constexpr std::string_view kMetrics =
    R"(guardctl metrics: print the status for Prometheus

Usage: guardctl metrics [OPTION...]

Prints OpenMetrics text: the health, lost events, and for each policy its
counters since guardd was started, its state, and the end of a pause. With
--json, prints the same as status.

Exit status: 0 success.
)";

constexpr std::string_view kPause =
    R"(guardctl pause: start a maintenance window for one policy

Usage: guardctl pause [OPTION...] POLICY --for DURATION --reason TEXT

During the pause, guardd denies and fixes nothing in the trees of the policy,
and records violations as excused. The pause ends by itself and survives a
restart; when it ends, guardd scans the trees. A new pause replaces this one.

      --for DURATION    How long: 10min, 2h, "1h 30min"
      --reason TEXT     The reason, for anyone who asks later

Exit status: 0 success, 1 there is no such policy.
)";

constexpr std::string_view kReload =
    R"(guardctl reload: reload policies and settings

Usage: guardctl reload [OPTION...]

Waits until the new policies are in force. If they are invalid, all errors are
printed on standard error, and the previous policies stay in force.

Exit status: 0 success, 1 they are invalid.
)";

constexpr std::string_view kReport = R"(guardctl report: sum up violations

Usage: guardctl report [OPTION...]

Shows how many violations there were and how they ended, over time and by hour
of the day, and the most frequent policies, users, commands, paths and
operations. If you may not see commands, it shows programs. Times are in the
time zone of this machine.

Filters (default: the whole audit trail):
      --since TIME      Not before: "2026-03-01 14:30", today, "7d ago"
      --until TIME      Before this time
      --policy POLICY   Of this policy
      --top N           Rows of each table (default: 10)

      --html FILE       Write one self-contained page with charts to FILE, which
                        only you can read; - is standard output

Exit status: 0 success.
)";

constexpr std::string_view kResume = R"(guardctl resume: end a maintenance window early

Usage: guardctl resume [OPTION...] POLICY

Exit status: 0 success, 1 there is no such policy.
)";

constexpr std::string_view kScan = R"(guardctl scan: list files that are wrong now

Usage: guardctl scan [OPTION...] [POLICY|PATH]

Scans the trees of the policy, or everything at and below the path, or all
trees. Lists the first 1,000 wrong files, and why some of them could not be
fixed. Changes nothing. A name without a slash is a policy.

Exit status: 0 no file is wrong, 1 some are.
)";

constexpr std::string_view kShowIncident =
    R"(guardctl show-incident: show everything about one incident

Usage: guardctl show-incident [OPTION...] ID

Shows who did what, from where, to which files, and how it ended, as far as you
may know. With --json, prints every field.

Exit status: 0 success, 1 there is no such incident.
)";

constexpr std::string_view kStatus =
    R"(guardctl status: show the health of guardd and of each policy

Usage: guardctl status [OPTION...]

Shows the health and the backend, with reasons, and the counters since start.
For each policy it shows the wanted action, the action in effect on this
machine, and why they differ. The latest incidents follow.

Exit status: 0 ok, or a policy is paused; 1 degraded or disabled.
)";

constexpr std::string_view kUndo = R"(guardctl undo: undo the fixes of an incident

Usage: guardctl undo [OPTION...] ID

Restores the previous owner, group and mode of the files, and lists the first
1,000. A file that has changed since, or was replaced, is left as it is, and
the reason is shown. guardd does not fix a restored file again until it is
changed.

      --dry-run         Only show what would be done

Exit status: 0 success; 1 a file was left as it is, or there is no such
incident.
)";

constexpr std::string_view kWatch = R"(guardctl watch: show incidents as they happen

Usage: guardctl watch [OPTION...]

On a terminal, shows a few lines for each incident and updates them until it
ends. In a pipe or with --json, prints one line of JSON when an incident begins
and one when it ends, in the format of guardd --log json. Runs until Ctrl-C, or
until guardd ends.

      --policy POLICY   Only of this policy

Exit status: 0 stopped by Ctrl-C, 3 guardd has ended.
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
