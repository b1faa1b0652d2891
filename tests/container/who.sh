# shellcheck shell=bash source=tests/script.sh disable=SC2034  # the tests use what is set here
# Shared by the tests of who it was: people on a machine with sshd and sudo, a guarded tree, and the records of a guardd
# that reports to a file: . "$GUARD_SOURCE_DIR/tests/container/who.sh". $quiet may say how long an incident lasts.
. "$GUARD_SOURCE_DIR/tests/script.sh"

readonly guardd=$GUARD_BUILD_DIR/guardd/guardd
readonly tree=/srv/shop
readonly told=/run/guard/told

[[ $(</proc/self/loginuid) == 4294967295 ]] || skip "this kernel keeps no login uids"

# ---- the machine

useradd --create-home --shell /bin/bash alice
useradd --create-home --shell /bin/bash deploy
alice=$(id -u alice)
echo 'alice ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice
chmod 440 /etc/sudoers.d/alice
# su asks for a password; members of this group do not need one.
groupadd --force wheel
usermod --append --groups wheel alice
sed -i '1i auth sufficient pam_wheel.so trust group=wheel' /etc/pam.d/su

ssh-keygen -q -t ed25519 -N '' -f /root/key
for home in /root /home/alice /home/deploy; do
  mkdir -p "$home/.ssh"
  cp /root/key.pub "$home/.ssh/authorized_keys"
  chown -R --reference="$home" "$home/.ssh"
  chmod 700 "$home/.ssh"
done
systemctl start systemd-logind ssh
# person USER COMMAND [SSH-OPTION...]: connects from an address that is not the machine's own.
ip address add 192.0.2.7/32 dev lo
person() {
  local user=$1 command=$2
  shift 2
  ssh -q -b 192.0.2.7 -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "$@" "$user@127.0.0.1" "$command" \
    </dev/null
}

mount -t tmpfs -o mode=755 guard-tree /srv
mkdir -p "$tree" /run/guard/policies
chown daemon:daemon "$tree"
cat >/run/guard/policies/shop.toml <<POLICY
[[policy]]
name = "shop"
paths = ["$tree"]
owner = "daemon"
action = "fix"
settle = "20ms"
POLICY
printf '[incident]\nquiet = "%s"\n' "${quiet-500ms}" >/run/guard/guardd.toml
chmod -R go-w /run/guard

# start: starts the daemon, with its records in $told.
start() {
  : >"$told"
  systemd-run --quiet --unit=guardd --service-type=notify --property=StandardOutput="append:$told" \
    --property=StandardError=inherit "$guardd" --log json --config /run/guard/guardd.toml --policy-dir /run/guard/policies \
    --state-dir /run/guard/state --bus none --backend fanotify
}
stop() {
  systemctl stop guardd
  systemctl reset-failed guardd 2>/dev/null || true
}

# record FILE: waits for the violation of this file, and prints it.
violations() { grep "\"type\":\"violation\".*\"path\":\"$tree/$1\"" "$told"; }
is_told() { violations "$1" >/dev/null; }
record() {
  eventually 10 is_told "$1"
  record=$(violations "$1" | tail -n 1)
}
has() {
  local field
  for field in "$@"; do
    grep -qE -e "$field" <<<"$record" || fail "this is not there: $field, but: $record"
  done
}
has_not() {
  local field
  for field in "$@"; do
    ! grep -qE -e "\"$field\":" <<<"$record" || fail "there is a $field: $record"
  done
}
# The command of the incident that the record belongs to.
has_command() {
  local incident=${record#*\"incident\":\"}
  incident=${incident%%\"*}
  grep "\"type\":\"incident\"" "$told" | grep -qE "\"id\":\"$incident\".*\"command\":\{[^}]*\"cmdline\":\"$1" ||
    fail "not the command of $record: $1, but $(grep "\"type\":\"incident\"" "$told" | grep "$incident")"
}
by_alice() {
  record "$1"
  has "\"login_uid\":$alice" '"login_user":"alice"' '"human":"alice","human_source":"loginuid"' '"fsuid":0' \
    '"session":[0-9]+' '"session_id":"[0-9]+"' '"session_service":"sshd"' '"session_remote_host":"192.0.2.7"' \
    '"unit":"session-[0-9]+.scope"' '"slice":"user-[0-9]+.slice"' '"lineage":\[\{"pid":[0-9]+,"start_time":[1-9]' \
    '"comm":"sshd"'
}

# A command on its own terminal that runs long enough to be seen without a tracer.
readonly linger='sleep 0.4; :'

# tee exists as long as its input: long enough to be seen without a tracer.
readonly slowly='sleep 0.5 | tee'
is_closed() { grep -q "\"type\":\"incident\",\"state\":\"closed\",\"id\":\"$1\"" "$told"; }
# instead: prints what guardd suggests to run instead, for the incident of the record.
instead() {
  local incident
  incident=$(jq -r .incident <<<"$record")
  eventually 10 is_closed "$incident"
  jq -r "select(.type == \"incident\" and .state == \"closed\" and .id == \"$incident\").instead" "$told"
}
owner_is() { [[ $(stat --format=%U "$1" 2>/dev/null) == "$2" ]]; }

start
tracer=yes
! grep -q '"reason":"[^"]*trac' "$told" || tracer=
