# shellcheck shell=bash source=tests/house/typed.sh
# A private bus that guardctl uses as the system bus, with fake_guardd on it:
#
#   start_guardd; end_guardd         starts and ends it
#   tell_guardd BeOfHealth degraded  calls one of its methods
. "$GUARD_SOURCE_DIR/tests/house/typed.sh"

command -v dbus-daemon >/dev/null || skip "dbus-daemon is not installed"
/usr/bin/python3 -c 'import dbus, gi' 2>/dev/null || skip "python3-dbus or python3-gi is not installed"

cat >bus.conf <<BUS
<busconfig>
  <type>session</type>
  <listen>unix:path=$scratch/bus</listen>
  <policy context="default">
    <allow send_destination="*"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
BUS
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$scratch/bus TZ=UTC
mine=()
clean_up() {
  ((${#mine[@]} == 0)) || kill "${mine[@]}" 2>/dev/null || :
  wait
  rm -rf "$scratch"
}
trap clean_up EXIT
dbus-daemon --config-file=bus.conf --nofork 2>/dev/null &
mine+=($!)
eventually 10 test -S bus

guardd=''
start_guardd() {
  rm -f guardd.out
  "$GUARD_SOURCE_DIR/tests/house/fake_guardd" >guardd.out 2>guardd.err &
  guardd=$!
  mine+=("$guardd")
  eventually 20 grep -qs ready guardd.out
}
end_guardd() {
  kill "$guardd" 2>/dev/null || :
  wait "$guardd" || :
}

tell_guardd() {
  local words=()
  (($# < 2)) || words=("string:$2")
  dbus-send --bus="$DBUS_SYSTEM_BUS_ADDRESS" --print-reply --dest=org.guardd.Guard1 /org/guardd/Guard1 \
    "org.guardd.Guard1.Manager.$1" "${words[@]}" >/dev/null
}
