# Turns a JUnit file of ctest into one line a test, with a tab between the fields:
#   passed NAME | skipped NAME REASON | failed NAME
# and after a failed one, and with -v outputs=1 after every one, its output, each line with a tab before it.
# A GoogleTest program that is one test to ctest, as those in the virtual machines are, counts for each of its cases.

function plain(text) {
  gsub(/&lt;/, "<", text)
  gsub(/&gt;/, ">", text)
  gsub(/&quot;/, "\"", text)
  gsub(/&apos;/, "'", text)
  gsub(/&amp;/, "\\&", text)
  return text
}

function attribute(line, name) {
  if (!match(line, " " name "=\"[^\"]*\"")) return ""
  return plain(substr(line, RSTART + length(name) + 3, RLENGTH - length(name) - 4))
}

function print_output(    i) {
  for (i = 1; i <= lines; i++) print "\t" output[i]
}

# What GoogleTest says between "Skipped" and the end of the case, or the last line of a script.
function skip_reason(from, to,    i, reason) {
  for (i = from; i <= to; i++) {
    if (output[i] !~ /: Skipped$/) continue
    for (i++; i <= to && output[i] != "" && output[i] !~ /^\[/; i++) reason = reason (reason == "" ? "" : " ") output[i]
    return reason
  }
  for (i = to; i >= from; i--) if (output[i] != "") return output[i]
  return "no reason given"
}

# Prints the cases of a program that was run as one test; says whether there were any.
function print_cases(    i, case_name, start, cases, failed) {
  for (i = 1; i <= lines; i++) {
    if (output[i] ~ /^\[ RUN      \] /) start = i
    if (output[i] !~ /^\[ .* \] [^ ]+( \([0-9]+ ms\)|, where .* ms\))$/) continue
    case_name = name "/" output[i]
    sub(/\[[^]]*\] /, "", case_name)
    sub(/(, where .*)? \([0-9]+ ms\)$/, "", case_name)
    if (output[i] ~ /^\[       OK \]/) print "passed\t" case_name
    else if (output[i] ~ /^\[  SKIPPED \]/) print "skipped\t" case_name "\t" skip_reason(start, i)
    else if (output[i] ~ /^\[  FAILED  \]/) {
      print "failed\t" case_name
      if (!failed++) print_output()
    } else continue
    cases++
  }
  if (cases && result == "failed" && !failed) {
    print "failed\t" name
    print_output()
  }
  return cases
}

function finish() {
  if (result == "skipped" && reason == "") reason = skip_reason(1, lines)
  if (split_programs && result != "skipped" && print_cases()) return
  print result "\t" name (result == "skipped" ? "\t" reason : "")
  if (result == "failed" || outputs) print_output()
}

/^\t<testcase / {
  name = attribute($0, "name")
  sub(/  # GetParam\(\) = .*/, "", name)
  state = attribute($0, "status")
  split_programs = name ~ /^vm\//
  result = state == "run" ? "passed" : "failed"
  reason = ""
  if (state == "disabled") {
    result = "skipped"
    reason = "disabled"
  }
  lines = 0
}
/^\t\t<skipped / {
  if (attribute($0, "message") ~ /^SKIP_/) result = "skipped"
  else output[++lines] = attribute($0, "message")
}
/^\t\t<failure / { result = "failed" }
/^\t\t<system-out>/ {
  inside = 1
  sub(/^\t\t<system-out>/, "")
}
inside {
  done = sub(/<\/system-out>$/, "")
  if (!done || $0 != "") output[++lines] = plain($0)
  if (done) inside = 0
}
/^\t<\/testcase>/ || /^\t<testcase .*\/>$/ { finish() }
