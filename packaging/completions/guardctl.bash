# bash completion for guardctl                             -*- shell-script -*-
# shellcheck shell=bash

# The names of the policies, from the directories on the command line if there are any.
_guardctl_policies() {
  local -a directories=()
  local i
  for ((i = 1; i < ${#COMP_WORDS[@]} - 1; i++)); do
    if [[ ${COMP_WORDS[i]} == --policy-dir ]]; then
      [[ ${COMP_WORDS[i + 1]} != = ]] || ((i++))
      directories+=(--policy-dir "${COMP_WORDS[i + 1]}")
    fi
  done
  "${COMP_WORDS[0]/#\~/$HOME}" list "${directories[@]}" --json 2>/dev/null |
    sed -n 's/^    "name": "\([a-z0-9._-]*\)",\{0,1\}$/\1/p'
}

# The last incidents, from the running guardd.
_guardctl_incidents() {
  "${COMP_WORDS[0]/#\~/$HOME}" incidents --limit 20 --json 2>/dev/null | sed -n 's/^    "id": "\([a-z0-9]*\)",\{0,1\}$/\1/p'
}

_guardctl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb='' i before=''
  local verbs='check doctor exec explain export fix incidents learn list metrics pause reload report resume scan show show-incident status suggest undo watch'
  local options='--json --no-pager --quiet --policy-dir --bus --help --version'
  local operations='create mkdir mknod symlink link rename chown chmod write truncate map unlink rmdir setxattr
    removexattr setacl setflags mount read'
  COMPREPLY=()

  # "--op=create" arrives as three words if = is a word break.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]] && ((COMP_CWORD > 1)); then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --policy-dir | --user | --op | --exe | --unit | --container | --image | --login | --label | --trail | --html | --since | --until | --policy | \
        --severity | --path | --command | --category | --outcome | --incident | --limit | --top | --bus | --for | --reason | --root | --tree)
        [[ ${COMP_WORDS[i + 1]-} != = ]] || ((i++))
        ((i++))
        ;;
      *)
        [[ " $verbs " == *" ${COMP_WORDS[i]} "* ]] || continue
        verb=${COMP_WORDS[i]}
        break
        ;;
    esac
  done

  case $previous in
    --policy-dir | --root)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$current")
      return
      ;;
    --exe | --trail | --path | --html | --tree)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    --user | --login)
      mapfile -t COMPREPLY < <(compgen -u -- "$current")
      return
      ;;
    --unit)
      mapfile -t COMPREPLY < <(compgen -W "$(systemctl list-units --no-legend --no-pager --plain 2>/dev/null |
        cut -d' ' -f1)" -- "$current")
      return
      ;;
    --policy)
      mapfile -t COMPREPLY < <(compgen -W "$(_guardctl_policies)" -- "$current")
      return
      ;;
    --severity)
      mapfile -t COMPREPLY < <(compgen -W 'info low medium high critical' -- "$current")
      return
      ;;
    --format)
      mapfile -t COMPREPLY < <(compgen -W 'json csv cef rfc5424 ecs' -- "$current")
      return
      ;;
    --since | --until)
      mapfile -t COMPREPLY < <(compgen -W 'today yesterday' -- "$current")
      return
      ;;
    --for)
      mapfile -t COMPREPLY < <(compgen -W '10min 1h 7d' -- "$current")
      return
      ;;
    --outcome)
      mapfile -t COMPREPLY < <(compgen -W 'logged fixed denied skipped' -- "$current")
      return
      ;;
    --command | --category | --incident | --limit | --top | --bus | --reason) return ;;
    --op | --label)
      [[ $previous == --op ]] || operations='package-manager backup config-management'
      [[ $current != *,* ]] || before=${current%,*},
      mapfile -t COMPREPLY < <(compgen -P "$before" -W "$operations" -- "${current##*,}")
      return
      ;;
  esac
  if [[ $current == -* ]]; then
    [[ $verb != explain ]] || options+=' --user --op --exe --unit --container --image --login --label --terminal'
    [[ $verb != export ]] || options+=' --csv --format --incidents --trail --since --until --policy --login --severity --path
      --command --category --outcome --unit --incident --limit'
    [[ $verb != incidents ]] || options+=' --since --until --policy --login --severity --path --command
      --category --outcome --unit --limit'
    [[ $verb != report ]] || options+=' --since --until --policy --category --top --html'
    [[ $verb != suggest ]] || options+=' --tree --containers --user --root'
    [[ $verb != learn ]] || options+=' --for'
    [[ $verb != pause ]] || options+=' --for --reason'
    [[ $verb != watch ]] || options+=' --policy'
    [[ $verb != fix && $verb != undo ]] || options+=' --dry-run'
    [[ $verb != doctor ]] || options+=' --all --no-probe'
    [[ $verb != exec ]] || options+=' --excuse --reason'
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  case $verb in
    '') mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$current") ;;
    doctor | exec | learn | show | pause | resume) mapfile -t COMPREPLY < <(compgen -W "$(_guardctl_policies)" -- "$current") ;;
    show-incident | undo) mapfile -t COMPREPLY < <(compgen -W "$(_guardctl_incidents)" -- "$current") ;;
    scan | fix)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(
        [[ $current == */* ]] || compgen -W "$(_guardctl_policies)" -- "$current"
        [[ $current != */* ]] || compgen -f -- "$current"
      )
      ;;
    check | explain)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      ;;
  esac
}
complete -F _guardctl guardctl
