#include "guardd/ctl/help/help.h"

namespace guard::ctl {
namespace {

constexpr std::string_view kMain = R"(guardctl: keeps services the owners of their files

Usage: guardctl [OPTION...] VERB [ARGUMENT...]

Policies (no daemon needed):
  check [FILE|DIR...]  Are the policies valid, and what can guardd do here?
  doctor [POLICY...]   What on this machine keeps guardd from its work?
  exec POLICY -- COMMAND
                       Run something as its owner
  explain PATH         What would happen at this path, and why?
  list                 The policies there are
  show POLICY          One policy, and where each of its values comes from
  suggest [UNIT...]    Policies for the services and directories there are

The daemon:
  status               How guardd is, and what each policy gets
  metrics              The same for Prometheus
  watch                Incidents as they happen
  scan [POLICY|PATH]   Is anything wrong now?
  fix [POLICY|PATH]    Put right what is
  pause POLICY         A maintenance window, which ends by itself
  resume POLICY        End it before its time
  reload               Read policies and settings anew

History:
  incidents            What happened
  show-incident ID     All about one incident
  learn POLICY         What could be added to it, from who broke it
  report               What happened, added up: who, with what, where, when
  undo ID              Take back what was put right in an incident
  export               What the audit trail has kept, for other programs

Options:
      --json            Print JSON, for programs
      --no-pager        Do not page long output
  -q, --quiet           Print errors only; --json still prints its JSON
      --policy-dir DIR  Read policies from DIR, not the standard directories;
                        may be given several times, earlier ones win
      --bus ADDRESS     Ask guardd on this bus, not the system's
  -h, --help            This help; after a verb, the help of the verb
      --version         The version

Exit status: 0 done, 1 failed or found something, 2 wrong usage, 3 guardd is not
running, 4 not permitted.
)";

constexpr std::string_view kCheck =
    R"(guardctl check: are the policies valid, and what can be done for them here?

Usage: guardctl check [OPTION...] [FILE|DIR...]

Reads the policies in the files and directories given, or in the standard ones,
reports everything that is wrong with them in one go, and says what each backend
could do for each policy on this machine. Nothing is changed.

Of several directories, a file in an earlier one replaces the file of the same
name in a later one, and a link to /dev/null masks it.

Exit status: 0 valid, 1 invalid. Warnings do not count.
)";

constexpr std::string_view kDoctor =
    R"(guardctl doctor: what on this machine keeps guardd from its work?

Usage: guardctl doctor [OPTION...] [POLICY...]

Looks at the kernel, at how people log in, at the clock, at guardd itself and
where it keeps what it knows; and for the policies, at names, services, file
systems, and at who else sets owners in their trees. What is not well comes with
why it matters and how to mend it.

In the end it proves each policy: as root it makes an empty file in its first
tree, sees whether guardd denies it, puts it right or tells of it as the policy
says, and takes it away again. Each leaves one incident made by guardctl. Only
the guard "ownership" is proved.

It needs no daemon, but says that it should run. Ask as root: what others may
not see is skipped. With POLICY, only the trees of these are looked at.

      --no-probe   Make no files: only look
  -v, --all        Also why it matters what is well, and what to do about what
                   was skipped

Exit status: 0 well, but perhaps for warnings, 1 something failed.
)";

constexpr std::string_view kExec =
    R"(guardctl exec: runs a command as the owner of a policy, or excused

Usage: guardctl exec [OPTION...] POLICY -- COMMAND [ARGUMENT...]
       guardctl exec [OPTION...] --excuse --reason TEXT -- COMMAND [ARGUMENT...]

What should have been typed: as the owner that the policy wants, with his groups
and a clean environment, so that what the command makes is his, and readable for
whom file_mode and dir_mode say. The group is the policy's where the owner is in
it. It runs where you are if the owner may go there, else in the policy's tree.

On a terminal the command gets one of its own: it cannot type into yours.
Only root can do this, and the owner himself. It needs no daemon.

      --excuse        As yourself, as you are; but guardd denies nothing that
                      the command and all that it starts do, puts nothing
                      right, and records it as excused. What they leave stays so
                      until somebody changes it. Ends with the last of them,
                      with guardd, or after a day.
      --reason TEXT   What for, for whoever asks later

Exit status: that of COMMAND; 128 and its number if a signal has ended it; 126
it could not be run, 127 it was not found; 1 to 4 as ever, if nothing was run.
--json changes nothing here.
)";

constexpr std::string_view kExplain = R"(guardctl explain: what would happen at this path, and why?

Usage: guardctl explain [OPTION...] PATH

Tells which policy and which rule apply to PATH, whether or not it exists, and
what each backend would do if somebody worked on it: step by step, each with the
line of the policy that decides it.

Who is asked about:
      --user USER       Whose doing: a name or a number (default: root)
      --op OP[,OP...]   Which operations (default: all): create mkdir mknod
                        symlink link rename chown chmod write truncate map
                        unlink rmdir setxattr removexattr setacl setflags mount
                        read
      --exe FILE        The program that does it
      --unit UNIT       The systemd unit it runs in
      --login USER      Who logged in (the loginuid)
      --label LABEL     package-manager, backup or config-management
      --terminal        From a terminal; with --login: interactively

What is made is taken to be USER's own; what is renamed or linked to PATH, too.

Exit status: 0 done, 1 the policies are invalid or USER is unknown.
)";

constexpr std::string_view kExport =
    R"(guardctl export: what the audit trail has kept, for other programs

Usage: guardctl export [OPTION...]

Prints violations, the newest first: JSON, one object a line, as guardd does
with --log json. Reads the trail while guardd writes it; who may read the file
may do this.

      --csv             A table for spreadsheets, with a line of names
      --incidents       Incidents, not each violation
      --trail FILE      The audit trail (default: /var/lib/guardd/audit.db)

Which (default: all):
      --since TIME      Not before: "2026-03-01 14:30", today, "2h ago"
      --until TIME      Before
      --policy POLICY   Of this policy
      --login USER      Whose login, or who is behind it: a name or a number
      --severity LEVEL  At least: info low medium high critical
      --path PATH       This, and what is below it
      --command COMMAND Its program, or how its command line begins
      --incident ID     Of this incident
      --limit N         So many at most

Exit status: 0 done, 1 the trail cannot be read, 2 wrong usage.
)";

constexpr std::string_view kList = R"(guardctl list: the policies there are

Usage: guardctl list [OPTION...]

Each with its action, the owner it wants, the file it stands in, and its trees.

Exit status: 0 done, 1 the policies are invalid.
)";

constexpr std::string_view kShow =
    R"(guardctl show: one policy, and where each of its values comes from

Usage: guardctl show [OPTION...] POLICY

Tells the line that each value was written in, or what it follows from, and what
each backend makes of the policy.

Exit status: 0 done, 1 there is no such policy, or the policies are invalid.
)";

constexpr std::string_view kSuggest =
    R"(guardctl suggest: policies for the services and directories there are

Usage: guardctl suggest [OPTION...] [UNIT...]
       guardctl suggest [OPTION...] --tree PATH...

Prints a policy file, with comments on why, that "guardctl check" passes. Every
policy only logs: read it, change what is not so, and put it in its place:

  guardctl suggest postgresql nginx redis > /etc/guardd/policies.d/db.toml

Without UNIT, for the services that are enabled or running. Their units, what is
known of usual servers, and who owns what is there now are what it goes by. What
was left out, and why, stands at the end.

      --tree PATH...    From who owns what in these directories, whatever uses
                        them: most of it says the owner, the rest makes rules
      --root DIR        Of the machine that lies in this directory

Exit status: 0 done, 1 nothing to suggest, or no such unit or directory.
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
