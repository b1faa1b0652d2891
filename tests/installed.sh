# shellcheck shell=bash source=tests/script.sh
# What tests of the installed guardd share, which need INSTALLED: . "$GUARD_SOURCE_DIR/tests/installed.sh"
. "$GUARD_SOURCE_DIR/tests/script.sh"

readonly unit_dir=/etc/systemd/system/guardd.service.d

# copy_guardd: as a package is unpacked, also over one that runs. Directories that are there are none of tar's business:
# it would close them for a moment, in which the bus, which has just noticed that there is something new, reads nothing.
copy_guardd() {
  (cd "$GUARD_INSTALLED" && find . \( ! -type d -o -empty \) -print0) |
    tar --create --directory="$GUARD_INSTALLED" --null --no-recursion --files-from=- |
    tar --extract --directory=/ --keep-directory-symlink --no-overwrite-dir --no-same-owner
}

# drop_in NAME LINE...: changes the unit for this test, in its section [Service].
drop_in() {
  mkdir -p "$unit_dir"
  printf '%s\n' '[Service]' "${@:2}" >"$unit_dir/$1.conf"
}

# for_sanitizers: one of them does what the unit refuses: it looks for leaks by tracing the process.
for_sanitizers() {
  drop_in sanitizers Environment=ASAN_OPTIONS=detect_leaks=0
}

# policy NAME TREE ACTION [LINE...]: of the user daemon.
policy() {
  printf '%s\n' '[[policy]]' "name = \"$1\"" "paths = [\"$2\"]" 'owner = "daemon"' "action = \"$3\"" \
    'settle = "20ms"' "${@:4}" >"/etc/guardd/policies.d/$1.toml"
  chmod 644 "/etc/guardd/policies.d/$1.toml"
}

# reload_guardd: waits for it.
reload_guardd() {
  local before
  if guardctl --help | grep -qE '^ +reload'; then
    systemctl reload guardd
    return
  fi
  before=$(reloads)
  systemctl kill --signal=HUP guardd
  eventually 10 has_reloaded "$before"
}
reloads() {
  journalctl --sync
  journalctl --quiet --output=cat MESSAGE_ID="$(id Reloaded)" + MESSAGE_ID="$(id ReloadRefused)" | wc -l
}
has_reloaded() { (($(reloads) > $1)); }

# id KIND: of that kind of message.
id() { sed -n "s/.* k$1 = \"\([0-9a-f]*\)\";/\1/p" "$GUARD_SOURCE_DIR/guardd/publish/message_ids.h"; }

# told MATCH...: at least one such entry is in the journal.
told() {
  journalctl --sync
  [[ -n $(journalctl --quiet --output=cat --lines=1 SYSLOG_IDENTIFIER=guardd "$@") ]]
}

owned() { [[ $(stat --format=%U "$1") == daemon ]]; }
is_another() { [[ $(property MainPID) != "$1" && $(property MainPID) != 0 && $(property ActiveState) == active ]]; }
property() { systemctl show --value --property="$1" guardd; }
status_has() { [[ $(property StatusText) == *"$1"* ]]; }
# not COMMAND...: fails where the command does not.
not() { ! "$@" || fail "this should not be so: $*"; }
