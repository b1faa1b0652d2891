# shellcheck shell=bash
# What the tests of the packages share on this machine: where they are, and how later versions are made of them.

# shellcheck disable=SC2034 # for the tests
architecture=$(dpkg --print-architecture)
packages=$GUARD_BUILD_DIR/packages
package=$packages/guardd_$("$GUARD_SOURCE_DIR/packaging/version")-1_$architecture.deb

# version_after VERSION [SHELL]: a package with this version; with SHELL, its guardd is a script of that.
version_after() {
  local tree
  tree=$(mktemp -d)
  dpkg-deb --raw-extract "$package" "$tree"
  sed -i "s/^Version: .*/Version: $1/" "$tree/DEBIAN/control"
  if (($# > 1)); then
    printf '#!/bin/sh\n%s\n' "$2" >"$tree/usr/sbin/guardd"
  fi
  dpkg-deb --root-owner-group -Znone --build "$tree" "$packages/later/guardd_$1_$architecture.deb" >/dev/null
  rm -rf "$tree"
}
mkdir -p "$packages/later"
