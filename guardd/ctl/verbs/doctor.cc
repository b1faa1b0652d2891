// doctor: checks whether this machine lets guardd do what policies demand.

#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/doctor/checks.h"
#include "guardd/ctl/doctor/probes.h"
#include "guardd/ctl/text/doctor_text.h"
#include "guardd/ctl/verbs/verbs.h"
#include "guardd/host/users.h"
#include "guardd/version.h"

namespace guard::ctl {
namespace {

constexpr int kSignalled = 128;  // as in shells
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

// Runs all checks, in the order in which they depend on each other.
class Examination {
 public:
  Examination(const Options& options, const DoctorOptions& asked, const machine::Machine& machine)
      : options_(options), asked_(asked), machine_(machine) {}

  doctor::Checks run(const Result<LoadResult>& loaded) {
    add(doctor::kernel_checks(machine_, doctor::try_kernel()));
    add(doctor::people_checks(machine_));
    add(doctor::clock_checks(machine_, doctor::look_at_clock()));
    add(doctor::storage_checks(machine_, doctor::look_at_state("/var/lib/guardd")));
    const auto daemon = ask_daemon(options_);
    add(doctor::daemon_checks(machine_, daemon, loaded));
    add(doctor::alert_checks(machine_));
    if (!loaded || !loaded->set) return std::move(checks_);
    check_policies(*loaded->set);
    if (asked_.probe) prove(*loaded->set, daemon);
    return std::move(checks_);
  }

  // The signal that ended it early, or 0.
  int signal() const { return signal_; }

 private:
  void add(doctor::Checks checks) {
    for (auto& check : checks) checks_.push_back(std::move(check));
  }

  void check_policies(const PolicySet& set) {
    const SystemUsers users;
    add(doctor::names_checks(machine_, set, users));
    add(doctor::services_checks(machine_, set));
    add(doctor::fights_checks(machine_, set, users));
    add(doctor::tree_checks(machine_, set, asked_.policies));
  }

  void prove(const PolicySet& set, const doctor::DaemonFacts& daemon) {
    doctor::Group group("proof");
    if (!daemon.status || !daemon.policies) {
      group.skip("probes", "policies cannot be proved without a connection to guardd");
      return add(group.take());
    }
    auto result = doctor::probe(machine_, set, *daemon.status, *daemon.policies,
                                {options_.bus, asked_.policies, kPatience});
    signal_ = result.signal;
    add(std::move(result.checks));
  }

  const Options& options_;
  const DoctorOptions& asked_;
  const machine::Machine& machine_;
  int signal_ = 0;
  doctor::Checks checks_;
};

int run_doctor(const Options& options, const DoctorOptions& asked) {
  const auto loaded = load_policy_directories(options.policy_directories, 1);
  for (const auto& name : asked.policies) {
    if (name.empty()) return misused("POLICY is empty", "doctor");
    if (!loaded || !loaded->set) break;
    if (const auto policy = loaded->set->policy_called(name); !policy) return fail(policy.error());
  }
  const auto machine = machine::Machine::open("/");
  if (!machine) return fail(machine.error());
  Examination examination(options, asked, *machine);
  const auto checks = examination.run(loaded);
  if (examination.signal() != 0) return kSignalled + examination.signal();
  return show_result(
      options, tally(checks).failures > 0 ? kFailed : kDone, [&] { return diagnosis_json(checks); },
      [&](const Terminal& terminal) { return diagnosis_text(terminal, checks, asked.all); });
}

}  // namespace

Run doctor_verb(Arguments& arguments) {
  auto asked = std::make_shared<DoctorOptions>();
  arguments.words("policies", asked->policies);
  arguments.flag("-v,--all", asked->all);
  arguments.flag("!--no-probe", asked->probe);
  return [asked](const Options& options) { return run_doctor(options, *asked); };
}

}  // namespace guard::ctl
