# fish completion for guardctl
set -l verbs check explain list show
set -l operations create mkdir mknod symlink link rename chown chmod write truncate map unlink rmdir setxattr \
    removexattr setacl setflags mount read

complete -c guardctl -f
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a check -d 'Are the policies valid?'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a explain -d 'What would happen at a path?'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a list -d 'The policies there are'
complete -c guardctl -n "not __fish_seen_subcommand_from $verbs" -a show -d 'One policy'
complete -c guardctl -l json -d 'Print JSON'
complete -c guardctl -l no-pager -d 'Do not page'
complete -c guardctl -s q -l quiet -d 'Print errors only'
complete -c guardctl -l policy-dir -x -a '(__fish_complete_directories)' -d 'Read policies from here'
complete -c guardctl -s h -l help -d 'Help'
complete -c guardctl -l version -d 'Version'
complete -c guardctl -n '__fish_seen_subcommand_from check explain' -F
complete -c guardctl -n '__fish_seen_subcommand_from show' \
    -a "(guardctl list --json 2>/dev/null | string replace -fr '^    \"name\": \"([a-z0-9._-]*)\",?\$' '\$1')"
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l user -x -a '(__fish_complete_users)' -d 'Whose doing'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l op -x -a "$operations" -d 'Which operations'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l exe -r -d 'The program'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l unit -x -d 'The systemd unit'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l login -x -a '(__fish_complete_users)' -d 'Who logged in'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l label -x \
    -a 'package-manager backup config-management' -d 'A built-in set of programs'
complete -c guardctl -n '__fish_seen_subcommand_from explain' -l terminal -d 'From a terminal'
