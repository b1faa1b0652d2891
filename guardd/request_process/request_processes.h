// What users ask for, seen from the main process: each request is carried out by a process of its
// own. Blocks its caller until the answer is there, but never in the kernel: if a file system
// hangs, it is the process that hangs, and it is given up. Bounded: while too many hang, requests
// fail. Any thread that lives as long as the requests it makes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <stop_token>
#include <vector>

#include "guardd/helpers/message.h"
#include "guardd/helpers/pool.h"
#include "guardd/helpers/process.h"
#include "guardd/repair_process/repair_form.h"
#include "guardd/request_process/request_form.h"
#include "guardd/request_process/request_helper.h"
#include "policy/base/result.h"

namespace guard {

// The policies of a request, and what they are made of.
struct RequestRules {
  std::shared_ptr<const PolicySet> set;
  RepairRules rules;
};

class RequestProcesses {
 public:
  // A process that tells nothing new for so long waits for a file system that does not respond.
  static constexpr auto kLongestSilence = std::chrono::seconds(30);
  // One that is to stop has this long for what it is at.
  static constexpr auto kLongestEnd = std::chrono::seconds(1);
  static constexpr std::size_t kMostHung = 8;

  using Start = std::function<Result<HelperProcess>()>;
  using Trust = std::function<Status(int pidfd)>;  // before it gets anything to do
  explicit RequestProcesses(Trust trust, Start start = start_request_helper)
      : start_(std::move(start)), trust_(std::move(trust)) {}

  // All are called on the caller's thread.
  struct OnScan {
    std::function<void(const ManualFinding&)> found{};
    std::function<void(const CountedTree&)> counted{};
    std::function<void(const RequestProgress&)> progress{};
  };
  Result<ManualScanReport> scan(const RequestRules& rules, const ScanRequest& request,
                                const OnScan& on, const std::stop_token& stop);
  // Each restored file must be left alone from then on.
  Result<UndoReport> undo(const RequestRules& rules, const std::vector<Fix>& fixes, bool dry_run,
                          const std::function<void(FileVersion)>& restored,
                          const std::stop_token& stop);

  HelperLosses losses();

 private:
  enum class Answer : std::uint8_t { kPart, kLast, kInvalid };
  static Answer part(bool is_valid) { return is_valid ? Answer::kPart : Answer::kInvalid; }
  using Take = std::function<Answer(const HelperMessage&)>;

  Status converse(MessageQueue questions, const Take& take, const std::stop_token& stop);
  Result<HelperProcess> start();
  bool end(HelperProcess process);
  void give_up(HelperProcess process);
  void collect();

  const Start start_;
  const Trust trust_;
  std::mutex mutex_;  // of what follows
  std::list<HelperProcess> ending_;
  HelperLosses losses_;
};

}  // namespace guard
