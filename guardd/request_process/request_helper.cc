#include "guardd/request_process/request_helper.h"

#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "guardd/helpers/message.h"
#include "guardd/repair_process/repair_form.h"
#include "guardd/repair_process/repair_helper.h"
#include "guardd/request_process/request_form.h"

namespace guard {
namespace {

constexpr auto kProgressEvery = std::chrono::milliseconds(200);

// A batch of findings goes when it has this size, and with the progress.
constexpr std::size_t kFindingBatch = std::size_t{48} * 1024;

// What goes to the main process. Any thread.
class Answers {
 public:
  void tell(RequestTell kind, std::string_view contents) {
    const std::lock_guard lock(mutex_);
    send(kind, contents);
  }

  void found(const ManualFinding& finding) {
    const std::lock_guard lock(mutex_);
    write_manual_finding(findings_, finding);
    if (findings_.size() >= kFindingBatch) send_findings();
  }

  void progress(const RequestProgress& now) {
    const std::lock_guard lock(mutex_);
    send_findings();
    if (now != std::exchange(progress_, now)) send(RequestTell::kProgress, write_progress(now));
  }

 private:
  void send_findings() {
    if (findings_.size() > 0) send(RequestTell::kFound, findings_.take());
  }

  // The main process is gone if that fails, and so is this one soon.
  static void send(RequestTell kind, std::string_view contents) {
    (void)send_message(kHelperSocket, static_cast<std::uint32_t>(kind), contents);
  }

  std::mutex mutex_;
  ContentsWriter findings_;
  RequestProgress progress_;
};

// Tells the progress while it exists.
class ProgressReports {
 public:
  ProgressReports(Answers& answers, std::function<RequestProgress()> now)
      : answers_(answers),
        now_(std::move(now)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}
  ~ProgressReports() {
    thread_.request_stop();
    thread_.join();
    answers_.progress(now_());
  }
  ProgressReports(const ProgressReports&) = delete;
  ProgressReports& operator=(const ProgressReports&) = delete;

 private:
  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!ended_.wait_for(lock, stop, kProgressEvery, [] { return false; }) &&
           !stop.stop_requested())
      answers_.progress(now_());
  }

  Answers& answers_;
  const std::function<RequestProgress()> now_;
  std::mutex mutex_;
  std::condition_variable_any ended_;
  std::jthread thread_;  // last: it ends before what it uses
};

class RequestHelper {
 public:
  void run() {
    while (!is_done_) {
      const auto message = reader_.receive(kHelperSocket, Patience::kForever);
      if (!message || !*message || !take(**message)) return;
    }
  }

 private:
  // False: it is not what the main process says.
  bool take(const HelperMessage& message) {
    const std::string_view contents = message.contents;
    const auto kind = static_cast<RequestAsk>(message.kind);
    if (kind == RequestAsk::kRules) return use_rules(contents);
    if (!set_) return false;
    switch (kind) {
      case RequestAsk::kScan: {
        const auto request = read_scan_request(contents, *set_);
        if (request) scan(*request);
        return request.has_value();
      }
      case RequestAsk::kFixes: {
        auto more = read_fixes(contents);
        if (!more) return false;
        fixes_.insert(fixes_.end(), std::make_move_iterator(more->begin()),
                      std::make_move_iterator(more->end()));
        return true;
      }
      case RequestAsk::kUndo: {
        ContentsReader in(contents);
        const bool is_dry_run = in.flag();
        if (in.is_whole()) undo(is_dry_run);
        return in.is_whole();
      }
      default:
        return false;
    }
  }

  bool use_rules(std::string_view contents) {
    const auto rules = read_rules_of(contents);
    if (!rules) return false;
    auto set = make_set(*rules);
    if (!set) return end(RequestTell::kFailed, set.error().text());
    set_ = *std::move(set);
    return true;
  }

  bool end(RequestTell kind, std::string_view contents) {
    answers_.tell(kind, contents);
    return is_done_ = true;
  }

  // The main process closes its end when no user waits for the answer any longer.
  void stop_with_the_channel() {
    watcher_ = std::jthread([this] {
      (void)reader_.receive(kHelperSocket, Patience::kForever);
      (void)stop_.request_stop();
    });
  }

  void scan(const ScanRequest& request) {
    stop_with_the_channel();
    ScanProgress progress;
    std::optional<ProgressReports> reports;
    reports.emplace(answers_, [&] {
      return RequestProgress{progress.objects, progress.wrong, progress.fixed};
    });
    std::uint64_t reported = 0;
    OnManualScan on;
    on.found = [&](const ManualFinding& finding) {
      if (reported++ < request.most_findings) answers_.found(finding);
    };
    on.counted = [&](std::uint32_t tree, std::uint64_t objects) {
      answers_.tell(RequestTell::kCounted, write_counted({tree, objects}));
    };
    ScanOptions options;
    options.threads = request.threads;
    const auto report = scan_now(*set_, request.scan, options, on, stop_.get_token(), progress);
    reports.reset();
    if (report)
      end(RequestTell::kScanned, write_scan_report(*report));
    else
      end(RequestTell::kFailed, report.error().text());
  }

  void undo(bool is_dry_run) {
    stop_with_the_channel();
    // Before the next file, so that guardd does not fix it again.
    LeftAlone left_alone({}, [this](const FileVersion& file) {
      ContentsWriter out;
      write_files_left_alone(out, file);
      answers_.tell(RequestTell::kLeftAlone, out.take());
    });
    std::atomic<std::uint64_t> done = 0;
    std::optional<ProgressReports> reports;
    reports.emplace(answers_, [&] { return RequestProgress{done, 0, 0}; });
    const auto report =
        guard::undo(fixes_, *set_, is_dry_run ? nullptr : &left_alone, stop_.get_token(), done);
    reports.reset();
    tell_all(RequestTell::kRestored, report.restored, write_restored);
    tell_all(RequestTell::kUnrestored, report.left, write_unrestored);
    end(RequestTell::kUndone, {});
  }

  template <typename Files, typename Write>
  void tell_all(RequestTell kind, const Files& files, Write write) {
    ContentsWriter out;
    for (const auto& each : files) {
      write(out, each);
      if (out.size() >= kFindingBatch) answers_.tell(kind, out.take());
    }
    if (out.size() > 0) answers_.tell(kind, out.take());
  }

  MessageReader reader_;
  Answers answers_;
  std::shared_ptr<const PolicySet> set_;
  std::vector<Fix> fixes_;
  bool is_done_ = false;
  std::stop_source stop_;
  std::jthread watcher_;
};

}  // namespace

// The same rights as the repair process: it does the same, for a user.
const HelperRole kRequestRole{"guardd: request", kRepairRole.capabilities, kRepairRole.calls,
                              RLIM_INFINITY};

// Its threads can hang in the kernel: nothing waits for them at the end.
int serve_request() {
  return run_as_helper(kRequestRole, [] { (new RequestHelper)->run(); });
}

Result<HelperProcess> start_request_helper() {
  return HelperProcess::start(kRequestRole);
}

}  // namespace guard
