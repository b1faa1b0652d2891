#include "guardd/ctl/doctor/probes.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>

#include "guardd/ctl/doctor/bus_listener.h"
#include "guardd/ctl/doctor/forecast.h"
#include "guardd/ctl/doctor/probe_file.h"
#include "guardd/ctl/doctor/subject.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kPause = milliseconds(5);
constexpr auto kHistory = std::chrono::seconds(1);  // asked once, at the end
constexpr auto kLongestSettle = std::chrono::seconds(30);

constexpr const char* kWhy =
    "this machine does not do what the policy demands: a file that root creates there keeps the "
    "wrong "
    "owner, or is not reported";

std::string duration_text(Clock::duration time) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(time).count()) + " ms";
}

// Blocks the signals that end a program while probe files exist.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigemptyset(&signals_);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&signals_, each);
    sigprocmask(SIG_BLOCK, &signals_, &before_);
  }
  ~BlockedSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  // Sleeps briefly; returns the signal that arrived meanwhile, or 0.
  int wait() const {
    const timespec pause{0, std::chrono::nanoseconds(kPause).count()};
    const int got = ::sigtimedwait(&signals_, nullptr, &pause);
    return got > 0 ? got : 0;
  }

 private:
  sigset_t signals_{};
  sigset_t before_{};
};

// One file in one tree.
class Probe {
 public:
  Probe(const Policy& policy, Forecast forecast, Fd tree, milliseconds margin)
      : policy_(policy), forecast_(std::move(forecast)), tree_(std::move(tree)), margin_(margin) {}

  // Even a denied attempt may leave a file for a moment.
  ~Probe() {
    if (is_denied()) (void)clear(tree_, forecast_.name);
  }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  void begin() {
    const auto before = Clock::now();
    auto created = ProbeFile::create(tree_, forecast_.name);
    begun_ = Clock::now();
    created_after_ = begun_ - before;
    if (created)
      file_ = std::make_unique<ProbeFile>(*std::move(created));
    else
      error_ = created.error().code();
  }

  // Returns whether the probe is over.
  bool look(const BusListener& listener) {
    if (auto violation = listener.about(forecast_.name); violation && !reported_) {
      reported_ = std::move(violation);
      reported_after_ = Clock::now() - begun_;
    }
    if (file_ && !fixed_after_) look_at_file();
    return is_as_expected() || Clock::now() - begun_ > forecast_.settle + margin_;
  }

  // Reports the result and removes the file.
  void end(Group& group, bus::Client& client) {
    const bool recorded = !reported_ && is_in_history(client);
    const bool passed = is_as_expected() || (recorded && is_as_expected_unreported());
    const auto removed = file_ ? file_->remove() : Result<bool>(clear(tree_, forecast_.name));
    report(group, passed, recorded);
    if (!removed || !*removed)
      group.warn(
          title(),
          "the probe file " + quote(forecast_.name) + " could not be removed" +
              (removed ? ": something else has taken its name" : ": " + removed.error().text()),
          "a user who can write in the tree interfered, or the policy denies deletions",
          "examine the file, and remove it by hand");
  }

 private:
  std::string title() const { return "policy " + policy_.name(); }

  void look_at_file() {
    const auto facts = file_->look();
    if (facts && facts->st_uid == forecast_.wanted.owner.id.value &&
        facts->st_gid == forecast_.wanted.group.id.value)
      fixed_after_ = Clock::now() - begun_;
  }

  bool is_denied() const { return error_ == EPERM || error_ == EACCES; }

  bool is_as_expected() const {
    switch (forecast_.outcome) {
      case ExpectedOutcome::kLogged:
        return reported_ && (reported_->action == "logged" || reported_->action == "skipped");
      case ExpectedOutcome::kFixed:
        return reported_ && reported_->action == "fixed" && fixed_after_;
      case ExpectedOutcome::kDenied:
        return is_denied() && reported_ && reported_->action == "denied" &&
               !is_there(tree_, forecast_.name);
      case ExpectedOutcome::kLeftAlone:
      case ExpectedOutcome::kNotSeen:
        break;
    }
    return false;
  }

  // Everything but the report on the bus.
  bool is_as_expected_unreported() const {
    if (forecast_.outcome == ExpectedOutcome::kFixed) return fixed_after_.has_value();
    if (forecast_.outcome == ExpectedOutcome::kDenied)
      return is_denied() && !is_there(tree_, forecast_.name);
    return error_ == 0;
  }

  // A busy guardd may combine signals; the history has every incident.
  bool is_in_history(bus::Client& client) const {
    RecordFilter query;
    query.policy = policy_.name();
    query.limit = 20;
    const auto incidents = client.list_incidents(query);
    if (!incidents) return false;
    return std::any_of(incidents->begin(), incidents->end(), [&](const bus::Map& incident) {
      const auto* sample = bus::find<bus::List>(incident, "sample");
      return sample && std::any_of(sample->begin(), sample->end(), [&](const bus::Value& value) {
               const auto* path = std::get_if<std::string>(&value.held);
               return path && path->ends_with('/' + forecast_.name);
             });
    });
  }

  std::string actual_result(bool is_in_history) const {
    std::string text;
    if (forecast_.outcome == ExpectedOutcome::kDenied)
      text = is_denied()   ? "the file was denied"
             : error_ != 0 ? "the file could not be created (" +
                                 Error::from_errno(error_, "open").text() + ")"
                           : "the file was created";
    else if (error_ != 0)
      text = "the file could not be created (" + Error::from_errno(error_, "open").text() + ")";
    else
      text = fixed_after_ ? "it was fixed after " + duration_text(*fixed_after_)
                          : "it still belongs to root";
    if (reported_)
      return text + ", and reported as " + escaped(reported_->action) +
             (reported_->reason.empty() ? "" : " (" + reported_->reason + ")");
    return text + (is_in_history ? ", and is in the history"
                                 : ", and was not reported within " +
                                       duration_text(forecast_.settle + margin_));
  }

  std::string success_text(bool is_in_history) const {
    const std::string how = is_in_history ? ", and is in the history" : ", and reported";
    if (forecast_.outcome == ExpectedOutcome::kFixed)
      return "was fixed after " + duration_text(*fixed_after_) + how;
    if (forecast_.outcome == ExpectedOutcome::kDenied)
      return "was denied after " + duration_text(created_after_) + how;
    if (is_in_history) return "is in the history";
    const bool is_skipped = reported_->action == "skipped" && !reported_->reason.empty();
    return "was logged after " + duration_text(reported_after_) +
           (is_skipped ? ", and not fixed: " + reported_->reason : "");
  }

  void report(Group& group, bool passed, bool is_in_history) const {
    if (passed) return group.ok(title(), "a file created by root " + success_text(is_in_history));
    group.fail(title(),
               "a file created by root should be " + std::string(word(forecast_.outcome)) +
                   ", but " + actual_result(is_in_history),
               kWhy,
               "see guardctl status and journalctl -u guardd; then run guardctl doctor " +
                   policy_.name() + " again");
  }

  const Policy& policy_;
  Forecast forecast_;
  Fd tree_;
  milliseconds margin_;
  std::unique_ptr<ProbeFile> file_;  // destroyed before the tree
  int error_ = 0;
  Clock::time_point begun_;
  Clock::duration created_after_{};
  std::optional<Clock::duration> fixed_after_;
  std::optional<BusListener::Violation> reported_;
  Clock::duration reported_after_{};
};

class Probes {
 public:
  Probes(const Machine& machine, const PolicySet& set, const bus::Facts& status,
         const std::vector<bus::PolicyFacts>& policies, const ProbeSettings& settings)
      : set_(set), status_(status), policies_(policies), settings_(settings), self_(machine) {}

  ProbeResult run() {
    if (::geteuid() != 0) {
      group_.skip("probes", "only root can create the probe files", "run it as root");
      return {group_.take(), 0};
    }
    for (const auto& policy : set_.policies())
      if (settings_.only.empty() || std::find(settings_.only.begin(), settings_.only.end(),
                                              policy.name()) != settings_.only.end())
        plan(policy);
    const int signal = probes_.empty() ? 0 : run_probes();
    return {group_.take(), signal};
  }

 private:
  void skip(const Policy& policy, std::string why) {
    group_.skip("policy " + policy.name(), "not proved: " + std::move(why));
  }

  void plan(const Policy& policy) {
    if (policy.strongest_action() == Action::kOff) return skip(policy, "its action is off");
    const auto known = std::find_if(policies_.begin(), policies_.end(),
                                    [&](const auto& each) { return each.name == policy.name(); });
    if (known == policies_.end())
      return group_.fail("policy " + policy.name(), "guardd does not know it", kWhy,
                         "guardctl reload");
    if (known->state != "active" && known->state != "degraded")
      return skip(policy, "it is " + known->state +
                              (known->state_reason.empty() ? "" : ": " + known->state_reason));
    if (policy.said.settle.value > kLongestSettle)
      return skip(policy, "its settle time is longer than " +
                              std::to_string(kLongestSettle.count()) + " s");
    plan_in_tree(policy);
  }

  void plan_in_tree(const Policy& policy) {
    std::string why = "none of its trees exists";
    for (const auto& tree : set_.trees()) {
      if (&set_.policy_of(tree) != &policy) continue;
      auto opened = open_tree(tree.root());
      if (!opened) {
        if (opened.error().code() == ENOTDIR) why = quote(tree.root()) + " is not a directory";
        if (opened.error().code() == ELOOP)
          why = "there is a link in the path of " + quote(tree.root());
        continue;
      }
      auto prediction =
          forecast(set_, tree, parse_word<Backend>(status_.backend).value_or(Backend::kFanotify),
                   self_.view());
      if (prediction.name.empty()) {
        why = prediction.why_not;
        continue;
      }
      probes_.push_back(std::make_unique<Probe>(policy, std::move(prediction), *std::move(opened),
                                                settings_.margin));
      return;
    }
    skip(policy, why);
  }

  int run_probes() {
    auto client = bus::Client::open(settings_.bus);
    auto listener = BusListener::begin(settings_.bus, kProbeName);
    if (!client || !listener) {
      group_.fail("probes",
                  "guardctl cannot listen to guardd: " +
                      (listener ? client.error().text : listener.error().text),
                  kWhy, "systemctl restart guardd");
      return 0;
    }
    client->set_patience({kHistory, kHistory, kHistory});
    const BlockedSignals signals;
    for (const auto& each : probes_) each->begin();
    auto waiting = probes_.size();
    while (waiting > 0) {
      if (const int signal = signals.wait(); signal != 0) {
        probes_.clear();  // and their files
        return signal;
      }
      for (auto& each : probes_) {
        if (!each || !each->look(**listener)) continue;
        each->end(group_, *client);
        each.reset();
        --waiting;
      }
    }
    return 0;
  }

  const PolicySet& set_;
  const bus::Facts& status_;
  const std::vector<bus::PolicyFacts>& policies_;
  const ProbeSettings& settings_;
  OwnSubject self_;
  Group group_{"proof"};
  std::vector<std::unique_ptr<Probe>> probes_;
};

}  // namespace

ProbeResult probe(const Machine& machine, const PolicySet& set, const bus::Facts& status,
                  const std::vector<bus::PolicyFacts>& policies, const ProbeSettings& settings) {
  return Probes(machine, set, status, policies, settings).run();
}

}  // namespace guard::doctor
