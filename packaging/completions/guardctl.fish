# fish completion for guardctl
set -l verbs check explain export fix incidents list metrics pause reload report resume scan show show-incident status undo watch
set -l operations create mkdir mknod symlink link rename chown chmod write truncate map unlink rmdir setxattr \
    removexattr setacl setflags mount read

complete -c guardctl -f
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a check -d 'Are the policies valid?'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a explain -d 'What would happen at a path?'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a export -d 'What the audit trail has kept'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a fix -d 'Put right what is wrong now'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a incidents -d 'What happened'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a list -d 'The policies there are'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a pause -d 'A maintenance window for a policy'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a reload -d 'Read policies and settings anew'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a report -d 'What happened, added up'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a resume -d 'End a pause'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a scan -d 'Is anything wrong now?'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a show -d 'One policy'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a show-incident -d 'All about one incident'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a metrics -d 'How guardd is, for Prometheus'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a status -d 'How guardd is'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a undo -d 'Take back what was put right'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a watch -d 'Incidents as they happen'
complete -c guardctl -l json -d 'Print JSON'
complete -c guardctl -l no-pager -d 'Do not page'
complete -c guardctl -s q -l quiet -d 'Print errors only'
complete -c guardctl -l policy-dir -x -a '(__fish_complete_directories)' -d 'Read policies from here'
complete -c guardctl -l bus -x -d 'Ask guardd on this bus'
complete -c guardctl -s h -l help -d 'Help'
complete -c guardctl -l version -d 'Version'
complete -c guardctl -n '__fish_seen_subcommand_from check explain scan fix' -F
complete -c guardctl -n '__fish_seen_subcommand_from show pause resume scan fix' \
    -a "(guardctl list --json 2>/dev/null | string replace -fr '^    \"name\": \"([a-z0-9._-]*)\",?\$' '\$1')"
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l user -x -a '(__fish_complete_users)' -d 'Whose doing'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l op -x -a "$operations" -d 'Which operations'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l exe -r -d 'The program'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l unit -x -d 'The systemd unit'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l login -x -a '(__fish_complete_users)' -d 'Who logged in'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l label -x \
    -a 'package-manager backup config-management' -d 'A built-in set of programs'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l terminal -d 'From a terminal'
complete -c guardctl -n '__fish_seen_subcommand_from export' -l csv -d 'A table for spreadsheets'
complete -c guardctl -n '__fish_seen_subcommand_from export' -l incidents -d 'Incidents, not each violation'
complete -c guardctl -n '__fish_seen_subcommand_from export' -l trail -r -d 'The audit trail'
complete -c guardctl -n '__fish_seen_subcommand_from export incidents report' -l since -x -a 'today yesterday' -d 'Not before'
complete -c guardctl -n '__fish_seen_subcommand_from export incidents report' -l until -x -a 'today yesterday' -d 'Before'
complete -c guardctl -n '__fish_seen_subcommand_from export incidents report watch' -l policy -x -d 'Of this policy'
complete -c guardctl -n '__fish_seen_subcommand_from export incidents' -l login -x -a '(__fish_complete_users)' -d 'Whose login'
complete -c guardctl -n '__fish_seen_subcommand_from export incidents' -l severity -x \
    -a 'info low medium high critical' -d 'At least'
complete -c guardctl -n '__fish_seen_subcommand_from export' -l path -r -d 'This, and what is below it'
complete -c guardctl -n '__fish_seen_subcommand_from export' -l command -x -d 'Its program or command line'
complete -c guardctl -n '__fish_seen_subcommand_from export' -l incident -x -d 'Of this incident'
complete -c guardctl -n '__fish_seen_subcommand_from export incidents' -l limit -x -d 'So many at most'
complete -c guardctl -n '__fish_seen_subcommand_from report' -l top -x -d 'Rows of each table'
complete -c guardctl -n '__fish_seen_subcommand_from fix undo' -l dry-run -d 'Change nothing'
complete -c guardctl -n '__fish_seen_subcommand_from pause' -l for -x -a '10min 1h' -d 'How long'
complete -c guardctl -n '__fish_seen_subcommand_from pause' -l reason -x -d 'What for'
