// doctor: is there anything about this machine that keeps guardd from doing what policies say?

#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/doctor/clock.h"
#include "guardd/ctl/doctor/daemon.h"
#include "guardd/ctl/doctor/fights.h"
#include "guardd/ctl/doctor/kernel.h"
#include "guardd/ctl/doctor/names.h"
#include "guardd/ctl/doctor/people.h"
#include "guardd/ctl/doctor/probes.h"
#include "guardd/ctl/doctor/services.h"
#include "guardd/ctl/doctor/storage.h"
#include "guardd/ctl/doctor/trees.h"
#include "guardd/ctl/text/doctor_text.h"
#include "guardd/ctl/verbs/verbs.h"
#include "guardd/host/users.h"
#include "guardd/version.h"

namespace guard::ctl {
namespace {

constexpr int kSignalled = 128;  // as shells say it
constexpr auto kPatience = std::chrono::seconds(5);

struct DoctorOptions {
  std::vector<std::string> policies;
  bool all = false;
  bool probe = true;
};

doctor::DaemonFacts ask_daemon(const Options& options) {
  auto daemon = reach_daemon(options);
  if (!daemon) return {daemon.error(), daemon.error(), GUARD_VERSION};
  daemon->set_patience({kPatience, kPatience, kPatience});
  auto status = daemon->status();
  if (!status) return {status.error(), status.error(), GUARD_VERSION};
  return {*std::move(status), daemon->policies(), GUARD_VERSION};
}

// Every check of them, in the order in which things depend on each other.
class Round {
 public:
  Round(const Options& options, const DoctorOptions& asked) : options_(options), asked_(asked) {}

  doctor::Checks go(const Result<LoadResult>& loaded) {
    add(doctor::kernel_checks(machine_, doctor::try_kernel()));
    add(doctor::people_checks(machine_));
    add(doctor::clock_checks(machine_, doctor::look_at_clock()));
    add(doctor::storage_checks(machine_, doctor::look_at_state("/var/lib/guardd")));
    const auto daemon = ask_daemon(options_);
    add(doctor::daemon_checks(machine_, daemon, loaded));
    if (!loaded || !loaded->set) return std::move(checks_);
    look_at_policies(*loaded->set);
    if (asked_.probe) prove(*loaded->set, daemon);
    return std::move(checks_);
  }

  // Why it ended before it was done, or 0.
  int signal() const { return signal_; }

 private:
  void add(doctor::Checks checks) {
    for (auto& check : checks) checks_.push_back(std::move(check));
  }

  void look_at_policies(const PolicySet& set) {
    const SystemUsers users;
    add(doctor::names_checks(machine_, set, users));
    add(doctor::services_checks(machine_, set));
    add(doctor::fights_checks(machine_, set, users));
    add(doctor::tree_checks(machine_, set, asked_.policies));
  }

  void prove(const PolicySet& set, const doctor::DaemonFacts& daemon) {
    doctor::Group group("proof");
    if (!daemon.status || !daemon.policies) {
      group.skip("probes", "nothing can be proved while guardd cannot be asked");
      return add(group.take());
    }
    auto probed = doctor::probe(set, *daemon.status, *daemon.policies,
                                {options_.bus, asked_.policies, kPatience});
    signal_ = probed.signal;
    add(std::move(probed.checks));
  }

  const Options& options_;
  const DoctorOptions& asked_;
  int signal_ = 0;
  doctor::Machine machine_;
  doctor::Checks checks_;
};

int examine(const Options& options, const DoctorOptions& asked) {
  const auto loaded = load_policy_directories(options.policy_directories, 1);
  for (const auto& name : asked.policies) {
    if (name.empty()) return misused("POLICY is empty", "doctor");
    if (!loaded || !loaded->set) break;
    if (const auto policy = loaded->set->policy_called(name); !policy) return fail(policy.error());
  }
  Round round(options, asked);
  const auto checks = round.go(loaded);
  if (round.signal() != 0) return kSignalled + round.signal();
  const int status = tally(checks).failures > 0 ? kFailed : kDone;
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) return show_json(terminal, diagnosis_json(checks)) ? status : kFailed;
  if (options.quiet) return status;
  return terminal.show(diagnosis_text(terminal, checks, asked.all)) ? status : kFailed;
}

}  // namespace

Run doctor_verb(Arguments& arguments) {
  auto asked = std::make_shared<DoctorOptions>();
  arguments.words("policies", asked->policies);
  arguments.flag("-v,--all", asked->all);
  arguments.flag("!--no-probe", asked->probe);
  return [asked](const Options& options) { return examine(options, *asked); };
}

}  // namespace guard::ctl
