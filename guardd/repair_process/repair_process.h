// The repair process, seen from the main process: orders go out, results come in, and neither waits
// for the other. If it dies, says what cannot be, or does not answer at all, it is given up and
// another gets its orders. Bounded: only so many orders of one tree are with it, and the main
// process keeps one scan of each tree in mind. Runs on the daemon's loop; leave_alone() on any
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "guardd/base/inbox.h"
#include "guardd/helpers/message.h"
#include "guardd/helpers/pool.h"
#include "guardd/helpers/process.h"
#include "guardd/host/clock.h"
#include "guardd/repair/left_alone.h"
#include "guardd/repair_process/orders.h"
#include "guardd/repair_process/repair_form.h"
#include "guardd/repair_process/tree_sizes.h"
#include "guardd/repair_process/witness_channel.h"
#include "guardd/settle/settle_queue.h"

namespace guard {

// A settled change that is to be judged and, if the policy says so, fixed.
struct Repair {
  std::shared_ptr<const PolicySet> set;
  std::uint32_t tree = 0;
  std::string path;  // relative to the tree
  SettledChange due;
  bool war = false;
};

// The result. With due.look there is one for each wrong object.
struct RepairReport {
  std::shared_ptr<const Repair> repair;
  std::string path;
  RepairOutcome outcome;
  std::string trouble;  // not empty: why the directory could not be read
};

class RepairProcess {
 public:
  static constexpr std::size_t kMostOfATree = 512;
  static constexpr auto kRestart = std::chrono::seconds(1);
  // A process that has orders and says nothing for so long is asked for a sign of life, and given
  // up if it gives none.
  static constexpr auto kLongestSilence = std::chrono::seconds(5);
  static constexpr std::size_t kMostHung = 8;
  // An order with which so many processes died is not given to another.
  static constexpr unsigned kMostTries = 3;

  enum class Offer : std::uint8_t {
    kAccepted,
    kFull,     // try again after a result
    kHanging,  // the file system does not respond: try again later
  };
  struct Callbacks {
    std::function<void(const RepairReport&)> repaired;
    std::function<void(const ScanFinding&)> found;
    std::function<void(FileVersion)> excused;  // the file is among those left alone from here on
    std::function<void(int pidfd)> started;    // before it gets anything to do
    std::function<void()> changed;             // hanging() or trouble()
  };
  struct Context {
    Witness* witness = nullptr;
    LeftAlone& left_alone;
    unsigned scan_threads = 1;
    Callbacks callbacks;
  };

  using Start = std::function<Result<HelperProcess>()>;
  explicit RepairProcess(Start start);
  ~RepairProcess();
  RepairProcess(const RepairProcess&) = delete;
  RepairProcess& operator=(const RepairProcess&) = delete;

  // Starts the process: it gets ready meanwhile.
  void start() { start_helper(std::chrono::steady_clock::now()); }
  // All of it outlives this.
  void begin(Context context);
  // What the policy set of this generation was made of. Call it before an order uses the set.
  void use_rules(std::uint64_t generation, std::vector<FileText> texts, std::string accounts);
  // What a set in use is made of, but for its number.
  RepairRules rules_of(const PolicySet& set) const;

  int fd() const { return epoll_.get(); }  // readable when work() has something to do
  void work(SteadyTime now);
  std::optional<SteadyTime> next() const;

  // What offer() would do for this tree.
  Offer has_room(const std::string& tree_path) const;
  // `directory`: the one of its path.
  void offer(Repair repair, FileId directory);
  // A scan that is under way already is repeated once. `file_system`: what FileId calls it.
  void scan(std::shared_ptr<const PolicySet> set, std::uint32_t tree, std::string file_system);
  // Scans wait meanwhile.
  void hold_scans(bool are_held);
  bool has_scans() const { return !scans_.empty(); }
  // A user has undone its fix. Any thread.
  void leave_alone(FileVersion file);
  // Files in the trees are changing: scans slow down.
  void note_activity(SteadyTime now);

  // The paths of trees whose file systems do not respond.
  const std::set<std::string>& hanging() const { return hanging_; }
  // Why nothing is repaired; empty: it is.
  std::string trouble() const;
  HelperLosses losses() const;
  TreeSizes& sizes() { return sizes_; }
  unsigned scan_threads() const { return context_ ? context_->scan_threads : 1; }
  std::optional<pid_t> pid() const;

 private:
  struct Order {
    std::shared_ptr<const Repair> repair;
    FileId directory;
    unsigned tries = 0;
  };
  struct Scan {
    ScanOrder order;
    unsigned tries = 0;
    bool is_sent = false;
    bool again = false;  // it was requested meanwhile
  };
  struct TreeQueue {
    std::size_t orders = 0;
    SteadyTime since;  // of the last result
  };
  struct Rules {
    std::vector<FileText> texts;
    std::string accounts;
  };
  struct KnownSet {
    std::shared_ptr<const PolicySet> set;
    std::uint64_t number = 0;
  };
  struct EndingHelper {
    HelperProcess process;
    SteadyTime killed;
  };

  void start_helper(SteadyTime now);
  void greet();
  void give_up(SteadyTime now, bool is_late);
  void drop_fatal_orders(SteadyTime now);
  void collect();
  void receive(SteadyTime now);
  bool take(HelperMessage message, SteadyTime now);
  bool take_reports(std::string_view contents, SteadyTime now);
  bool take_findings(std::string_view contents);
  void handle(const OrderReport& report, SteadyTime now);
  void end_scan(std::uint64_t number);
  bool is_busy() const { return !orders_.empty() || has_scans(); }
  void send(RepairAsk kind, std::string_view contents);
  void send_order(std::uint64_t number, const Order& order);
  void send_scans();
  void send_batch();
  std::uint64_t number_of(const std::shared_ptr<const PolicySet>& set);
  void watch(int fd, std::uint32_t events) const;
  void set_trouble(const std::string& trouble);

  const Start start_;
  Fd epoll_;
  std::optional<Context> context_;
  std::optional<HelperProcess> helper_;
  bool is_ready_ = false;
  bool wants_room_ = false;  // epoll says when the channel has room
  std::list<EndingHelper> ending_;
  SteadyTime start_again_;
  SteadyTime heard_;
  bool is_asked_ = false;  // for a sign of life
  MessageReader reader_;
  MessageQueue outgoing_;
  ContentsWriter batch_;
  std::unique_ptr<WitnessServer> server_;
  std::list<std::unique_ptr<WitnessServer>> ending_servers_;

  std::map<std::uint64_t, Rules> rules_;  // by generation: of the sets in use
  std::deque<KnownSet> known_sets_;       // those that the process has
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, Order> orders_;
  std::unordered_map<std::string, TreeQueue> trees_;  // by path, which outlives a tree's number
  std::map<std::uint64_t, Scan> scans_;
  bool are_scans_held_ = false;
  SteadyTime activity_told_;
  Inbox<FileVersion> left_alone_;
  std::set<std::string> hanging_;
  std::string rules_trouble_;
  std::string start_trouble_;
  TreeSizes sizes_;
  HelperLosses losses_;
};

}  // namespace guard
