#include "guardd/request_process/request_processes.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "guardd/host/clock.h"

namespace guard {
namespace {

constexpr std::size_t kFixBatch = std::size_t{48} * 1024;

constexpr auto kEnded = "the process of the request has ended";
constexpr auto kInvalid = "the process of the request answered what was not asked";

// A process that has answered ends at once, and so does one that is killed.
constexpr auto kLastMoment = std::chrono::milliseconds(200);

int milliseconds_until(SteadyTime time) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(time - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

// Waits, but for no signal. False: the time is over.
bool await(std::span<pollfd> all, SteadyTime until) {
  for (;;) {
    const int ready = ::poll(all.data(), all.size(), milliseconds_until(until));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return false;
  }
}

void await_end(const HelperProcess& process) {
  std::array ended{pollfd{process.pidfd(), POLLIN, 0}};
  (void)await(ended, std::chrono::steady_clock::now() + kLastMoment);
}

// Wakes a poll() from a stop.
class StopWake {
 public:
  explicit StopWake(const std::stop_token& stop)
      : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), stopped_(stop, [this] {
          const std::uint64_t one = 1;
          (void)::write(fd_.get(), &one, sizeof one);
        }) {}
  int fd() const { return fd_.get(); }

 private:
  const Fd fd_;
  const std::stop_callback<std::function<void()>> stopped_;
};

void add(MessageQueue& questions, RequestAsk kind, std::string_view contents) {
  questions.add(static_cast<std::uint32_t>(kind), contents);
}

MessageQueue questions_with(const RequestRules& rules) {
  MessageQueue questions;
  add(questions, RequestAsk::kRules, write_rules(rules.rules));
  return questions;
}

template <typename Files>
bool append(std::vector<typename Files::value_type>& all, std::optional<Files> more) {
  if (!more) return false;
  all.insert(all.end(), std::make_move_iterator(more->begin()),
             std::make_move_iterator(more->end()));
  return true;
}

}  // namespace

Result<ManualScanReport> RequestProcesses::scan(const RequestRules& rules,
                                                const ScanRequest& request, const OnScan& on,
                                                const std::stop_token& stop) {
  auto questions = questions_with(rules);
  add(questions, RequestAsk::kScan, write_scan_request(request));
  std::optional<ManualScanReport> report;
  const auto take = [&](const HelperMessage& message) {
    const std::string_view contents = message.contents;
    switch (static_cast<RequestTell>(message.kind)) {
      case RequestTell::kProgress: {
        const auto progress = read_progress(contents);
        if (progress) on.progress(*progress);
        return part(progress.has_value());
      }
      case RequestTell::kFound: {
        const auto findings = read_manual_findings(contents, *rules.set, request.scan);
        if (findings) std::for_each(findings->begin(), findings->end(), on.found);
        return part(findings.has_value());
      }
      case RequestTell::kCounted: {
        const auto counted = read_counted(contents, request.scan);
        if (counted) on.counted(*counted);
        return part(counted.has_value());
      }
      case RequestTell::kScanned:
        report = read_scan_report(contents);
        return report ? Answer::kLast : Answer::kInvalid;
      default:
        return Answer::kInvalid;
    }
  };
  GUARD_CHECK(converse(std::move(questions), take, stop));
  return *std::move(report);
}

Result<UndoReport> RequestProcesses::undo(const RequestRules& rules, const std::vector<Fix>& fixes,
                                          bool dry_run,
                                          const std::function<void(FileVersion)>& restored,
                                          const std::stop_token& stop) {
  auto questions = questions_with(rules);
  ContentsWriter out;
  for (const auto& fix : fixes) {
    write_fix(out, fix);
    if (out.size() >= kFixBatch) add(questions, RequestAsk::kFixes, out.take());
  }
  if (out.size() > 0) add(questions, RequestAsk::kFixes, out.take());
  out.number(static_cast<std::uint8_t>(dry_run));
  add(questions, RequestAsk::kUndo, out.take());
  UndoReport report;
  const auto take = [&](const HelperMessage& message) {
    const std::string_view contents = message.contents;
    switch (static_cast<RequestTell>(message.kind)) {
      case RequestTell::kProgress:
        return part(read_progress(contents).has_value());
      case RequestTell::kLeftAlone: {
        auto files = read_files_left_alone(contents);
        if (!files || dry_run) return Answer::kInvalid;
        for (auto& file : *files) restored(std::move(file));
        return Answer::kPart;
      }
      case RequestTell::kRestored:
        return part(append(report.restored, read_restored(contents, fixes.size())));
      case RequestTell::kUnrestored:
        return part(append(report.left, read_unrestored(contents, fixes.size())));
      case RequestTell::kUndone:
        return Answer::kLast;
      default:
        return Answer::kInvalid;
    }
  };
  GUARD_CHECK(converse(std::move(questions), take, stop));
  return report;
}

// ---- the process

Result<HelperProcess> RequestProcesses::start() {
  collect();
  {
    const std::lock_guard lock(mutex_);
    if (ending_.size() >= kMostHung)
      return Error(std::to_string(kMostHung) +
                   " requests hang in file systems that do not respond");
  }
  GUARD_TRY(auto process, start_());
  GUARD_CHECK(trust_(process.pidfd()));
  return process;
}

Status RequestProcesses::converse(MessageQueue questions, const Take& take,
                                  const std::stop_token& stop) {
  GUARD_TRY(auto process, start());
  const auto fail = [&](const std::string& why) -> Status {
    give_up(std::move(process));
    return Error(why);
  };
  const StopWake wake(stop);
  MessageReader reader;
  bool is_ready = false;
  bool is_stopped = false;
  auto heard = std::chrono::steady_clock::now();
  for (;;) {
    if (stop.stop_requested() && !std::exchange(is_stopped, true)) {
      (void)::shutdown(process.socket(), SHUT_WR);  // the process reads the end of the channel
      heard = std::chrono::steady_clock::now();
    }
    if (!is_stopped && !questions.send(process.socket())) return fail(kEnded);
    const bool has_more = !is_stopped && !questions.empty();
    std::array polled{
        pollfd{process.socket(), static_cast<short>(has_more ? POLLIN | POLLOUT : POLLIN), 0},
        pollfd{is_stopped ? -1 : wake.fd(), POLLIN, 0}};
    const auto patience = is_stopped ? kLongestEnd : kLongestSilence;
    if (!await(polled, heard + patience))
      return fail("a file system does not respond: nothing has happened for " +
                  std::to_string(patience.count()) + " seconds");
    auto message = reader.receive(process.socket(), Patience::kNone);
    if (!message) return fail(kEnded);
    if (!*message) continue;
    heard = std::chrono::steady_clock::now();
    if (!std::exchange(is_ready, true)) {
      if ((*message)->kind == 0 && (*message)->contents.empty()) continue;
      return fail(kInvalid);
    }
    if (static_cast<RequestTell>((*message)->kind) == RequestTell::kFailed) {
      (void)end(std::move(process));
      return Error((*message)->contents);
    }
    switch (take(**message)) {
      case Answer::kPart:
        continue;
      case Answer::kInvalid:
        return fail(kInvalid);
      case Answer::kLast:
        (void)end(std::move(process));
        return {};
    }
  }
}

// Whether it has ended.
bool RequestProcesses::end(HelperProcess process) {
  process.kill();
  await_end(process);
  if (process.reap()) return true;
  const std::lock_guard lock(mutex_);
  ending_.push_back(std::move(process));
  return false;
}

void RequestProcesses::give_up(HelperProcess process) {
  const bool has_ended = end(std::move(process));
  const std::lock_guard lock(mutex_);
  ++(has_ended ? losses_.broken : losses_.late);
}

void RequestProcesses::collect() {
  const std::lock_guard lock(mutex_);
  std::erase_if(ending_, [](HelperProcess& each) { return each.reap(); });
}

HelperLosses RequestProcesses::losses() {
  collect();
  const std::lock_guard lock(mutex_);
  auto losses = losses_;
  losses.hung = ending_.size();
  return losses;
}

}  // namespace guard
