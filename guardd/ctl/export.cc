// export: what the audit trail has kept, for other programs.

#include "guardd/audit/export.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <optional>

#include "guardd/ctl/moment.h"
#include "guardd/ctl/verbs.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

int complain(const std::string& what, ExitCode code) {
  std::cerr << "guardctl: " << printable(what) << '\n';
  return code;
}

// Standard output, in large pieces. Whoever reads no more has what he wanted: that is the end, and
// no error.
class Output {
 public:
  bool put(std::string_view lines) {
    waiting_ += lines;
    return waiting_.size() < kPiece || flush();
  }
  bool flush() {
    std::string_view rest = waiting_;
    while (!rest.empty() && error_ == 0) {
      const auto wrote = ::write(STDOUT_FILENO, rest.data(), rest.size());
      if (wrote >= 0)
        rest.remove_prefix(static_cast<std::size_t>(wrote));
      else if (errno != EINTR)
        error_ = errno;
    }
    waiting_.clear();
    return error_ == 0;
  }
  int error() const { return error_ == EPIPE ? 0 : error_; }

 private:
  static constexpr std::size_t kPiece = std::size_t{64} << 10U;

  std::string waiting_;
  int error_ = 0;
};

// Nothing: it was complained about.
std::optional<TrailFilter> filter_of(const ExportOptions& asked) {
  TrailFilter filter;
  const auto now = std::chrono::system_clock::now();
  const auto read = [&](const std::string& text, auto& moment) {
    if (text.empty()) return true;
    moment = parse_moment(text, now);
    if (!moment)
      (void)complain(quote(text) + " is no time; try: \"2026-03-01 14:30\", today, \"2h ago\"",
                     kUsage);
    return moment.has_value();
  };
  if (!read(asked.since, filter.since) || !read(asked.until, filter.until)) return std::nullopt;
  if (!asked.severity.empty()) {
    filter.severity = parse_word<Severity>(asked.severity);
    if (!filter.severity) {
      (void)complain(
          quote(asked.severity) + " is no severity; there are: info, low, medium, high, critical",
          kUsage);
      return std::nullopt;
    }
  }
  filter.policy = asked.policy;
  filter.person = asked.login;
  filter.path = asked.path;
  filter.command = asked.command;
  filter.incident = asked.incident;
  filter.limit = asked.limit;
  return filter;
}

}  // namespace

int export_trail(const Options& /*options*/, const ExportOptions& asked) {
  if (asked.csv && asked.incidents)
    return complain("incidents are no table: --csv is for violations (see guardctl export --help)",
                    kUsage);
  const auto filter = filter_of(asked);
  if (!filter) return kUsage;
  if (::access(asked.trail.c_str(), R_OK) != 0)
    return complain(Error::from_errno(errno, quote(asked.trail)).text(), kFailed);
  auto trail = TrailReader::open(asked.trail);
  if (!trail) return complain(quote(asked.trail) + ": " + trail.error().text(), kFailed);
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail for SIGPIPE
  Output output;
  const auto put = [&](std::string_view lines) { return output.put(lines); };
  const auto done = asked.csv         ? export_violations_csv(*trail, *filter, put)
                    : asked.incidents ? export_incidents_json(*trail, *filter, put)
                                      : export_violations_json(*trail, *filter, put);
  if (!done) return complain(quote(asked.trail) + ": " + done.error().text(), kFailed);
  (void)output.flush();
  if (output.error() != 0)
    return complain(Error::from_errno(output.error(), "standard output").text(), kFailed);
  return kDone;
}

}  // namespace guard::ctl
