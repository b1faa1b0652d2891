# shellcheck shell=bash source=tests/script.sh
# Tests of guardctl and guardd use these functions to run a command and to check its output. Each test has a scratch
# directory, which is also the current one.
#
#   typed 1 guardctl check x.toml    runs the command; fails unless its exit status is 1; keeps its output in out and err
#   out_has 'a pattern'              a line of standard output matches; also out_lacks, err_has, err_lacks
#   out_is '' / err_is ''            the output is exactly this
#   json '.policies | length == 2'   standard output is JSON, and the jq filter is true for it
. "$GUARD_SOURCE_DIR/tests/script.sh"

unset NO_COLOR PAGER LESS MANPAGER
export LC_ALL=C.UTF-8 TERM=xterm
PATH=$GUARD_BUILD_DIR/guardd:$GUARD_BUILD_DIR/guardd/ctl:$PATH
umask 022

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 0755 "$scratch"
cd "$scratch" || exit 1

said='' out='' err=''

# All verbs of guardctl. Its help, its man page and its completions must have them.
# shellcheck disable=SC2034  # for the tests
verbs=(check doctor exec explain export fix incidents learn list metrics pause reload report resume scan show show-incident status suggest undo watch)

# A failure prints the command, what was expected and the output.
wrong() {
  echo "typed:    $said"
  cat -v <<<"expected: $1"
  cat -v <<<"$out" | sed 's/^/got out:  /'
  cat -v <<<"$err" | sed 's/^/got err:  /'
  exit 1
}

# Output that is not text must not stop a test: all bytes but NUL are kept.
typed() {
  local expected=$1 got=0
  shift
  printf -v said '%q ' "$@"
  "$@" >"$scratch/.out" 2>"$scratch/.err" </dev/null || got=$?
  IFS= read -r -d '' out <"$scratch/.out" || :
  IFS= read -r -d '' err <"$scratch/.err" || :
  out=${out%$'\n'} err=${err%$'\n'}
  [[ $err != *"runtime error:"* && $err != *Sanitizer* ]] || wrong "no complaint of a sanitizer"
  ((got == expected)) || wrong "exit status $expected, not $got"
}

out_has() { grep -qE -e "$1" <<<"$out" || wrong "on standard output: $1"; }
out_lacks() { ! grep -qE -e "$1" <<<"$out" || wrong "nowhere on standard output: $1"; }
err_has() { grep -qE -e "$1" <<<"$err" || wrong "on standard error: $1"; }
err_lacks() { ! grep -qE -e "$1" <<<"$err" || wrong "nowhere on standard error: $1"; }
out_is() { [[ $out == "$1" ]] || wrong "standard output to be: '$1'"; }
err_is() { [[ $err == "$1" ]] || wrong "standard error to be: '$1'"; }
json() { jq -e "$1" <<<"$out" >/dev/null 2>&1 || wrong "JSON of which this is true: $1"; }

# For users other than root, guardctl also warns that root does not own the files. This removes the warning.
as_for_root() {
  ((EUID == 0)) || err=$(grep -vF 'guardd will reject this file until root owns it' <<<"$err" || :)
}

# The command printed no errors and no warnings.
unblamed() {
  as_for_root
  err_is ''
}

# Trees must be safe from third users; in a scratch directory, they are only if root owns it.
need_root() { ((EUID == 0)) || skip "not root: the user who runs the test could replace its trees"; }

# Wrong usage: exit status 2, one line on standard error that names the program, and no help text.
misused() {
  local pattern=$1
  shift
  typed 2 "$@"
  out_is ''
  err_has "^${1##*/}: .*$pattern"
  [[ $err != *$'\n'* ]] || wrong "one line on standard error"
  err_lacks 'Usage:'
}

# Puts the long options in the last output, a help text, into "options".
options=()
# shellcheck disable=SC2034  # for the tests
find_options() { mapfile -t options < <(grep -E '^ ' <<<"$out" | grep -oE -e '--[a-z-]+' | sort -u); }

# No line of the last output is wider than a terminal.
fits() {
  local line
  while IFS= read -r line; do
    ((${#line} <= 80)) || wrong "at most 80 columns, not ${#line}: $line"
  done <<<"$out"
}

# as_ordinary STATUS COMMAND...: runs it as a user other than root: as the user nobody if root runs the test.
as_ordinary() {
  local status=$1
  shift
  if ((EUID != 0)); then
    typed "$status" "$@"
  else
    typed "$status" setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
  fi
}

# The user of as_ordinary must be able to reach the programs.
need_ordinary() {
  ((EUID == 0)) || return 0
  setpriv --reuid=nobody --regid=nogroup --clear-groups test -x "$(command -v guardctl)" ||
    skip "an ordinary user cannot reach the build directory"
}

# on_terminal STATUS COMMAND...: runs it on a terminal of 80 columns and 24 rows; out is what it shows, without carriage
# returns.
on_terminal() {
  local expected=$1 command got=0
  shift
  printf -v command '%q ' "$@"
  said="$command (on a terminal)" err=''
  script -qec "stty rows 24 cols 80; $command 2>/dev/null" /dev/null >"$scratch/.out" 2>&1 </dev/null || got=$?
  IFS= read -r -d '' out < <(tr -d '\r' <"$scratch/.out") || :
  out=${out%$'\n'}
  ((got == expected)) || wrong "exit status $expected, not $got"
}

# policy NAME PATH OWNER [LINE...]: prints a policy.
policy() {
  printf '[[policy]]\nname = "%s"\npaths = ["%s"]\nowner = "%s"\n' "$1" "$2" "$3"
  shift 3
  (($# == 0)) || printf '%s\n' "$@"
}
