# shellcheck shell=bash source=tests/script.sh
# What tests of the installed guardd share, which need INSTALLED: . "$GUARD_SOURCE_DIR/tests/installed.sh"
. "$GUARD_SOURCE_DIR/tests/script.sh"

readonly unit_dir=/etc/systemd/system/guardd.service.d

# copy_guardd: as a package is unpacked, also over one that runs.
copy_guardd() {
  tar --create --directory="$GUARD_INSTALLED" . |
    tar --extract --directory=/ --keep-directory-symlink --no-overwrite-dir --no-same-owner
}

# drop_in NAME LINE...: changes the unit for this test, in its section [Service].
drop_in() {
  mkdir -p "$unit_dir"
  printf '%s\n' '[Service]' "${@:2}" >"$unit_dir/$1.conf"
}
