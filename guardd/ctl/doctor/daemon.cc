#include "guardd/ctl/doctor/checks.h"
#include "guardd/ctl/machine/config_lines.h"
#include "guardd/host/terminal_text.h"

namespace guard::doctor {
namespace {

void check_break_glass(Group& group, const Machine& machine) {
  constexpr const char* kWhy = "guardd watches and fixes nothing";
  const auto command_line = machine.text("/proc/cmdline");
  if (command_line)
    for (const auto& word : machine::words_of(*command_line))
      if (word == "guardd=off")
        group.fail("break-glass", "guardd=off is on the kernel command line", kWhy,
                   "remove it from the boot loader's configuration and reboot");
  if (machine.is_there("/run/guardd/disable"))
    group.fail("break-glass", "/run/guardd/disable exists", kWhy, "rm /run/guardd/disable");
}

void check_status(Group& group, const bus::Facts& facts, const std::string& own_version) {
  if (facts.health == "ok")
    group.ok("health", "guardd reports that it is healthy");
  else if (facts.health == "paused")
    group.warn("health", "paused: " + facts.health_reason,
               "guardd fixes nothing until it is resumed", "guardctl resume POLICY");
  else
    group.fail("health", facts.health + ": " + facts.health_reason,
               "guardd does not enforce everything that policies demand", "see guardctl status");
  if (facts.version == own_version)
    group.ok("version", "guardd and guardctl are both " + own_version);
  else
    group.warn("version", "guardd is " + facts.version + ", but guardctl is " + own_version,
               "the running guardd is not the installed one", "systemctl restart guardd");
  if (facts.lost == 0)
    group.ok("events", "no event was lost since guardd started");
  else
    group.warn("events", counted(facts.lost, "event was", "events were") + " lost",
               "a scan found the changes afterwards, but not who made them",
               "raise fs.fanotify.max_queued_events, or exclude the paths that change most");
}

void check_policies(Group& group, const std::vector<bus::PolicyFacts>& policies) {
  std::size_t well = 0;
  for (const auto& policy : policies) {
    const auto title = "policy " + policy.name;
    if (policy.state == "active" && policy.action == policy.effective_action) ++well;
    if (policy.state == "pending" || policy.state == "paused")
      group.warn(title,
                 policy.state + ": " +
                     (policy.state == "paused" ? policy.pause_reason : policy.state_reason),
                 "guardd fixes nothing there meanwhile",
                 policy.state == "paused" ? "guardctl resume " + policy.name
                                          : "create the tree, or correct its path");
    if (policy.state == "degraded")
      group.fail(title, "degraded: " + policy.state_reason,
                 "at least one of its trees is not guarded", "see guardctl status");
    if (policy.action != policy.effective_action)
      group.warn(title,
                 "its action is " + policy.action + ", but only " + policy.effective_action +
                     " is available" +
                     (policy.differences.empty() ? "" : ": " + policy.differences.front()),
                 "this machine cannot enforce what the policy demands",
                 "see guardctl show " + policy.name +
                     "; usually bpf is missing in lsm=, see kernel above");
  }
  if (well > 0)
    group.ok("policies", counted(well, "policy is", "policies are") + " active and fully enforced");
  if (policies.empty())
    group.warn(
        "policies", "guardd has no policies", "nothing is guarded",
        "save what guardctl suggest proposes in /etc/guardd/policies.d; then run guardctl reload");
}

// Works without the daemon, too.
void check_disk(Group& group, const Result<LoadResult>& loaded, const bus::Facts* facts) {
  if (!loaded) return group.skip("on disk", loaded.error().text());
  if (!loaded->set) {
    const auto& diagnostics = loaded->diagnostics;
    std::string first;
    for (const auto& each : diagnostics.all())
      if (first.empty() && each.kind == Diagnostic::Kind::kError) first = diagnostics.format(each);
    return group.fail("on disk", "the policies on disk are not valid: " + first,
                      "guardd keeps the previous policies, and has none after a restart",
                      "correct what guardctl check reports, then run guardctl reload");
  }
  if (!facts) return group.ok("on disk", "the policies on disk are valid");
  if (facts->policy_identity == loaded->set->identity())
    return group.ok("on disk", "guardd enforces the policies on disk");
  group.warn("on disk", "guardd does not enforce the policies on disk",
             "changes since the last reload are not in force", "guardctl reload");
}

}  // namespace

Checks daemon_checks(const Machine& machine, const DaemonFacts& daemon,
                     const Result<LoadResult>& loaded) {
  Group group("guardd");
  check_break_glass(group, machine);
  if (!daemon.status) {
    const auto& failure = daemon.status.error();
    if (failure.kind == bus::Kind::kNotPermitted)
      group.skip("running", failure.text, "run it as root");
    else
      group.fail("running", failure.text, "nothing is guarded",
                 "systemctl start guardd; to see why it stopped: journalctl -u guardd -b");
    check_disk(group, loaded, nullptr);
    return group.take();
  }
  group.ok("running",
           "guardd answers, with the backend " + daemon.status->backend +
               (daemon.status->backend_reason.empty() ? "" : ": " + daemon.status->backend_reason));
  check_status(group, *daemon.status, daemon.own_version);
  check_disk(group, loaded, &*daemon.status);
  if (daemon.policies)
    check_policies(group, *daemon.policies);
  else
    group.skip("policies", daemon.policies.error().text);
  return group.take();
}

}  // namespace guard::doctor
