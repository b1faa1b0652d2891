// A dispatcher publishes fifty thousand violations per second to a log that is read too slowly or
// not at all, and to the audit trail. Is each violation counted, are losses reported correctly, how
// much memory does it take, and how long does the daemon wait? Fails if a violation is not counted,
// an incident is wrong, or the memory is not bounded.
//
//   publish [VIOLATIONS-PER-SECOND]
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "guardd/audit/reader.h"
#include "guardd/audit/trail.h"
#include "guardd/publish/dispatcher.h"
#include "guardd/publish/journal_socket.h"
#include "policy/base/handle.h"
#include "tests/bench/harness.h"
#include "tests/unit/direct_port.h"
#include "tests/unit/records.h"

namespace guard::bench {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::size_t kAtOnce = 8;        // commands that run at the same time
constexpr std::size_t kOfCommand = 500;   // violations of each
constexpr std::size_t kFailsEvery = 100;  // one that could not be fixed
constexpr std::uint64_t kSample = 5;      // published individually, for each incident
constexpr double kMostMegabytes = 64;
constexpr std::size_t kRate = 50'000;
constexpr double kFailuresPerSecond = 5;  // also published individually
constexpr auto kTick = 1ms;

#ifdef GUARD_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// The reader of the log, in a separate process. Its counters are shared.
struct Reader {
  enum class Pace : int { kStopped, kSlow, kFast };

  std::atomic<Pace> pace;
  std::atomic<std::uint64_t> records;     // that the dispatcher published
  std::atomic<std::uint64_t> violations;  // of these
  std::atomic<std::uint64_t> lost;        // as the log reports
};

// The number after a name.
std::uint64_t number_after(std::string_view record, std::string_view name) {
  std::uint64_t number = 0;
  if (const auto at = record.find(name); at != std::string_view::npos)
    (void)std::from_chars(record.data() + at + name.size(), record.data() + record.size(), number);
  return number;
}

void count(Reader& reader, Log log, std::string_view record) {
  const bool journal = log == Log::kJournal;
  // The journal also gets the number of entries suppressed in this second.
  const auto lost = journal ? number_after(record, "GUARD_LOST_RECORDS=") +
                                  number_after(record, "GUARD_HELD_BACK=")
                            : number_after(record, "\"lost_records\":");
  if (lost > 0) {
    reader.lost += lost;
    return;
  }
  ++reader.records;
  if (record.find(journal ? "GUARD_TYPE=violation\n" : "\"type\":\"violation\"") !=
      std::string_view::npos)
    ++reader.violations;
}

// A slow reader takes a hundred pieces per second.
[[noreturn]] void read_on(Reader& reader, Log log, int from) {
  std::vector<char> piece(log == Log::kJournal ? 256 * 1024 : 16 * 1024);
  std::string rest;
  for (;;) {
    const auto pace = reader.pace.load();
    if (pace != Reader::Pace::kFast) pause(10ms);
    if (pace == Reader::Pace::kStopped) continue;
    const auto size = ::read(from, piece.data(), piece.size());
    if (size <= 0) ::_exit(0);
    const std::string_view got(piece.data(), static_cast<std::size_t>(size));
    if (log == Log::kJournal) {
      count(reader, log, got);
      continue;
    }
    rest += got;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1)
      count(reader, log, std::string_view(rest).substr(begin, end - begin));
    rest.erase(0, begin);
  }
}

// The reading end of the dispatcher's output: the journal's socket, or standard output.
Fd reading_end(Log log) {
  if (log == Log::kJournal) {
    if (::mount("bench", "/run", "tmpfs", 0, "mode=755") != 0) give_up("mount");
    fs::create_directories(fs::path(kJournalSocket).parent_path());
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, kJournalSocket, sizeof address.sun_path - 1);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      give_up("bind");
    return socket;
  }
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) give_up("pipe");
  const Fd out(ends[1]);
  if (::dup2(out.get(), STDOUT_FILENO) < 0) give_up("dup2");
  return Fd(ends[0]);
}

// Gets everything that the log and the trail get.
class Witness final : public Publisher {
 public:
  void incident_opened(const Incident& /*incident*/) noexcept override { ++opened; }
  void violation(const Violation& violation, const Incident& incident) noexcept override {
    violations += 1 + violation.repeats;
    if (violation.incident != incident.id) ++strays;
  }
  void incident_closed(const Incident& incident) noexcept override {
    ++closed;
    counted += incident.count;
    for (const auto each : incident.by_outcome) by_outcome += each;
    if (incident.count != kOfCommand) ++wrong;
  }
  void news(News news) noexcept override {
    if (const auto* stop = std::get_if<const StopNews*>(&news)) last = (*stop)->counters;
  }

  std::uint64_t opened = 0;
  std::uint64_t closed = 0;
  std::uint64_t violations = 0;
  std::uint64_t counted = 0;  // by incidents
  std::uint64_t by_outcome = 0;
  std::uint64_t strays = 0;
  std::uint64_t wrong = 0;  // incidents that do not count all of their command
  Counters last;
};

// Like a real one: much is known about the actor.
Violation violation_of(std::size_t number) {
  const auto command = number / (kAtOnce * kOfCommand) * kAtOnce + number % kAtOnce;
  auto v = git_violation(fmt::format("/srv/shop/releases/2026-{:04}/module-{:02}/file-{:08}.html",
                                     command, number % 20, number));
  v.time = std::chrono::system_clock::now();
  v.object.inode = 1'000'000 + number;
  v.tell = true;
  if (number % kFailsEvery == 0) {
    v.action = Outcome::kSkipped;
    v.reason = "it has another name (a hard link), which may be somebody else's";
  }
  auto& actor = v.actor.edit();
  actor.human = actor.login_user;
  actor.human_source = "login";
  actor.cwd = "/srv/shop";
  actor.tty = "pts/1";
  actor.session = 7;
  actor.unit = "session-7.scope";
  actor.slice = "user-1000.slice";
  actor.cgroup = "/user.slice/user-1000.slice/session-7.scope";
  // Not a running process.
  const auto pid = static_cast<std::int32_t>(5'000'000 + command);
  acts(actor, process(pid, "rsync", "rsync -a --delete deploy@build:/export/site/ ."),
       {process(4'900'003, "sudo", "sudo rsync -a --delete deploy@build:/export/site/ ."),
        process(4'900'002, "bash", "-bash"), process(4'900'001, "sshd", "sshd: alice@pts/1"),
        process(1, "systemd", "/lib/systemd/systemd --system")});
  actor.tid = actor.pid;
  actor.ppid = actor.lineage.front().pid;
  return v;
}

// A line of /proc/self/status, in megabytes.
double memory(const std::string& name) {
  std::ifstream lines("/proc/self/status");
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + ":"))
      return std::strtod(line.c_str() + name.size() + 1, nullptr) / 1024;
  return 0;
}

struct Case {
  Log log;
  Reader::Pace pace;
  unsigned seconds;
  const char* name;
};

struct Measured {
  double seconds;
  double cpu_seconds;  // of the publishing thread
  double median;
  double p99;
  double longest;
  double megabytes;
  std::uint64_t wrong_incidents;
  std::uint64_t uncounted;  // violations that the incidents or the counters do not have
  std::uint64_t lost_lines;
  std::uint64_t lines_uncounted;  // neither read nor reported as lost; for the journal, at least
  std::uint64_t singly;           // violations that the log has individually
  std::uint64_t trail_dropped;
  std::uint64_t trail_missing;
};

double thread_seconds() {
  timespec now{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::uint64_t apart(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : b - a;
}

void push(Dispatcher& dispatcher, std::size_t many, std::size_t of_tick,
          std::vector<double>& times) {
  auto next = Clock::now();
  for (std::size_t number = 0; number < many;) {
    for (std::size_t i = 0; i < of_tick && number < many; ++i, ++number) {
      auto violation = violation_of(number);
      const auto began = Clock::now();
      dispatcher.violation(std::move(violation));
      times[number] = seconds_since(began);
    }
    dispatcher.close_due(Clock::now());
    next += kTick;
    if (const auto now = Clock::now(); next > now) pause(next - now);
  }
}

void wait_until_all_is_read(const Reader& reader) {
  constexpr int kQuiet = 20;
  auto before = ~std::uint64_t{0};
  for (int quiet = 0; quiet < kQuiet; ++quiet) {
    const auto now = reader.records + reader.lost;
    if (now != before) quiet = 0;
    before = now;
    pause(20ms);
  }
}

// How many are neither in the trail nor reported as dropped. The dropped records can include the
// begin and end of incidents.
std::uint64_t missing_in_trail(const std::string& path, std::uint64_t many, std::uint64_t dropped) {
  auto reader = TrailReader::open(path);
  if (!reader) give_up(reader.error().text());
  const auto kept = reader->count({});
  if (!kept) give_up(kept.error().text());
  const auto least = many;
  const auto most = many + 2 * (many / kOfCommand);
  const auto seen = *kept + dropped;
  return seen < least ? least - seen : seen > most ? seen - most : 0;
}

Measured measure(const Case& what, std::size_t rate) {
  auto* reader = static_cast<Reader*>(
      ::mmap(nullptr, sizeof(Reader), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (reader == MAP_FAILED) give_up("mmap");
  reader->pace = what.pace;
  const auto from = reading_end(what.log);
  const pid_t child = ::fork();
  if (child < 0) give_up("fork");
  if (child == 0) read_on(*reader, what.log, from.get());

  const auto path = (base() / fmt::format("{}.db", ::getpid())).string();
  auto trail = Trail::open(path, {24h, std::uint64_t{4} << 30U});
  if (!trail) give_up(trail.error().text());
  Witness witness;
  guard::DirectPort port;
  Dispatcher dispatcher(port);
  dispatcher.add(**trail);
  dispatcher.count_losses([&trail] {
    const auto dropped = (*trail)->dropped();
    return dropped.queue_full + dropped.disk;
  });
  dispatcher.add(witness);
  if (!dispatcher.start_terminals() || !dispatcher.start(what.log, Config{}))
    give_up("start the dispatcher");
  dispatcher.ready({});

  const auto many = rate * what.seconds / (kAtOnce * kOfCommand) * (kAtOnce * kOfCommand);
  std::vector<double> times(many, 1);
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins here
  const auto before = memory("VmRSS");
  const auto began = Clock::now();
  const auto cpu_began = thread_seconds();
  push(dispatcher, many, rate / (1s / kTick), times);
  Measured result{};
  result.seconds = seconds_since(began);
  result.cpu_seconds = thread_seconds() - cpu_began;
  result.megabytes = memory("VmHWM") - before;

  reader->pace = Reader::Pace::kFast;
  wait_until_all_is_read(*reader);
  dispatcher.stop("the end");
  wait_until_all_is_read(*reader);
  ::kill(child, SIGKILL);
  (void)::waitpid(child, nullptr, 0);
  const auto dropped = (*trail)->dropped();
  result.trail_dropped = dropped.queue_full + dropped.disk;
  (*trail).reset();
  result.trail_missing = missing_in_trail(path, many, result.trail_dropped);

  const auto commands = many / kOfCommand;
  result.longest = percentile(times, 1);
  result.p99 = percentile(times, 0.99);
  result.median = median(std::move(times));
  result.wrong_incidents = witness.wrong + witness.strays + apart(witness.opened, commands) +
                           apart(witness.closed, commands);
  result.uncounted = apart(witness.violations, many) + apart(witness.counted, many) +
                     apart(witness.by_outcome, many) + apart(witness.last.violations, many);
  result.lost_lines = reader->lost;
  result.singly = reader->violations;
  // The start, the begin and end of each incident, and the stop. The journal gets for certain only
  // the sample of violations.
  const auto told = 2 + 2 * commands + (what.log == Log::kJournal ? kSample * commands : many);
  const auto seen = reader->records + reader->lost;
  result.lines_uncounted =
      what.log == Log::kJournal && seen > told ? std::uint64_t{0} : apart(seen, told);
  return result;
}

void show(Table& table, const Case& what, std::size_t rate, const Measured& got) {
  fmt::print("\n{}, {} s\n", what.name, what.seconds);
  const auto row = [&](const std::string& name, const std::string& figure, double of,
                       const Target& target, const std::string& wanted) {
    table.add(Row{name, "", "", figure, "", wanted}, of, target);
  };
  const auto none = [&](const std::string& name, std::uint64_t figure) {
    row(name, std::to_string(figure), static_cast<double>(figure), {0, 0}, "0");
  };
  const auto many = static_cast<double>(what.seconds) * static_cast<double>(rate);
  const auto commands = many / kOfCommand;
  row("seconds for what comes in one", fmt::format("{:.2f}", got.seconds / what.seconds),
      got.seconds / what.seconds, {1.02, 1.5}, "1");
  row("of a processor", fmt::format("{:.0f} %", 100 * got.cpu_seconds / got.seconds),
      got.cpu_seconds / got.seconds, {0.8, 1}, "80 %");
  const auto room = 1 / static_cast<double>(rate);
  row("telling one, median", time(got.median), got.median, {room / 2, room}, time(room / 2));
  row("telling one, 99 of 100", time(got.p99), got.p99, {5 * room, 100 * room}, time(5 * room));
  table.add(Row{"telling one, longest", "", "", time(got.longest)});
  row("memory", fmt::format("{:.0f} MB", got.megabytes), got.megabytes,
      {kMostMegabytes, kMostMegabytes}, "64 MB");
  none("violations that no incident or counter has", got.uncounted);
  none("incidents that are not one command's", got.wrong_incidents);
  table.add(Row{"lines lost, and said so", "", "", std::to_string(got.lost_lines)});
  none("lines neither read nor said to be lost", got.lines_uncounted);
  if (what.log == Log::kJournal) {
    const auto most = kSample * commands + kFailuresPerSecond * (got.seconds + 2);
    row("violations told one by one", std::to_string(got.singly), static_cast<double>(got.singly),
        {most, most}, fmt::format("{:.0f}", most));
  }
  table.add(Row{"dropped by the trail, and said so", "", "", std::to_string(got.trail_dropped)});
  none("neither in the trail nor said to be dropped", got.trail_missing);
}

int bench(std::size_t rate) {
  if (kSanitized) {
    fmt::print("a sanitized build says nothing about speed\n");
    return kSkipped;
  }
  leave_the_machine(100);
  Table table("");
  for (const Case& what :
       {Case{Log::kJson, Reader::Pace::kSlow, 10, "JSON, read slowly"},
        Case{Log::kJournal, Reader::Pace::kStopped, 10, "a journal that stands still"},
        Case{Log::kJson, Reader::Pace::kStopped, 4, "JSON, not read at all"},
        Case{Log::kJournal, Reader::Pace::kSlow, 4, "a slow journal"}})
    show(table, what, rate, in_child([&] { return measure(what, rate); }));
  return table.finish();
}

}  // namespace
}  // namespace guard::bench

int main(int count, char** words) {
  return guard::bench::bench(count > 1 ? std::strtoul(words[1], nullptr, 10) : guard::bench::kRate);
}
