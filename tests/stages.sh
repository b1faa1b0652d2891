# shellcheck shell=bash
# What tests/run and .ci/run share: stages that say how they went, and one count over all of them. A stage is one line
# of output when it goes well. On a terminal the line shows what is going on meanwhile.

passed=0
failed=0
skipped=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'echo; echo "Interrupted."; exit 130' INT TERM
: >"$scratch/skipped"
: >"$scratch/retried"
: >"$scratch/failed"

usage_error() {
  echo "$(basename "$0"): $*; see --help" >&2
  exit 2
}

# meanwhile: reads what a stage says, keeps it in the file $1, and on a terminal shows the last line of it.
meanwhile() {
  if [[ ! -t 1 ]]; then
    cat >"$1"
    return
  fi
  local line width
  width=$(($(tput cols 2>/dev/null || echo 80) - 1))
  while IFS= read -r line; do
    printf '%s\n' "$line" >&4
    printf '\r\e[K%s' "${line:0:width}"
  done 4>"$1"
  printf '\r\e[K'
}

# run_stage NAME LOG COMMAND...: its status is the command's.
run_stage() {
  local name=$1 log=$2 status=0
  shift 2
  if [[ -t 1 ]]; then
    { "$@" 2>&1 </dev/null || status=$?; echo "$status" >"$log.status"; } | meanwhile "$log"
  else
    printf '%-24s' "$name"
    { "$@" 2>&1 </dev/null || status=$?; echo "$status" >"$log.status"; } | meanwhile "$log"
  fi
  return "$(<"$log.status")"
}

# told NAME SECONDS WHAT: the line of a stage that is over.
told() {
  if [[ -t 1 ]]; then
    printf '%-24s' "$1"
  fi
  printf '%s (%d s)\n' "$3" "$2"
}

# note_failure NAME LOG: for the end of the run.
note_failure() {
  {
    echo
    echo "FAILED $1"
    sed 's/^/    /' "$2"
  } >>"$scratch/failed"
}

# stage NAME COMMAND...: one step that must succeed; if it does not, it counts as a failed test.
stage() {
  local name=$1 start=$SECONDS log=$scratch/log
  shift
  if run_stage "$name" "$log" "$@"; then
    told "$name" $((SECONDS - start)) "done"
    return 0
  fi
  told "$name" $((SECONDS - start)) "FAILED"
  failed=$((failed + 1))
  tail -n 200 "$log" >"$log.end"
  note_failure "$name" "$log.end"
  return 1
}

# check NAME COMMAND...: a stage that counts as a test of its own, also when it succeeds.
check() {
  if stage "$@"; then
    passed=$((passed + 1))
  fi
}

install_packages() {
  local missing
  missing=$(packaging/install-packages --missing "$@")
  [[ -n $missing ]] || return 0
  if ((EUID != 0)); then
    echo "$(basename "$0"): these packages are missing, and only root can install them: ${missing//$'\n'/ }" >&2
    exit 1
  fi
  stage "packages" packaging/install-packages "$@" || finish
}

# What one clone has compiled, another need not compile again.
use_ccache() {
  if command -v ccache >/dev/null; then
    export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=true
    export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
  fi
}

configure_and_build() {
  local preset=$1
  shift
  cmake --preset "$preset" && cmake --build --preset "$preset" --parallel "${jobs:-$(nproc)}" ${1:+--target "$@"}
}

# build_preset PRESET [TARGET...]
build_preset() {
  stage "build $1" configure_and_build "$@"
}

# retried_in LOG REPORT: the tests that failed once, as the output of ctest says, and not in the end.
retried_in() {
  sed -nE 's,^ *[0-9]+/[0-9]+ Test +#[0-9]+: ([^ ]+) .*\*\*\*(Failed|Timeout|Exception).*,\1,p' "$1" | sort -u |
    grep -vxF -f <(awk -F'\t' '$1 == "failed" { print $2 }' "$2") || true
}

# run_tests KIND JUNIT COMMAND...: runs a ctest that writes the JUnit file, and counts what is in it.
run_tests() {
  local kind=$1 junit=$2 start=$SECONDS log=$scratch/log report=$scratch/report status=0 ok bad skip retries
  shift 2
  run_stage "$kind" "$log" "$@" || status=$?
  : >"$report"
  if [[ -s $junit ]]; then
    awk -v outputs="${show_outputs:+1}" -f tests/report.awk "$junit" |
      awk -F'\t' -v kind="$kind" 'BEGIN { OFS = FS } $1 != "" { sub("^(unit|" kind ")/", "", $2); $2 = kind "/" $2 } 1' >"$report"
  fi
  ok=$(grep -c '^passed' "$report" || true)
  bad=$(grep -c '^failed' "$report" || true)
  skip=$(grep -c '^skipped' "$report" || true)
  if ((status != 0 && bad == 0)); then
    bad=1
    note_failure "$kind" "$log"
  fi
  retried_in "$log" "$report" >"$log.retried"
  retries=$(wc -l <"$log.retried")
  told "$kind" $((SECONDS - start)) "$ok passed, $bad failed, $skip skipped$( ((retries == 0)) || echo ", $retries needed a second try")"
  cat "$log.retried" >>"$scratch/retried"
  passed=$((passed + ok))
  failed=$((failed + bad))
  skipped=$((skipped + skip))
  awk -F'\t' '$1 == "skipped" { print "  " $2 ": " $3 }' "$report" >>"$scratch/skipped"
  awk -F'\t' '$1 == "failed" { on = 1; print "\nFAILED " $2; next } $1 != "" { on = 0 } on { sub(/^\t/, "    "); print }' \
    "$report" >>"$scratch/failed"
  if [[ -n ${show_outputs-} ]]; then
    awk -F'\t' '$1 != "" { on = $1 == "passed" } on && $1 == "" { sub(/^\t/, "  "); print }' "$report"
  fi
}

# finish: what was skipped and why, what failed and how, and the count. Ends the run.
finish() {
  if [[ -s $scratch/skipped ]]; then
    echo
    echo "Skipped:"
    cat "$scratch/skipped"
  fi
  if [[ -s $scratch/retried ]]; then
    echo
    echo "$(wc -l <"$scratch/retried") needed a second try:"
    sed 's/^/  /' "$scratch/retried"
  fi
  cat "$scratch/failed"
  echo
  echo "$passed passed, $failed failed, $skipped skipped"
  ((failed == 0 && passed > 0))
  exit
}
