# shellcheck shell=bash
# What test scripts share: . "$GUARD_SOURCE_DIR/tests/script.sh". A script fails with its first failing command.
set -euo pipefail

# A line that says what was found, wherever the script is then ended.
trap 'echo "$0: line $LINENO: this failed: $BASH_COMMAND"' ERR

fail() {
  echo "$*"
  exit 1
}

# skip REASON: it cannot run here.
skip() {
  echo "$*"
  exit 77
}

# eventually SECONDS COMMAND...: tries until it succeeds or the time is over.
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || fail "this did not come true in time: $*"
    sleep 0.1
  done
}
