#include "guardd/repair_process/repair_process.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "guardd/who/acting_process.h"
#include "guardd/who/excuses.h"

namespace guard {
namespace {

// A sleeping or busy disk responds within this time; one that does not is frozen or gone.
constexpr auto kHangsAfter = std::chrono::seconds(2);

constexpr auto kBetweenActivities = std::chrono::milliseconds(100);

// A batch of orders goes when it has this size, or at the end of a turn.
constexpr std::size_t kOrderBatch = std::size_t{32} * 1024;

// In one turn of the loop, so that others get theirs.
constexpr int kMessagesATurn = 4;

std::map<std::string, std::string> excuses_of(const PolicySet& set) {
  std::map<std::string, std::string> excuses;
  for (const auto& policy : set.policies())
    if (policy.is_paused()) excuses.emplace(policy.name(), policy.excuse);
  return excuses;
}

std::string_view above(std::string_view path) {
  const auto slash = path.rfind('/');
  return path.substr(0, slash == std::string_view::npos ? 0 : slash);
}

// A result must be about what was asked for.
bool is_about(const OrderReport& report, const Repair& repair) {
  return report.path == repair.path || (repair.due.look && above(report.path) == repair.path);
}

}  // namespace

RepairProcess::RepairProcess(Start start)
    : start_(std::move(start)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  watch(left_alone_.fd(), EPOLLIN);
}

RepairProcess::~RepairProcess() = default;

// ---- the process

void RepairProcess::watch(int fd, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void RepairProcess::start_helper(SteadyTime now) {
  if (helper_ || now < start_again_) return;
  start_again_ = now + kRestart;
  if (ending_.size() >= kMostHung)
    return set_trouble("repair processes hang in the kernel: nothing is fixed");
  auto started = start_();
  if (!started)
    return set_trouble("the repair process cannot be started: " + started.error().text());
  helper_.emplace(*std::move(started));
  heard_ = now;
  is_asked_ = false;
  watch(helper_->socket(), EPOLLIN);
  greet();
}

void RepairProcess::begin(Context context) {
  context_.emplace(std::move(context));
  greet();
}

// It gets everything that the process before it had to do.
void RepairProcess::greet() {
  if (!helper_ || !context_) return;
  context_->callbacks.started(helper_->pidfd());
  RepairTerms terms;
  terms.scan_threads = context_->scan_threads;
  terms.has_witness = context_->witness != nullptr;
  terms.has_memory = terms.has_witness && context_->witness->has_memory();
  terms.wants_object = terms.has_witness && context_->witness->wants_object();
  send(RepairAsk::kBegin, write_terms(terms));
  ContentsWriter files;
  for (const auto& file : context_->left_alone.all()) write_files_left_alone(files, file);
  if (files.size() > 0) send(RepairAsk::kLeaveAlone, files.take());
  for (const auto& [number, order] : orders_) send_order(number, order);
  for (auto& [number, scan] : scans_) scan.is_sent = false;
  send_scans();
}

void RepairProcess::give_up(SteadyTime now, bool is_late) {
  ++(is_late ? losses_.late : losses_.broken);
  if (!is_ready_) set_trouble("the repair process ends before it is ready: nothing is fixed");
  // Its threads can wait for this loop, which must not wait for them.
  if (server_) {
    server_->close();
    ending_servers_.push_back(std::move(server_));
  }
  helper_->kill();
  ending_.push_back({std::move(*helper_), now});
  helper_.reset();
  collect();
  is_ready_ = false;
  wants_room_ = false;
  outgoing_.clear();
  (void)batch_.take();
  reader_ = MessageReader();
  known_sets_.clear();
  hanging_.clear();
  drop_fatal_orders(now);
  start_helper(now);
}

// The trees of such orders are scanned instead, and left until the next change if that is fatal,
// too.
void RepairProcess::drop_fatal_orders(SteadyTime now) {
  constexpr auto kWhy = "the repair process ended again and again meanwhile";
  std::vector<OrderReport> failed;
  for (auto& [number, order] : orders_) {
    if (++order.tries < kMostTries) continue;
    auto& report = failed.emplace_back(OrderReport{number, order.repair->path});
    report.trouble = kWhy;
    report.is_end = true;
  }
  for (const auto& report : failed) handle(report, now);
  std::vector<ScanFinding> ended;
  for (auto& [number, scan] : scans_) {
    if (!scan.is_sent || ++scan.tries < kMostTries) continue;
    auto& end = ended.emplace_back(ScanFinding{number, scan.order.set, scan.order.tree});
    end.is_end = true;
  }
  for (const auto& end : ended) {
    scans_.erase(end.order);
    context_->callbacks.found(end);
  }
}

void RepairProcess::collect() {
  std::erase_if(ending_, [](EndingHelper& each) { return each.process.reap(); });
  std::erase_if(ending_servers_, [](const auto& each) { return each->has_ended(); });
}

void RepairProcess::set_trouble(const std::string& trouble) {
  if (start_trouble_ == trouble) return;
  start_trouble_ = trouble;
  if (context_) context_->callbacks.changed();
}

std::string RepairProcess::trouble() const {
  return rules_trouble_.empty() ? start_trouble_ : rules_trouble_;
}

HelperLosses RepairProcess::losses() const {
  auto losses = losses_;
  losses.hung = ending_.size();
  return losses;
}

std::optional<pid_t> RepairProcess::pid() const {
  return helper_ ? std::optional(helper_->pid()) : std::nullopt;
}

void RepairProcess::work(SteadyTime now) {
  if (!ending_.empty() || !ending_servers_.empty()) collect();
  start_helper(now);
  if (!helper_) return;
  if (const auto files = left_alone_.take(); !files.empty() && context_) {
    ContentsWriter out;
    for (const auto& file : files) write_files_left_alone(out, file);
    send(RepairAsk::kLeaveAlone, out.take());
  }
  send_batch();
  receive(now);
  if (!helper_) return;
  if (!outgoing_.send(helper_->socket())) return give_up(now, false);
  if (const bool wants_room = !outgoing_.empty();
      std::exchange(wants_room_, wants_room) != wants_room)
    watch(helper_->socket(), wants_room ? EPOLLIN | EPOLLOUT : EPOLLIN);
  if (!is_busy()) {
    heard_ = now;
    is_asked_ = false;
  } else if (now - heard_ >= kLongestSilence) {
    if (is_asked_) return give_up(now, true);
    is_asked_ = true;
    heard_ = now;
    send(RepairAsk::kAlive, {});
  }
}

std::optional<SteadyTime> RepairProcess::next() const {
  if (!helper_) return start_again_;
  if (!outgoing_.empty() && !wants_room_) return SteadyTime();
  if (batch_.size() > 0) return SteadyTime();
  if (is_busy()) return heard_ + kLongestSilence;
  const bool waits = !ending_.empty() || !ending_servers_.empty();
  return waits ? std::optional(std::chrono::steady_clock::now() + kRestart) : std::nullopt;
}

// ---- what it is asked for

void RepairProcess::send(RepairAsk kind, std::string_view contents) {
  outgoing_.add(static_cast<std::uint32_t>(kind), contents);
}

void RepairProcess::use_rules(std::uint64_t generation, std::vector<FileText> texts,
                              std::string accounts) {
  rules_[generation] = {std::move(texts), std::move(accounts)};
  std::set<std::uint64_t> in_use{generation};
  for (const auto& [number, order] : orders_) in_use.insert(order.repair->set->generation());
  for (const auto& [number, scan] : scans_) in_use.insert(scan.order.set->generation());
  std::erase_if(rules_, [&](const auto& each) {
    return !in_use.contains(each.first) && each.first + 1 != generation;
  });
}

RepairRules RepairProcess::rules_of(const PolicySet& set) const {
  RepairRules rules;
  rules.generation = set.generation();
  rules.identity = set.identity();
  rules.excuses = excuses_of(set);
  if (const auto at = rules_.find(rules.generation); at != rules_.end()) {
    rules.texts = at->second.texts;
    rules.accounts = at->second.accounts;
  }
  return rules;
}

std::uint64_t RepairProcess::number_of(const std::shared_ptr<const PolicySet>& set) {
  for (const auto& known : known_sets_)
    if (known.set == set) return known.number;
  send_batch();  // it may need a set that is forgotten now
  auto rules = rules_of(*set);
  rules.number = ++last_number_;
  send(RepairAsk::kRules, write_rules(rules));
  known_sets_.push_back({set, rules.number});
  while (known_sets_.size() > kMostSets) known_sets_.pop_front();
  return rules.number;
}

RepairProcess::Offer RepairProcess::has_room(const std::string& tree_path) const {
  const auto found = trees_.find(tree_path);
  if (found == trees_.end()) return Offer::kAccepted;
  if (std::chrono::steady_clock::now() - found->second.since > kHangsAfter) return Offer::kHanging;
  return found->second.orders < kMostOfATree ? Offer::kAccepted : Offer::kFull;
}

void RepairProcess::offer(Repair repair, FileId directory) {
  auto& queue = trees_[repair.set->trees()[repair.tree].path];
  if (queue.orders++ == 0) queue.since = std::chrono::steady_clock::now();
  const auto number = ++last_number_;
  const auto& order = orders_
                          .emplace(number, Order{std::make_shared<const Repair>(std::move(repair)),
                                                 std::move(directory)})
                          .first->second;
  if (helper_ && context_) send_order(number, order);
}

void RepairProcess::send_order(std::uint64_t number, const Order& given) {
  const auto& [set, tree, path, due, war] = *given.repair;
  const auto set_number = number_of(set);
  RepairOrder order;
  order.number = number;
  order.tree = tree;
  order.path = path;
  order.look = due.look;
  order.directory = given.directory;
  order.object = due.seen.object;
  order.operation = due.seen.operation;
  order.war = war;
  if (const auto& who = due.seen.who) {
    if (who->known())
      order.subject = standing_of(set->policy_of(set->trees()[tree]), who->subject());
    order.is_excused = excuse_of(*who) != nullptr;
  }
  write_order(batch_, order, set_number);
  if (batch_.size() >= kOrderBatch) send_batch();
}

void RepairProcess::send_batch() {
  if (batch_.size() > 0) send(RepairAsk::kRepairs, batch_.take());
}

void RepairProcess::scan(std::shared_ptr<const PolicySet> set, std::uint32_t tree,
                         std::string file_system) {
  for (auto& [number, scan] : scans_) {
    if (scan.order.set != set || scan.order.tree != tree) continue;
    scan.again = scan.is_sent;
    return;
  }
  const auto number = ++last_number_;
  scans_[number].order = {number, std::move(set), tree, std::move(file_system)};
  send_scans();
}

void RepairProcess::send_scans() {
  if (are_scans_held_ || !helper_ || !context_) return;
  for (auto& [number, scan] : scans_) {
    if (std::exchange(scan.is_sent, true)) continue;
    const auto set = number_of(scan.order.set);
    send(RepairAsk::kScan, write_scan_order(scan.order, set));
  }
}

void RepairProcess::hold_scans(bool are_held) {
  are_scans_held_ = are_held;
  send_scans();
}

void RepairProcess::leave_alone(FileVersion file) {
  (void)left_alone_.put(std::move(file), std::stop_token());
}

void RepairProcess::note_activity(SteadyTime now) {
  if (!has_scans() || !helper_ || now - activity_told_ < kBetweenActivities) return;
  activity_told_ = now;
  send(RepairAsk::kActivity, {});
}

// ---- what it says

void RepairProcess::receive(SteadyTime now) {
  for (int i = 0; i < kMessagesATurn; ++i) {
    auto message = reader_.receive(helper_->socket(), Patience::kNone);
    if (message && !*message) return;
    const bool is_valid = message && take(*std::move(*message), now);
    if (!is_valid) return give_up(now, false);
    heard_ = now;
    is_asked_ = false;
  }
}

// False: it says what cannot be.
bool RepairProcess::take(HelperMessage message, SteadyTime now) {
  if (!is_ready_) {
    is_ready_ = message.kind == 0 && message.contents.empty();
    if (is_ready_) set_trouble("");
    return is_ready_;
  }
  const std::string_view contents = message.contents;
  switch (static_cast<RepairTell>(message.kind)) {
    case RepairTell::kWitness:
      if (!message.descriptor || !context_ || !context_->witness || server_) return false;
      server_ = std::make_unique<WitnessServer>(std::move(message.descriptor), *context_->witness);
      return true;
    case RepairTell::kAlive:
      return true;
    case RepairTell::kTrouble:
      if (std::exchange(rules_trouble_, message.contents) != message.contents)
        context_->callbacks.changed();
      return true;
    case RepairTell::kRepaired:
      return take_reports(contents, now);
    case RepairTell::kFound:
      return take_findings(contents);
    case RepairTell::kHanging: {
      const auto paths = read_paths(contents);
      if (!paths) return false;
      hanging_ = {paths->begin(), paths->end()};
      context_->callbacks.changed();
      return true;
    }
    case RepairTell::kExcused: {
      auto files = read_files_left_alone(contents);
      if (!files) return false;
      for (auto& file : *files) {
        context_->left_alone.learn(file);
        context_->callbacks.excused(std::move(file));
      }
      return true;
    }
  }
  return false;
}

bool RepairProcess::take_reports(std::string_view contents, SteadyTime now) {
  const auto reports = read_reports(contents, [this](std::uint64_t number) -> const Policy* {
    const auto at = orders_.find(number);
    if (at == orders_.end()) return nullptr;
    const auto& repair = *at->second.repair;
    return &repair.set->policy_of(repair.set->trees()[repair.tree]);
  });
  if (!reports) return false;
  for (const auto& report : *reports) {
    const auto at = orders_.find(report.order);
    if (at == orders_.end() || !is_about(report, *at->second.repair)) return false;
    handle(report, now);
  }
  return true;
}

void RepairProcess::handle(const OrderReport& report, SteadyTime now) {
  const auto at = orders_.find(report.order);
  const auto repair = at->second.repair;
  const auto tree = trees_.find(repair->set->trees()[repair->tree].path);
  if (tree != trees_.end()) {
    tree->second.since = now;
    if (report.is_end && --tree->second.orders == 0) trees_.erase(tree);
  }
  if (report.is_end) orders_.erase(at);
  // The end of a look at a directory is no result.
  if (report.is_end && repair->due.look && report.trouble.empty() &&
      report.outcome.what == RepairResult::kCorrect)
    return;
  context_->callbacks.repaired({repair, report.path, report.outcome, report.trouble});
}

bool RepairProcess::take_findings(std::string_view contents) {
  const auto findings = read_findings(contents, [this](std::uint64_t number) -> const ScanOrder* {
    const auto at = scans_.find(number);
    return at == scans_.end() ? nullptr : &at->second.order;
  });
  if (!findings) return false;
  for (const auto& finding : *findings) {
    if (finding.is_end && finding.is_complete)
      sizes_.note(finding.set->trees()[finding.tree].path, finding.objects);
    if (finding.is_end) end_scan(finding.order);
    context_->callbacks.found(finding);
  }
  return true;
}

void RepairProcess::end_scan(std::uint64_t number) {
  const auto at = scans_.find(number);
  if (at == scans_.end()) return;
  auto done = std::move(at->second);
  scans_.erase(at);
  if (done.again) scan(done.order.set, done.order.tree, done.order.file_system);
}

}  // namespace guard
