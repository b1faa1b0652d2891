#include "guardd/ctl/help/help.h"

#include <array>

namespace guard::ctl {
namespace {

// That of guardctl, then those of its verbs. Each begins with "guardctl VERB:".
constexpr std::array<std::string_view, 22> kTexts{
    R"(guardctl: keeps services the owners of their files

Usage: guardctl [OPTION...] VERB [ARGUMENT...]

Policies (no daemon needed):
  check [FILE|DIR...]  Check policies, and show what guardd can do here
  doctor [POLICY...]   Find what on this machine keeps guardd from working
  exec POLICY -- COMMAND
                       Run a command as the owner of a policy
  explain PATH         Show what would happen at a path, and why
  list                 List the policies
  show POLICY          Show one policy, and where each value comes from
  suggest [UNIT...]    Suggest policies for the services of this machine

The daemon:
  status               Show the health of guardd and of each policy
  metrics              Print the status for Prometheus
  watch                Show incidents as they happen
  scan [POLICY|PATH]   List files that are wrong now
  fix [POLICY|PATH]    Fix files that are wrong now
  pause POLICY         Start a maintenance window, which ends by itself
  resume POLICY        End a maintenance window early
  reload               Reload policies and settings

History:
  incidents            List incidents
  show-incident ID     Show everything about one incident
  learn POLICY         Suggest additions to a policy from its violations
  report               Sum up violations: who, with what, where, when
  undo ID              Undo the fixes of an incident
  export               Export the audit trail for other programs

Options:
      --json            Print JSON, for programs
      --no-pager        Do not page long output
  -q, --quiet           Print errors only; --json still prints its JSON
      --policy-dir DIR  Read policies from DIR instead of the standard
                        directories; repeat it for more, earlier ones win
      --bus ADDRESS     Connect to guardd on this bus, not the system bus
  -h, --help            Show this help, or the help of a verb
      --version         Show the version

Exit status: 0 success, 1 failed or found something, 2 wrong usage, 3 guardd is
not running, 4 not permitted.
)",

    R"(guardctl check: check policies, and show what guardd can do here

Usage: guardctl check [OPTION...] [FILE|DIR...]

Reads the policies in the given files and directories, or in the standard
directories, and reports all errors at once. Shows what each backend can do for
each policy on this machine. Changes nothing.

If there are several directories, a file in an earlier one replaces the file of
the same name in a later one, and a link to /dev/null masks it.

Exit status: 0 valid, 1 invalid. Warnings do not count.
)",

    R"(guardctl doctor: find what on this machine keeps guardd from working

Usage: guardctl doctor [OPTION...] [POLICY...]

Checks the kernel, how users log in, the clock, guardd itself and its state
directory. For the policies it checks names, services, file systems, and other
programs that set owners in their trees. Each problem comes with the reason why
it matters and with a fix.

At the end it tests each policy: as root it creates an empty file in the first
tree, checks that guardd denies, fixes or logs it as the policy says, and
removes it. Each test leaves one incident caused by guardctl. Only the guard
"ownership" is tested.

It works without the daemon, but reports that the daemon should be running. Run
it as root: checks that need root are skipped otherwise. With POLICY, it checks
only the trees of these policies.

      --no-probe   Create no test files
  -v, --all        Also show why passed checks matter, and what to do about
                   skipped ones

Exit status: 0 no check failed, though some may warn; 1 a check failed.
)",

    R"(guardctl exec: run a command as the owner of a policy, or excused

Usage: guardctl exec [OPTION...] POLICY -- COMMAND [ARGUMENT...]
       guardctl exec [OPTION...] --excuse --reason TEXT -- COMMAND [ARGUMENT...]

Runs COMMAND as the owner that the policy wants, with the groups of the owner
and a clean environment. New files then belong to the owner and have at most
the modes of file_mode and dir_mode. The group is that of the policy if the
owner is a member. The command runs in the current directory if the owner may
enter it, otherwise in the tree of the policy.

On a terminal, the command gets a terminal of its own: it cannot type into
yours. Only root and the owner can do this. It needs no daemon.

      --excuse        Run as yourself. guardd denies and fixes nothing that the
                      command and its children do, and records it as excused.
                      Their files stay as they are until the next change. The
                      excuse ends when the last of these processes ends, when
                      guardd ends, or after a day.
      --reason TEXT   The reason, for anyone who asks later

Exit status: that of COMMAND, or 128 plus the number of the signal that ended
it; 126 it could not be run, 127 it was not found; 1 to 4 as usual if nothing
was run. --json has no effect here.
)",

    R"(guardctl explain: show what would happen at a path, and why

Usage: guardctl explain [OPTION...] PATH

Shows which policy and which rule apply to PATH, whether or not it exists, and
what each backend would do if a user changed it: step by step, each with the
line of the policy that decides.

The change in question:
      --user USER       Who changes it: a name or a number (default: root)
      --op OP[,OP...]   Operations (default: all): create mkdir mknod symlink
                        link rename chown chmod write truncate map unlink rmdir
                        setxattr removexattr setacl setflags mount read
      --exe FILE        The program that changes it
      --unit UNIT       The systemd unit that the program runs in
      --container NAME  The container that the program runs in, one of root's
      --image IMAGE     The image of that container
      --login USER      Who logged in (the loginuid)
      --label LABEL     package-manager, backup or config-management
      --terminal        From a terminal; with --login: interactively

A new file is assumed to belong to USER; so is a file that is renamed or linked
to PATH.

Exit status: 0 success, 1 the policies are invalid or USER is unknown.
)",

    R"(guardctl export: export the audit trail for other programs

Usage: guardctl export [OPTION...]

Prints violations, newest first, as JSON: one object per line, in the format of
guardd --log json. Works while guardd is writing to the trail. You need to be
able to read the file.

      --format FORMAT   json; csv, a table for spreadsheets; or for log servers
                        cef, rfc5424 (syslog) or ecs (Elastic)
      --csv             The same as --format csv
      --incidents       Print incidents instead of violations
      --trail FILE      The audit trail (default: /var/lib/guardd/audit.db)

Filters (default: all):
      --since TIME      Not before: "2026-03-01 14:30", today, "2h ago"
      --until TIME      Before this time
      --policy POLICY   Of this policy
      --login USER      By this user or the person behind it: name or number
      --severity LEVEL  At least: info low medium high critical
      --path PATH       At or below this path, or a pattern: "/srv/*.tmp"
      --command COMMAND By this program, or a command line that starts like this
      --category TEXT   Of policies with this category
      --outcome WORD    logged, fixed, denied or skipped
      --unit UNIT       By this systemd unit
      --incident ID     Of this incident
      --limit N         At most N

Exit status: 0 success, 1 the trail cannot be read, 2 wrong usage.
)",

    R"(guardctl fix: fix files that are wrong now

Usage: guardctl fix [OPTION...] [POLICY|PATH]

Scans the trees of the policy, or everything at and below the path, or all
trees, and fixes every file that can be fixed safely. The previous owner, group
and mode are recorded, so that "guardctl undo" can restore them. A name without
a slash is a policy. Ctrl-C ends the scan; files already fixed stay fixed.

      --dry-run    Change nothing: list wrong files, and why some of them could
                   not be fixed, as scan does

Exit status: 0 no file is wrong any more, 1 some files still are.
)",

    R"(guardctl incidents: list incidents

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
      --path PATH       At or below this path, or a pattern: "/srv/*.tmp"
      --command COMMAND By this program, or a command line that starts like this
      --category TEXT   Of policies with this category
      --outcome WORD    logged, fixed, denied or skipped
      --unit UNIT       By this systemd unit
      --limit N         At most N

Exit status: 0 success.
)",

    R"(guardctl learn: suggest additions to a policy from its violations

Usage: guardctl learn [OPTION...] POLICY

Reads the recorded violations of the policy, and proposes entries for its file:
programs and units to allow, and files that belong to other owners, each with
how often and where. It works best while the action is "log". What a person did
at a terminal is listed, but not proposed. Changes nothing: copy what is right.

      --for DURATION    How far to look back (default: 7d)

Exit status: 0 success, 1 nothing was recorded, or there is no such policy.
)",

    R"(guardctl list: list the policies

Usage: guardctl list [OPTION...]

Shows each policy with its action, its owner, its file and its trees.

Exit status: 0 success, 1 the policies are invalid.
)",

    R"(guardctl metrics: print the status for Prometheus

Usage: guardctl metrics [OPTION...]

Prints OpenMetrics text: the health, lost events, late answers, helpers that
were given up, and for each policy its counters since guardd was started, its
state, and the end of a pause. guardctl(1) describes each metric. With --json,
prints the same as status.

Exit status: 0 success.
)",

    R"(guardctl pause: start a maintenance window for one policy

Usage: guardctl pause [OPTION...] POLICY --for DURATION --reason TEXT

During the pause, guardd denies and fixes nothing in the trees of the policy,
and records violations as excused. The pause ends by itself and survives a
restart; when it ends, guardd scans the trees. A new pause replaces this one.

      --for DURATION    How long: 10min, 2h, "1h 30min"
      --reason TEXT     The reason, for anyone who asks later

Exit status: 0 success, 1 there is no such policy.
)",

    R"(guardctl reload: reload policies and settings

Usage: guardctl reload [OPTION...]

Waits until the new policies are in force. If they are invalid, all errors are
printed on standard error, and the previous policies stay in force.

Exit status: 0 success, 1 they are invalid.
)",

    R"(guardctl report: sum up violations

Usage: guardctl report [OPTION...]

Shows how many violations there were and how they ended, over time and by hour
of the day, and the most frequent policies, users, commands, paths, operations
and categories. If you may not see commands, it shows programs. Times are in
the time zone of this machine.

Filters (default: the whole audit trail):
      --since TIME      Not before: "2026-03-01 14:30", today, "7d ago"
      --until TIME      Before this time
      --policy POLICY   Of this policy
      --category TEXT   Of policies with this category
      --top N           Rows of each table (default: 10)

      --html FILE       Write one self-contained page with charts to FILE, which
                        only you can read; - is standard output

Exit status: 0 success.
)",

    R"(guardctl resume: end a maintenance window early

Usage: guardctl resume [OPTION...] POLICY

Exit status: 0 success, 1 there is no such policy.
)",

    R"(guardctl scan: list files that are wrong now

Usage: guardctl scan [OPTION...] [POLICY|PATH]

Scans the trees of the policy, or everything at and below the path, or all
trees. Lists the first 1,000 wrong files, and why some of them could not be
fixed. Changes nothing. A name without a slash is a policy.

Exit status: 0 no file is wrong, 1 some are.
)",

    R"(guardctl show: show one policy, and where each value comes from

Usage: guardctl show [OPTION...] POLICY

Shows the line that sets each value, or what the value follows from, and what
each backend can do for the policy.

Exit status: 0 success, 1 there is no such policy, or the policies are invalid.
)",

    R"(guardctl show-incident: show everything about one incident

Usage: guardctl show-incident [OPTION...] ID

Shows who did what, from where, to which files, and how it ended, as far as you
may know. With --json, prints every field.

Exit status: 0 success, 1 there is no such incident.
)",

    R"(guardctl status: show the health of guardd and of each policy

Usage: guardctl status [OPTION...]

Shows the health and the backend, with reasons, and the counters since start.
For each policy it shows the wanted action, the action in effect on this
machine, and why they differ. The latest incidents follow.

Exit status: 0 ok, or a policy is paused; 1 degraded or disabled.
)",

    R"(guardctl suggest: suggest policies for the services of this machine

Usage: guardctl suggest [OPTION...] [UNIT...]
       guardctl suggest [OPTION...] --tree PATH...
       guardctl suggest [OPTION...] --containers [--user NAME]

Prints a policy file that passes "guardctl check", with comments that give the
reasons. All policies in it only log. Read it, correct it and save it:

  guardctl suggest postgresql nginx redis > /etc/guardd/policies.d/db.toml

Without UNIT, it covers the services that are enabled or running. It looks at
their units, at the usual directories of known servers, and at the owners of
existing files. What was left out, and why, is listed at the end.

      --tree PATH...    Look at the owners of files in these directories: the
                        most frequent one becomes the owner, others make rules
      --containers      Ask Docker and Podman for containers, and cover their
                        volumes and bind mounts: the owner is the user that the
                        processes of the container run as, or its image's USER
      --user NAME       Ask the rootless Docker and Podman of this user
      --root DIR        For the machine whose root directory is DIR

Exit status: 0 success, 1 nothing to suggest, no such unit or directory,
or no container runtime that answers.
)",

    R"(guardctl undo: undo the fixes of an incident

Usage: guardctl undo [OPTION...] ID

Restores the previous owner, group and mode of the files, and lists the first
1,000. A file that has changed since, or was replaced, is left as it is, and
the reason is shown. guardd does not fix a restored file again until it is
changed.

      --dry-run         Only show what would be done

Exit status: 0 success; 1 a file was left as it is, or there is no such
incident.
)",

    R"(guardctl watch: show incidents as they happen

Usage: guardctl watch [OPTION...]

On a terminal, shows a few lines for each incident and updates them until it
ends. In a pipe or with --json, prints one line of JSON when an incident begins
and one when it ends, in the format of guardd --log json. Runs until Ctrl-C, or
until guardd ends.

      --policy POLICY   Only of this policy

Exit status: 0 stopped by Ctrl-C, 3 guardd has ended.
)"};

constexpr std::string_view kProgram = "guardctl ";

}  // namespace

std::string_view help_text(std::string_view verb) {
  for (const auto text : kTexts)
    if (text.substr(kProgram.size(), text.find(':') - kProgram.size()) == verb) return text;
  return kTexts.front();
}

}  // namespace guard::ctl
