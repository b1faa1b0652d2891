#include "guardd/repair_process/repair_helper.h"

#include <linux/capability.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "guardd/base/inbox.h"
#include "guardd/helpers/message.h"
#include "guardd/repair/left_alone.h"
#include "guardd/repair_process/repair_form.h"
#include "guardd/repair_process/repair_worker.h"
#include "guardd/repair_process/scan_worker.h"
#include "guardd/repair_process/witness_channel.h"

namespace guard {
namespace {

constexpr std::array kCapabilities{
    CAP_CHOWN,            // fixing owners
    CAP_FOWNER,           // removing permission bits
    CAP_DAC_READ_SEARCH,  // reading trees of other users
    CAP_LEASE,            // finding out whether a file is open for writing
};

constexpr int kFchmodat2 = 452;  // newer than the headers

// Threads, and files in trees.
constexpr std::array kCalls{
#ifdef SYS_chmod
    SYS_chmod,
#endif
    SYS_clone,
    SYS_clone3,
    SYS_close_range,
    SYS_eventfd2,
    SYS_fchmod,
    SYS_fchmodat,
    kFchmodat2,
    SYS_fchown,
    SYS_fchownat,
    SYS_fgetxattr,
    SYS_flistxattr,
    SYS_fstatfs,
    SYS_getdents64,
    SYS_getpriority,
    SYS_getxattr,
    SYS_ioprio_set,
    SYS_name_to_handle_at,
    SYS_openat2,
    SYS_rseq,
    SYS_sched_getaffinity,
    SYS_set_robust_list,
    SYS_setpriority,
    SYS_socketpair,
    SYS_statfs,
    SYS_unshare,
};

// A batch of results goes when it has this size.
constexpr std::size_t kResultBatch = std::size_t{48} * 1024;

class RepairHelper {
 public:
  // Until the channel is closed.
  void run() {
    while (receive_all()) {
      send_results();
      wait();
    }
  }

 private:
  // ---- from the main process

  bool receive_all() {
    for (;;) {
      auto message = reader_.receive(kHelperSocket, Patience::kNone);
      if (!message) return false;
      if (!*message) return true;
      if (!take(**message)) return false;
    }
  }

  // False: it is not what the main process says.
  bool take(const HelperMessage& message) {
    const std::string_view contents = message.contents;
    const auto set_of = [this](std::uint64_t number) { return set(number); };
    switch (static_cast<RepairAsk>(message.kind)) {
      case RepairAsk::kBegin:
        return begin(contents);
      case RepairAsk::kRules:
        return use_rules(contents);
      case RepairAsk::kLeaveAlone: {
        auto files = read_files_left_alone(contents);
        if (!files) return false;
        for (auto& file : *files) left_alone_.learn(std::move(file));
        return true;
      }
      case RepairAsk::kRepairs: {
        auto orders = read_orders(contents, set_of);
        if (!orders || !repairs_) return false;
        for (auto& order : *orders) repairs_->give(std::move(order));
        return true;
      }
      case RepairAsk::kScan: {
        auto order = read_scan_order(contents, set_of);
        if (!order || !scans_) return false;
        scans_->give(*std::move(order));
        return true;
      }
      case RepairAsk::kAlive:
        return tell(RepairTell::kAlive, {});
      case RepairAsk::kActivity:
        if (scans_) scans_->note_activity();
        return true;
    }
    return false;
  }

  bool begin(std::string_view contents) {
    const auto terms = read_terms(contents);
    if (!terms || repairs_) return false;
    if (terms->has_witness) {
      std::array<int, 2> ends{};
      if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return false;
      const Fd end(ends[0]);
      witness_ = std::make_unique<AskedWitness>(
          Fd(ends[1]), AskedWitness::Kind{terms->has_memory, terms->wants_object});
      if (!tell(RepairTell::kWitness, {}, end.get())) return false;
    }
    repairs_ = std::make_unique<RepairWorker>(witness_.get(), left_alone_);
    scans_ = std::make_unique<ScanWorker>(terms->scan_threads, witness_.get(), left_alone_);
    return true;
  }

  bool use_rules(std::string_view contents) {
    const auto rules = read_rules_of(contents);
    if (!rules) return false;
    auto set = make_set(*rules);
    if (!tell(RepairTell::kTrouble, set ? "" : set.error().text())) return false;
    if (!set) return true;
    sets_[rules->number] = *std::move(set);
    while (sets_.size() > kMostSets) sets_.erase(sets_.begin());
    return true;
  }

  std::shared_ptr<const PolicySet> set(std::uint64_t number) const {
    const auto at = sets_.find(number);
    return at == sets_.end() ? nullptr : at->second;
  }

  // ---- to the main process

  static bool tell(RepairTell kind, std::string_view contents, int descriptor = -1) {
    return static_cast<bool>(
        send_message(kHelperSocket, static_cast<std::uint32_t>(kind), contents, descriptor));
  }

  template <typename Results, typename Write>
  static void tell_all(RepairTell kind, const Results& results, Write write) {
    ContentsWriter out;
    for (const auto& each : results) {
      write(out, each);
      if (out.size() >= kResultBatch) (void)tell(kind, out.take());
    }
    if (out.size() > 0) (void)tell(kind, out.take());
  }

  void send_results() {
    if (!repairs_) return;
    tell_all(RepairTell::kExcused, excused_.take(), write_files_left_alone);
    tell_all(RepairTell::kRepaired, repairs_->take(), write_report);
    tell_all(RepairTell::kFound, scans_->take(), write_finding);
    const auto now = std::chrono::steady_clock::now();
    const bool repairs_changed = repairs_->work();
    const bool scans_changed = scans_->work(now);
    if (!repairs_changed && !scans_changed) return;
    auto hanging = repairs_->hanging();
    hanging.merge(scans_->hanging());
    (void)tell(RepairTell::kHanging,
               write_paths(std::vector<std::string>(hanging.begin(), hanging.end())));
  }

  void wait() const {
    std::vector<pollfd> all{{kHelperSocket, POLLIN, 0}, {excused_.fd(), POLLIN, 0}};
    int timeout = -1;
    if (repairs_) {
      all.push_back({repairs_->fd(), POLLIN, 0});
      all.push_back({scans_->fd(), POLLIN, 0});
      for (const auto due : {repairs_->next(), scans_->next()}) {
        if (!due) continue;
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(*due - std::chrono::steady_clock::now());
        const int soon = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
        timeout = timeout < 0 ? soon : std::min(timeout, soon);
      }
    }
    (void)::poll(all.data(), all.size(), timeout);
  }

  MessageReader reader_;
  std::map<std::uint64_t, std::shared_ptr<const PolicySet>> sets_;
  Inbox<FileVersion> excused_;
  LeftAlone left_alone_{
      {}, [this](FileVersion file) { (void)excused_.put(std::move(file), std::stop_token()); }};
  std::unique_ptr<AskedWitness> witness_;
  std::unique_ptr<RepairWorker> repairs_;
  std::unique_ptr<ScanWorker> scans_;
};

}  // namespace

const HelperRole kRepairRole{"guardd: repair", kCapabilities, kCalls, RLIM_INFINITY};

// Its threads can hang in the kernel: nothing waits for them at the end.
int serve_repairs() {
  return run_as_helper(kRepairRole, [] { (new RepairHelper)->run(); });
}

Result<HelperProcess> start_repair_helper() {
  return HelperProcess::start(kRepairRole);
}

}  // namespace guard
