# shellcheck shell=bash
# What the scripts of this folder share. Each of them does its work in a mount and process namespace of its own, so
# that whatever happens to it, the kernel ends its processes and takes its mounts away.

machines_dir=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source_dir=$(readlink -f "$machines_dir/../..")
cache_dir=${GUARDD_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/guardd-tests}
program=$(basename "$0")

# What a test that cannot run here ends with; the last line it says is the reason.
readonly skip_status=77

say() {
  echo "$program: $*" >&2
}

fail() {
  say "$*"
  exit 125
}

skip() {
  echo "$program: $*"
  exit "$skip_status"
}

# private_world "$@": goes on in namespaces of its own, with a private tmpfs at $world for all that this run leaves.
# Called first by every script; comes back only inside.
private_world() {
  ((EUID == 0)) || skip "only root can start a machine"
  if [[ ${GUARD_WORLD-} != "$program" ]]; then
    GUARD_WORLD=$program exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
      "$0" "$@"
  fi
  unset GUARD_WORLD
  # The first process of a namespace is deaf to signals it does not handle.
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  world=$cache_dir/world
  mkdir -p "$world"
  mount -t tmpfs -o size=90%,mode=755 guard-world "$world"
}

# attended COMMAND...: runs it such that a signal to us ends us at once, not when it is done.
attended() {
  "$@" <&0 &
  wait "$!"
}

# What a machine is made of: a change to any of it makes a new one.
recipe_key() {
  {
    cat "$machines_dir/make"
    "$source_dir/packaging/install-packages" --list guest
    kernel_names
    debian_suites
  } | sha256sum | cut -c1-12
}

# The kernels that packaging/packages names.
kernel_names() {
  "$source_dir/packaging/install-packages" --sections | sed -n 's/^kernel //p'
}

# The Debian suites that this machine itself is installed from, as "URI SUITE" lines, so that what is inside the test
# machines has the versions that our programs were linked with outside.
debian_suites() {
  local codename
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # shellcheck disable=SC2016 # the dollars are apt's
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v name="$codename" '
      $3 == "main" && ($2 == name || $2 == name "-updates" || $2 == name "-security") { print $1, $2 }' | sort -u
}

# Sets $image to the directory with what the machines boot, made first where it is not there: root/ is the system,
# kernels/NAME/ has vmlinuz, modules.cpio and the tree of modules.
find_image() {
  image=$cache_dir/image-$(recipe_key)
  if [[ ! -d $image ]]; then
    "$machines_dir/make" >&2 || fail "there is no system to boot"
  fi
  touch "$image"
}

# fetch_packages SECTION DIR: into DIR what is to be installed in the image for a section of packaging/packages, all that
# it depends on included. Downloaded once, by what this machine knows of its suites.
fetch_packages() {
  local section=$1 dir=$2 archives=$cache_dir/packages log=$world/packages.log names file
  mapfile -t names < <("$source_dir/packaging/install-packages" --list "$section")
  mkdir -p "$archives/partial" "$dir"
  local apt=(apt-get -qq --yes -o "Dir::State::Status=$image/root/var/lib/dpkg/status" -o "Dir::Cache::archives=$archives"
    -o APT::Install-Recommends=false -o APT::Sandbox::User=root -o Acquire::Retries=3)
  (
    flock 9
    "${apt[@]}" -o Debug::NoLocking=1 --download-only install "${names[@]}" </dev/null
    "${apt[@]}" -o "Dir::Cache::archives=$world" -o Debug::NoLocking=1 --print-uris install "${names[@]}" </dev/null |
      awk '{ print $2 }' >"$world/packages"
  ) 9>"$archives/lock" >"$log" 2>&1 || {
    tail -n 5 "$log"
    skip "the packages of [$section] cannot be had"
  }
  while read -r file; do
    cp "$archives/$file" "$dir/"
  done <"$world/packages"
}

# install_into DIR BUILD_DIR: what "cmake --install" installs, as a package would have it.
install_into() {
  local log=$world/install.log
  DESTDIR=$1 cmake --install "$2" --prefix /usr >"$log" 2>&1 || {
    cat "$log" >&2
    fail "it cannot be installed"
  }
}

# find_debs: sets $debs, the built packages of guardd, to their directory.
find_debs() {
  debs=$(readlink -m "$debs")
  compgen -G "$debs/*.deb" >/dev/null || fail "there are no packages in $debs; run packaging/build-deb"
}

# job_environment: prints what a job in a machine starts with, as shell: the place it was called from and its variables.
job_environment() {
  local name
  export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 SYSTEMD_PAGER=
  export TERM=${TERM:-dumb}
  for name in PATH HOME LC_ALL TERM SYSTEMD_PAGER "${!GUARD_@}" "${!GTEST_@}" ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS; do
    if [[ -v $name ]]; then
      echo "export $name=${!name@Q}"
    fi
  done
  case $PWD/ in
    "$source_dir"/* | "${GUARD_BUILD_DIR:-$source_dir}"/*) echo "cd ${PWD@Q}" ;;
    *) echo "cd /" ;;
  esac
}
