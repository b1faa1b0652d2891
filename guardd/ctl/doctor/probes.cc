#include "guardd/ctl/doctor/probes.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>

#include "guardd/ctl/doctor/forecast.h"
#include "guardd/ctl/doctor/hearing.h"
#include "guardd/ctl/doctor/probe_file.h"
#include "guardd/ctl/doctor/subject.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kPause = milliseconds(5);
constexpr auto kHistory = std::chrono::seconds(1);  // it is asked at the very end
constexpr auto kLongestSettle = std::chrono::seconds(30);

constexpr const char* kWhy =
    "what the policy promises does not happen on this machine: a file that root leaves there "
    "stays wrong, or nobody hears of it";

std::string took(Clock::duration time) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(time).count()) + " ms";
}

// Signals that end a program wait while files of ours lie about.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&signals_);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&signals_, each);
    sigprocmask(SIG_BLOCK, &signals_, &before_);
  }
  ~HeldSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  // Sleeps a little; the signal that came meanwhile, or 0.
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
  Probe(const Policy& policy, Forecast foretold, Fd tree, milliseconds margin)
      : policy_(policy), foretold_(std::move(foretold)), tree_(std::move(tree)), margin_(margin) {}

  // An attempt that was refused may have left something for a moment, too.
  ~Probe() {
    if (is_denied()) (void)clear(tree_, foretold_.name);
  }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  void begin() {
    const auto before = Clock::now();
    auto made = ProbeFile::make(tree_, foretold_.name);
    begun_ = Clock::now();
    made_after_ = begun_ - before;
    if (made)
      file_ = std::make_unique<ProbeFile>(*std::move(made));
    else
      error_ = made.error().code();
  }

  // True: there is nothing more to wait for.
  bool look(const BusListener& hearing) {
    if (auto told = hearing.about(foretold_.name); told && !told_) {
      told_ = std::move(told);
      told_after_ = Clock::now() - begun_;
    }
    if (file_ && !right_after_) look_at_file();
    return has_come() || Clock::now() - begun_ > foretold_.settle + margin_;
  }

  // What is still there goes.
  void end(Group& group, bus::Client& client) {
    const bool asked = !told_ && is_in_history(client);
    const bool right = has_come() || (asked && has_come_untold());
    const auto removed = file_ ? file_->remove() : Result<bool>(clear(tree_, foretold_.name));
    tell(group, right, asked);
    if (!removed || !*removed)
      group.warn(title(),
                 "its file " + quote(foretold_.name) + " could not be removed again" +
                     (removed ? ": somebody has put something else in its place"
                              : ": " + removed.error().text()),
                 "whoever may write in the tree has meddled, or the policy refuses deletions",
                 "look at it, and remove it by hand");
  }

 private:
  std::string title() const { return "policy " + policy_.name(); }

  void look_at_file() {
    const auto facts = file_->look();
    if (facts && facts->st_uid == foretold_.wanted.owner.id.value &&
        facts->st_gid == foretold_.wanted.group.id.value)
      right_after_ = Clock::now() - begun_;
  }

  bool is_denied() const { return error_ == EPERM || error_ == EACCES; }

  bool has_come() const {
    switch (foretold_.outcome) {
      case ExpectedOutcome::kLogged:
        return told_ && (told_->action == "logged" || told_->action == "skipped");
      case ExpectedOutcome::kFixed:
        return told_ && told_->action == "fixed" && right_after_;
      case ExpectedOutcome::kDenied:
        return is_denied() && told_ && told_->action == "denied" &&
               !is_there(tree_, foretold_.name);
      case ExpectedOutcome::kLeftAlone:
      case ExpectedOutcome::kNotSeen:
        break;
    }
    return false;
  }

  // All but the signal.
  bool has_come_untold() const {
    if (foretold_.outcome == ExpectedOutcome::kFixed) return right_after_.has_value();
    if (foretold_.outcome == ExpectedOutcome::kDenied)
      return is_denied() && !is_there(tree_, foretold_.name);
    return error_ == 0;
  }

  // A signal can be folded into another where much happens; the history has each.
  bool is_in_history(bus::Client& client) const {
    bus::IncidentQuery query;
    query.policy = policy_.name();
    query.limit = 20;
    const auto incidents = client.list_incidents(query);
    if (!incidents) return false;
    return std::any_of(incidents->begin(), incidents->end(), [&](const bus::Map& incident) {
      const auto* sample = bus::find<bus::List>(incident, "sample");
      return sample && std::any_of(sample->begin(), sample->end(), [&](const bus::Value& value) {
               const auto* path = std::get_if<std::string>(&value.held);
               return path && path->ends_with('/' + foretold_.name);
             });
    });
  }

  std::string what_came(bool is_in_history) const {
    std::string text;
    if (foretold_.outcome == ExpectedOutcome::kDenied)
      text = is_denied() ? "the file was refused"
             : error_ != 0
                 ? "the file could not be made (" + Error::from_errno(error_, "open").text() + ")"
                 : "the file was made";
    else if (error_ != 0)
      text = "the file could not be made (" + Error::from_errno(error_, "open").text() + ")";
    else
      text = right_after_ ? "it was put right after " + took(*right_after_) : "it stayed root's";
    if (told_)
      return text + ", and told as " + escaped(told_->action) +
             (told_->reason.empty() ? "" : " (" + told_->reason + ")");
    return text + (is_in_history
                       ? ", and is in the history"
                       : ", and nothing was told of it within " + took(foretold_.settle + margin_));
  }

  std::string what_was_right(bool is_in_history) const {
    const std::string told = is_in_history ? ", and is in the history" : ", and told";
    if (foretold_.outcome == ExpectedOutcome::kFixed)
      return "was put right after " + took(*right_after_) + told;
    if (foretold_.outcome == ExpectedOutcome::kDenied)
      return "was refused after " + took(made_after_) + told;
    if (is_in_history) return "is in the history";
    const bool is_skipped = told_->action == "skipped" && !told_->reason.empty();
    return "was logged after " + took(told_after_) +
           (is_skipped ? ", and left: " + told_->reason : "");
  }

  void tell(Group& group, bool right, bool is_in_history) const {
    if (right) return group.ok(title(), "a file of root's " + what_was_right(is_in_history));
    group.fail(title(),
               "a file of root's should be " + std::string(word(foretold_.outcome)) + ", but " +
                   what_came(is_in_history),
               kWhy,
               "guardctl status, and journalctl -u guardd; then guardctl doctor " + policy_.name() +
                   " again");
  }

  const Policy& policy_;
  Forecast foretold_;
  Fd tree_;
  milliseconds margin_;
  std::unique_ptr<ProbeFile> file_;  // goes before the tree
  int error_ = 0;
  Clock::time_point begun_;
  Clock::duration made_after_{};
  std::optional<Clock::duration> right_after_;
  std::optional<BusListener::Violation> told_;
  Clock::duration told_after_{};
};

class Probes {
 public:
  Probes(const PolicySet& set, const bus::Facts& status,
         const std::vector<bus::PolicyFacts>& policies, const ProbeSettings& settings)
      : set_(set), status_(status), policies_(policies), settings_(settings) {}

  Probed run() {
    if (::geteuid() != 0) {
      group_.skip("probes", "only root can leave files of root's", "ask again as root");
      return {group_.take(), 0};
    }
    for (const auto& policy : set_.policies())
      if (settings_.only.empty() || std::find(settings_.only.begin(), settings_.only.end(),
                                              policy.name()) != settings_.only.end())
        plan(policy);
    const int signal = planned_.empty() ? 0 : carry_out();
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
      return skip(policy, "its settle is longer than anybody wants to wait here");
    plan_in_tree(policy);
  }

  void plan_in_tree(const Policy& policy) {
    std::string why = "none of its trees is there";
    for (const auto& tree : set_.trees()) {
      if (&set_.policy_of(tree) != &policy) continue;
      auto opened = open_tree(tree.root());
      if (!opened) {
        if (opened.error().code() == ENOTDIR) why = quote(tree.root()) + " is no directory";
        if (opened.error().code() == ELOOP)
          why = "there is a link on the way to " + quote(tree.root());
        continue;
      }
      auto foretold =
          forecast(set_, tree, parse_word<Backend>(status_.backend).value_or(Backend::kFanotify),
                   self_.view());
      if (foretold.name.empty()) {
        why = foretold.why_not;
        continue;
      }
      planned_.push_back(std::make_unique<Probe>(policy, std::move(foretold), *std::move(opened),
                                                 settings_.margin));
      return;
    }
    skip(policy, why);
  }

  int carry_out() {
    auto client = bus::Client::open(settings_.bus);
    auto hearing = BusListener::begin(settings_.bus, kProbeName);
    if (!client || !hearing) {
      group_.fail(
          "probes",
          "guardd cannot be heard: " + (hearing ? client.error().text : hearing.error().text), kWhy,
          "systemctl restart guardd");
      return 0;
    }
    client->set_patience({kHistory, kHistory, kHistory});
    const HeldSignals signals;
    for (const auto& each : planned_) each->begin();
    auto waiting = planned_.size();
    while (waiting > 0) {
      if (const int signal = signals.wait(); signal != 0) {
        planned_.clear();  // with their files
        return signal;
      }
      for (auto& each : planned_) {
        if (!each || !each->look(**hearing)) continue;
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
  std::vector<std::unique_ptr<Probe>> planned_;
};

}  // namespace

Probed probe(const PolicySet& set, const bus::Facts& status,
             const std::vector<bus::PolicyFacts>& policies, const ProbeSettings& settings) {
  return Probes(set, status, policies, settings).run();
}

}  // namespace guard::doctor
