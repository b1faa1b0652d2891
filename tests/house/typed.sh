# shellcheck shell=bash source=tests/script.sh
# How the tests of guardctl and guardd type a command and hold its answer against what was promised. Each works in a
# directory of its own, which is also the current one, with the helper's functions:
#
#   typed 1 guardctl check x.toml    runs it; fails unless it ends with 1; keeps what it said in out and err
#   out_has 'a pattern'              standard output has a line that matches; also out_lacks, err_has, err_lacks
#   out_is '' / err_is ''            it is exactly this
#   json '.policies | length == 2'   standard output is JSON, and the jq filter is true of it
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

# All that guardctl knows, as its help, its man page and its completions must say.
# shellcheck disable=SC2034  # for the tests
verbs=(check doctor exec explain export fix incidents learn list metrics pause reload report resume scan show show-incident status suggest undo watch)

# A failure says what was typed, what was expected and what came.
wrong() {
  echo "typed:    $said"
  cat -v <<<"expected: $1"
  cat -v <<<"$out" | sed 's/^/got out:  /'
  cat -v <<<"$err" | sed 's/^/got err:  /'
  exit 1
}

# Bytes that are no text must not stop a test, so NULs apart everything is kept.
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

# Whoever is not root hears on top that his files are not root's. With this, he need not.
as_for_root() {
  ((EUID == 0)) || err=$(grep -vF 'guardd will refuse this file until root owns it' <<<"$err" || :)
}

# Nothing was said against it.
unblamed() {
  as_for_root
  err_is ''
}

# Trees that are there must be safe from third users, and in a scratch directory they are safe only from root's.
need_root() { ((EUID == 0)) || skip "not root: its trees could be swapped by whoever runs it"; }

# Wrong usage: 2, one line on standard error that names the program, and no help dumped anywhere.
misused() {
  local pattern=$1
  shift
  typed 2 "$@"
  out_is ''
  err_has "^${1##*/}: .*$pattern"
  [[ $err != *$'\n'* ]] || wrong "one line on standard error"
  err_lacks 'Usage:'
}

# The long options that the last answer, a help, tells of; "options" holds them.
options=()
# shellcheck disable=SC2034  # for the tests
find_options() { mapfile -t options < <(grep -E '^ ' <<<"$out" | grep -oE -e '--[a-z-]+' | sort -u); }

# No line of the last answer is wider than a terminal.
fits() {
  local line
  while IFS= read -r line; do
    ((${#line} <= 80)) || wrong "at most 80 columns, not ${#line}: $line"
  done <<<"$out"
}

# as_ordinary STATUS COMMAND...: by somebody who is not root. As root, by nobody; else by whoever runs the test.
as_ordinary() {
  local status=$1
  shift
  if ((EUID != 0)); then
    typed "$status" "$@"
  else
    typed "$status" setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
  fi
}

# What as_ordinary calls must be reachable for that user.
need_ordinary() {
  ((EUID == 0)) || return 0
  setpriv --reuid=nobody --regid=nogroup --clear-groups test -x "$(command -v guardctl)" ||
    skip "an ordinary user cannot reach the build directory"
}

# on_terminal STATUS COMMAND...: the same with its output on a terminal of 80 columns and 24 rows; out is what it shows,
# without the returns that terminals want.
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

# policy NAME PATH OWNER [LINE...]: a policy on standard output.
policy() {
  printf '[[policy]]\nname = "%s"\npaths = ["%s"]\nowner = "%s"\n' "$1" "$2" "$3"
  shift 3
  (($# == 0)) || printf '%s\n' "$@"
}
