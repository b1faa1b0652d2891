// A million violations in the audit trail: how much space they take, how fast they are written, and
// how long searches take. Fails beyond the limits: 400 MB, and 50 ms for the newest hundred matches
// of a filter or for their number, unless all are counted. A report on all of them may take three
// seconds, or three times as long as SQLite takes to read the rows alone.
//
//   audit [VIOLATIONS]
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "guardd/audit/reader.h"
#include "guardd/audit/totals.h"
#include "guardd/audit/trail.h"
#include "guardd/audit/writer.h"
#include "guardd/publish/incidents.h"
#include "tests/bench/harness.h"
#include "tests/unit/records.h"

namespace guard::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMany = 1'000'000;
constexpr std::size_t kOfIncident = 500;
constexpr std::size_t kAtOnce = 2'000;
constexpr double kMostMegabytes = 400;
constexpr double kMostMilliseconds = 50;
constexpr double kMostOfReport = 3'000;

#ifdef GUARD_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::string long_cmdline(std::size_t command) {
  return fmt::format("/usr/bin/rsync -a --delete --exclude=.git deploy@build-{:03}:/export/site/ .",
                     command);
}

// From 50 services, 40 people and 200 commands. Every tenth command starts a process for each file.
Violation violation_of(std::size_t number) {
  const auto incident = number / kOfIncident;
  const auto policy = incident % 50;
  const auto person = incident * 7 % 40;
  const auto command = incident * 13 % 200;
  auto v =
      git_violation(fmt::format("/srv/app-{:02}/releases/2026-{:03}/module-{:02}/file-{:08}.html",
                                policy, incident / 50, number % 20, number));
  v.time = moment(static_cast<std::int64_t>(number) * 7'000'000);  // three months
  v.boot_id = "0123456789abcdef0123456789abcdef";
  v.monotonic_us = number * 7'000'000;
  v.policy = fmt::format("app-{:02}", policy);
  v.policy_file = "/etc/guardd/policies.d/" + v.policy + ".toml";
  v.severity = incident % 100 == 0 ? Severity::kCritical : Severity::kMedium;
  v.category = "service";
  v.object.inode = 1'000'000 + number;
  if (number % 20 == 0) {
    v.action = Outcome::kSkipped;
    v.reason = "it has another name (a hard link), which may be somebody else's";
  }
  auto& actor = v.actor.edit();
  actor.login_uid = Uid{1000 + static_cast<std::uint32_t>(person)};
  actor.login_user = fmt::format("person-{:02}", person);
  actor.human = actor.login_user;
  actor.human_source = "login";
  actor.cwd = "/srv/" + v.policy;
  actor.tty = "pts/1";
  actor.session = static_cast<std::uint32_t>(incident);
  actor.unit = fmt::format("session-{}.scope", incident);
  actor.slice = fmt::format("user-{}.slice", actor.login_uid->value);
  actor.cgroup = "/user.slice/" + *actor.slice + "/" + *actor.unit;
  const auto pid = static_cast<std::int32_t>(2'000 + incident * 10);
  auto top = process(pid + 3, "rsync", long_cmdline(command));
  std::vector<Ancestor> above{process(pid + 2, "sudo", "sudo " + top.cmdline),
                              process(pid + 1, "bash", "-bash"),
                              process(pid, "sshd", "sshd: " + *actor.login_user + "@pts/1"),
                              process(1, "systemd", "/lib/systemd/systemd --system")};
  if (incident % 10 == 0) {
    above.insert(above.begin(), top);
    top = process(static_cast<std::int32_t>(3'000'000 + number), "install",
                  "install -m 644 build/" + v.path + " " + v.path);
  } else if (number % 3 == 0) {
    above.insert(above.begin(), top);
    top.pid = pid + 4;
  }
  acts(actor, top, std::move(above));
  actor.tid = actor.pid;
  actor.ppid = actor.lineage.front().pid;
  return v;
}

template <typename T>
T must(Result<T> result, const char* what) {
  if (!result) {
    fmt::print(stderr, "{}: {}\n", what, result.error().text());
    std::exit(EXIT_FAILURE);
  }
  return *std::move(result);
}
void must(const Status& status, const char* what) {
  if (status) return;
  fmt::print(stderr, "{}: {}\n", what, status.error().text());
  std::exit(EXIT_FAILURE);
}

// Violations as the daemon publishes them.
class Story {
 public:
  TrailEntries next(std::size_t many) {
    TrailEntries entries;
    for (std::size_t i = 0; i < many; ++i) {
      auto v = violation_of(number_++);
      v.id = ids_.next(v.time);
      const auto taken = incidents_.add(v, now_ += 4ms);
      for (const auto& closed : taken.closed) entries.emplace_back(ClosingEntry{*closed});
      const auto& incident = *taken.incident;
      if (taken.opened) entries.emplace_back(OpeningEntry{incident});
      entries.emplace_back(ViolationEntry{std::move(v),
                                          {incident.count,
                                           incident.first_seen,
                                           incident.last_seen,
                                           incident.by_outcome,
                                           incident.shared,
                                           {},
                                           incident.commands,
                                           incident.unlisted,
                                           incident.directory},
                                          {},
                                          1});
    }
    return entries;
  }

 private:
  std::size_t number_ = 0;
  RecordIds ids_{RecordIds::Length::kViolation};
  Incidents incidents_{{}, RecordIds(RecordIds::Length::kIncident)};
  Incidents::Clock::time_point now_ = Incidents::Clock::now();
};

void write_all(const std::string& path, std::size_t many) {
  auto ledger = must(TrailWriter::open(path), "open");
  Story story;
  double seconds = 0;
  for (std::size_t i = 0; i < many; i += kAtOnce) {
    const auto entries = story.next(kAtOnce);
    seconds += seconds_of([&] { must(ledger->write(entries, 0, entries.size()), "write"); });
  }
  must(ledger->checkpoint(), "fold");
  fmt::print("{:<44}{:>10.0f} /s\n", "written, each transaction synced",
             static_cast<double>(many) / seconds);
}

// The cost of one for the daemon's own thread.
void measure_push(const std::string& path) {
  auto trail = must(Trail::open(path, {24h, std::uint64_t{1} << 30U}), "open");
  const auto violation = violation_of(0);
  Incident incident;
  constexpr unsigned kPushed = 8'000;
  const auto seconds = seconds_of([&] {
    for (unsigned i = 0; i < kPushed; ++i) trail->violation(violation, incident);
  });
  fmt::print("{:<44}{:>10.2f} us\n", "told", seconds / kPushed * 1e6);
}

double milliseconds_of(const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) times.push_back(seconds_of(work) * 1e3);
  return median(std::move(times));
}

// True: it was fast enough.
bool measure_query(TrailReader& reader, const char* what, RecordFilter filter) {
  std::uint64_t count = 0;
  const auto counting = milliseconds_of([&] { count = must(reader.count(filter), what); });
  filter.limit = 100;
  std::size_t told = 0;
  const auto querying = milliseconds_of([&] {
    told = 0;
    must(reader.violations(filter, [&](const Violation&) { return ++told > 0; }), what);
  });
  const bool all = count == kMany;
  const bool good = (counting <= kMostMilliseconds || all) && querying <= kMostMilliseconds;
  fmt::print("{:<34}{:>10}{:>10.1f} ms{:>10.1f} ms{}\n", what, count, querying, counting,
             good ? "" : "  too slow");
  return good && (told == 100 || told == count);
}

bool measure_queries(const std::string& path) {
  auto reader = must(TrailReader::open(path), "open");
  std::string last;
  RecordFilter one;
  one.limit = 1;
  must(reader.violations(one,
                         [&](const Violation& violation) {
                           last = violation.incident;
                           return true;
                         }),
       "newest");
  const auto with = [](auto set) {
    RecordFilter filter;
    set(filter);
    return filter;
  };
  bool good = true;
  const auto measure = [&](const char* what, auto set) {
    good = measure_query(reader, what, with(set)) && good;
  };
  fmt::print("\n{:<34}{:>10}{:>13}{:>13}\n", "filter", "matches", "newest 100", "count");
  measure("a week", [](auto& f) {
    f.since = moment(2'000'000'000'000);
    f.until = moment(2'604'800'000'000);
  });
  measure("policy", [](auto& f) { f.policy = "app-07"; });
  measure("person", [](auto& f) { f.login = "person-14"; });
  measure("login uid", [](auto& f) { f.login = "1014"; });
  measure("command, how it begins", [](auto& f) { f.command = long_cmdline(26); });
  measure("command, program, a day", [](auto& f) {
    f.command = "/usr/bin/rsync";
    f.since = moment(6'000'000'000'000);
    f.until = moment(6'086'400'000'000);
  });
  measure("severity", [](auto& f) { f.severity = Severity::kHigh; });
  measure("path, one file", [](auto& f) { f.path = violation_of(4'000).path; });
  measure("path, a directory", [](auto& f) { f.path = "/srv/app-07/releases/2026-003"; });
  measure("path, a service", [](auto& f) { f.path = "/srv/app-07"; });
  measure("path and person", [](auto& f) {
    f.path = "/srv/app-07";
    f.login = "person-09";
  });
  measure("incident", [&](auto& f) { f.incident = last; });
  measure("path, all services", [](auto& f) { f.path = "/srv"; });
  measure("all", [](auto&) {});
  const auto took = milliseconds_of([&] {
    RecordFilter filter;
    filter.limit = 100;
    std::size_t told = 0;
    must(reader.incidents(filter, [&](const TrailIncident&) { return ++told > 0; }), "incidents");
  });
  fmt::print("{:<44}{:>10.1f} ms\n", "newest 100 incidents", took);
  const auto fixes = milliseconds_of([&] { (void)must(reader.fixes_of(last), "fixes"); });
  fmt::print("{:<44}{:>10.1f} ms\n", "fixes of an incident", fixes);
  return good && took <= kMostMilliseconds && fixes <= kMostMilliseconds;
}

// The floor: reads every row, but only the columns that a report needs.
double milliseconds_to_read(const std::string& path) {
  auto database = must(Database::open_to_read(path), "open");
  return milliseconds_of([&] {
    (void)must(database.number("SELECT sum(chapter + kind + actor + time % 3600 + length(path) + "
                               "ifnull(uid_after, 0) + repeats) FROM violations"),
               "read");
  });
}

bool measure_reports(const std::string& path, std::size_t many) {
  const auto floor = milliseconds_to_read(path);
  fmt::print("\n{:<44}{:>10.0f} ms\n", "every row, by SQLite alone", floor);
  bool good = true;
  const auto measure = [&](const char* what, double most, auto set) {
    RecordFilter filter;
    set(filter);
    Report report;
    const auto took =
        milliseconds_of([&] { report = must(make_report(path, filter, 10, {}), what); });
    const bool soon = took <= most;
    fmt::print("{:<34}{:>10}{:>10.0f} ms{}\n", what, report.all.violations, took,
               soon ? "" : "  too slow");
    good = good && soon && report.all.violations > 0;
    return report.all.violations;
  };
  const auto most = std::max(kMostOfReport, 3 * floor);
  good = measure("report on all", most, [](auto&) {}) == many && good;
  measure("report on a week", most / 4, [](auto& f) {
    f.since = moment(2'000'000'000'000);
    f.until = moment(2'604'800'000'000);
  });
  measure("report on a policy", most / 4, [](auto& f) { f.policy = "app-07"; });
  return good;
}

int bench(std::size_t many) {
  if (kSanitized) {
    fmt::print("a sanitized build says nothing about speed\n");
    return kSkipped;
  }
  auto directory = (std::filesystem::temp_directory_path() / "guardd-bench-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) give_up("mkdtemp");
  const auto path = directory + "/audit.db";
  measure_push(directory + "/told.db");
  write_all(path, many);
  const auto megabytes = static_cast<double>(std::filesystem::file_size(path)) / 1e6;
  fmt::print("{:<44}{:>10.0f} MB\n", fmt::format("{} violations", many), megabytes);
  const bool soon = measure_queries(path);
  const bool reported = measure_reports(path, many);
  std::filesystem::remove_all(directory);
  return megabytes <= kMostMegabytes && soon && reported ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace guard::bench

int main(int count, char** words) {
  return guard::bench::bench(count > 1 ? std::strtoul(words[1], nullptr, 10) : guard::bench::kMany);
}
