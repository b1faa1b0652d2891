# shellcheck shell=bash source=tests/installed.sh
# Shared by the tests of guardd on the system bus, which need INSTALLED: . "$GUARD_SOURCE_DIR/tests/container/bus.sh"
. "$GUARD_SOURCE_DIR/tests/installed.sh"

readonly bus_name=org.guardd.Guard1
readonly object=/org/guardd/Guard1
readonly manager=$bus_name.Manager
readonly tree=/srv/shop
readonly work=/run/work # where everybody may look, as at a listener's notes
readonly tools=$GUARD_SOURCE_DIR/tests/container

# install_guardd, begin_guardd: as a service with one policy. A sanitizer keeps little freed memory, so that the
# memory of guardd can be measured.
install_guardd() {
  mkdir -p "$work"
  mount -t tmpfs -o mode=755 guard-tree /srv
  mkdir "$tree"
  chown daemon:daemon "$tree"
  copy_guardd
  drop_in sanitizers Environment=ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=4
  systemctl daemon-reload
  policy shop "$tree" fix
}
begin_guardd() {
  install_guardd
  systemctl start guardd
  eventually 10 has_name
}

# as USER COMMAND...: runs it as this user, without capabilities. In the background, $! is a shell that waits for it.
as() {
  setpriv --reuid="$1" --regid="$(command id --group "$1")" --clear-groups -- "${@:2}"
}
has_name() { busctl call org.freedesktop.DBus / org.freedesktop.DBus GetNameOwner s "$bus_name" &>/dev/null; }
ask() { busctl --timeout=60 call "$bus_name" "$object" "$manager" "$@"; }
# get PROPERTY, get_of POLICY PROPERTY: prints only the value.
get() { busctl --json=short get-property "$bus_name" "$object" "$manager" "$1" | jq -r .data; }
get_of() { busctl --json=short get-property "$bus_name" "$object/policy/$1" "$bus_name.Policy" "$2" | jq -r .data; }
is() { [[ $("${@:2}") == "$1" ]]; }

# listen FILE [CLIENTS]: the user nobody listens until the test ends.
listeners=()
listen() {
  : >"$1"
  setpriv --reuid=nobody --regid=nogroup --clear-groups "$tools/bus_listener.py" "${2:-1}" >>"$1" &
  listeners+=($!)
  eventually 20 grep -q listening "$1"
}
trap 'kill -CONT "${listeners[@]}" 2>/dev/null && kill "${listeners[@]}" || true' EXIT
# heard FILE CONDITION: whether one of the signals in the file meets the condition, which is a jq filter.
heard() { jq --exit-status --slurp "any(.[]; $2)" "$1" >/dev/null; }
# times_heard FILE CONDITION
times_heard() { jq --slurp "map(select($2)) | length" "$1"; }

# took COMMAND...: prints how many milliseconds the command took.
took() {
  local before
  before=$(date +%s%3N)
  "$@" >/dev/null
  echo $(($(date +%s%3N) - before))
}
