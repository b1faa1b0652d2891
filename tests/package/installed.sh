# shellcheck shell=bash source=tests/installed.sh
# What tests of the packages in a machine share: . "$GUARD_SOURCE_DIR/tests/package/installed.sh"
. "$GUARD_SOURCE_DIR/tests/installed.sh"

version=$("$GUARD_SOURCE_DIR/packaging/version")
export DEBIAN_FRONTEND=noninteractive

# deb REVISION: the package of that revision; 1 is the one that was built.
deb() {
  local dir=$GUARD_DEBS
  [[ $1 == 1 ]] || dir+=/later
  echo "$dir/guardd_$version-${1}_$(dpkg --print-architecture).deb"
}

# dpkg_quietly ARG...: shows the output only if it fails, and keeps it in $said.
dpkg_quietly() {
  local status=0
  said=$(dpkg "$@" 2>&1) || status=$?
  ((status == 0)) || { echo "$said"; return "$status"; }
}

# The system of the test machines installs neither manuals nor documents.
rm -f /etc/dpkg/dpkg.cfg.d/guest

state() { dpkg-query --show --showformat='${db:Status-Status} ${Version}' guardd 2>/dev/null; }
# files_of_guardd: what is there of it, installed or not.
files_of_guardd() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /guard -o -path "$GUARD_SOURCE_DIR" -o -path /var/log \
    -o -path /tmp -o -path /var/cache -o -path '/run/systemd/units' \) -prune -o -iname '*guardd*' -print -o -iname '*guardctl*' -print | LC_ALL=C sort
}
