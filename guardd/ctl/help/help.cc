#include "guardd/ctl/help/help.h"

namespace guard::ctl {
namespace {

constexpr std::string_view kMain = R"(guardctl: keeps services the owners of their files

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
)";

constexpr std::string_view kCheck =
    R"(guardctl check: check policies, and show what guardd can do here

Usage: guardctl check [OPTION...] [FILE|DIR...]

Reads the policies in the given files and directories, or in the standard
directories, and reports all errors at once. Shows what each backend can do for
each policy on this machine. Changes nothing.

If there are several directories, a file in an earlier one replaces the file of
the same name in a later one, and a link to /dev/null masks it.

Exit status: 0 valid, 1 invalid. Warnings do not count.
)";

constexpr std::string_view kDoctor =
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
)";

constexpr std::string_view kExec =
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
)";

constexpr std::string_view kExplain =
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
      --login USER      Who logged in (the loginuid)
      --label LABEL     package-manager, backup or config-management
      --terminal        From a terminal; with --login: interactively

A new file is assumed to belong to USER; so is a file that is renamed or linked
to PATH.

Exit status: 0 success, 1 the policies are invalid or USER is unknown.
)";

constexpr std::string_view kExport =
    R"(guardctl export: export the audit trail for other programs

Usage: guardctl export [OPTION...]

Prints violations, newest first, as JSON: one object per line, in the format of
guardd --log json. Works while guardd is writing to the trail. You need to be
able to read the file.

      --csv             Print a table for spreadsheets, with column names
      --incidents       Print incidents instead of violations
      --trail FILE      The audit trail (default: /var/lib/guardd/audit.db)

Filters (default: all):
      --since TIME      Not before: "2026-03-01 14:30", today, "2h ago"
      --until TIME      Before this time
      --policy POLICY   Of this policy
      --login USER      By this user or the person behind it: name or number
      --severity LEVEL  At least: info low medium high critical
      --path PATH       At or below this path
      --command COMMAND By this program, or a command line that starts like this
      --incident ID     Of this incident
      --limit N         At most N

Exit status: 0 success, 1 the trail cannot be read, 2 wrong usage.
)";

constexpr std::string_view kList = R"(guardctl list: list the policies

Usage: guardctl list [OPTION...]

Shows each policy with its action, its owner, its file and its trees.

Exit status: 0 success, 1 the policies are invalid.
)";

constexpr std::string_view kShow =
    R"(guardctl show: show one policy, and where each value comes from

Usage: guardctl show [OPTION...] POLICY

Shows the line that sets each value, or what the value follows from, and what
each backend can do for the policy.

Exit status: 0 success, 1 there is no such policy, or the policies are invalid.
)";

constexpr std::string_view kSuggest =
    R"(guardctl suggest: suggest policies for the services of this machine

Usage: guardctl suggest [OPTION...] [UNIT...]
       guardctl suggest [OPTION...] --tree PATH...

Prints a policy file that passes "guardctl check", with comments that give the
reasons. All policies in it only log. Read it, correct it and save it:

  guardctl suggest postgresql nginx redis > /etc/guardd/policies.d/db.toml

Without UNIT, it covers the services that are enabled or running. It looks at
their units, at the usual directories of known servers, and at the owners of
existing files. What was left out, and why, is listed at the end.

      --tree PATH...    Look at the owners of files in these directories: the
                        most frequent one becomes the owner, others make rules
      --root DIR        For the machine whose root directory is DIR

Exit status: 0 success, 1 nothing to suggest, or no such unit or directory.
)";

}  // namespace

std::string_view help_text(std::string_view verb) {
  if (verb == "check") return kCheck;
  if (verb == "doctor") return kDoctor;
  if (verb == "exec") return kExec;
  if (verb == "explain") return kExplain;
  if (verb == "export") return kExport;
  if (verb == "list") return kList;
  if (verb == "show") return kShow;
  if (verb == "suggest") return kSuggest;
  const auto text = daemon_help_text(verb);
  return text.empty() ? kMain : text;
}

}  // namespace guard::ctl
