#include "guardd/ctl/doctor/daemon.h"

#include "guardd/host/terminal_text.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

void check_break_glass(Group& group, const Machine& machine) {
  constexpr const char* kWhy = "guardd watches nothing and puts nothing right";
  const auto command_line = machine.read("/proc/cmdline");
  if (command_line)
    for (const auto& word : words_of(*command_line))
      if (word == "guardd=off")
        group.fail("break-glass", "guardd=off is on the kernel command line", kWhy,
                   "take it off the boot loader's line and reboot");
  if (machine.is_there("/run/guardd/disable"))
    group.fail("break-glass", "/run/guardd/disable is there", kWhy, "rm /run/guardd/disable");
}

void check_status(Group& group, const bus::Facts& facts, const std::string& own_version) {
  if (facts.health == "ok")
    group.ok("health", "guardd says it is well");
  else if (facts.health == "paused")
    group.warn("health", "paused: " + facts.health_reason, "nothing is put right meanwhile",
               "guardctl resume POLICY");
  else
    group.fail("health", facts.health + ": " + facts.health_reason,
               "not everything that policies say is kept", "guardctl status says more");
  if (facts.version == own_version)
    group.ok("version", "guardd and guardctl are both " + own_version);
  else
    group.warn("version", "guardd is " + facts.version + ", and guardctl " + own_version,
               "the one that runs is not the one that is installed", "systemctl restart guardd");
  if (facts.lost == 0)
    group.ok("events", "no event was lost since it was started");
  else
    group.warn("events", counted(facts.lost, "event was", "events were") + " lost",
               "what happened then was found by a scan only, without who did it",
               "raise fs.fanotify.max_queued_events, or exclude what changes most");
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
                 "meanwhile nothing is put right there",
                 policy.state == "paused" ? "guardctl resume " + policy.name
                                          : "make the tree, or mend its path");
    if (policy.state == "degraded")
      group.fail(title, "degraded: " + policy.state_reason, "a tree of it is not guarded",
                 "guardctl status says more");
    if (policy.action != policy.effective_action)
      group.warn(title,
                 "it says " + policy.action + " and gets " + policy.effective_action +
                     (policy.differences.empty() ? "" : ": " + policy.differences.front()),
                 "what it promises on paper does not happen on this machine",
                 "guardctl show " + policy.name + "; most often: bpf in lsm=, see kernel above");
  }
  if (well > 0)
    group.ok("policies", counted(well, "policy is", "policies are") + " active and " +
                             (well == 1 ? "gets" : "get") + " what " +
                             (well == 1 ? "it says" : "they say"));
  if (policies.empty())
    group.warn("policies", "guardd has no policies", "nothing is guarded",
               "write one in /etc/guardd/policies.d, see guardd-policy(5); then guardctl reload");
}

// Also without the daemon.
void check_disk(Group& group, const Result<LoadResult>& loaded, const bus::Facts* facts) {
  if (!loaded) return group.skip("on disk", loaded.error().text());
  if (!loaded->set) {
    const auto& diagnostics = loaded->diagnostics;
    std::string first;
    for (const auto& each : diagnostics.all())
      if (first.empty() && each.kind == Diagnostic::Kind::kError) first = diagnostics.format(each);
    return group.fail("on disk", "the policies on disk are not valid: " + first,
                      "guardd keeps those it has, and has none after the next start",
                      "guardctl check, then guardctl reload");
  }
  if (!facts) return group.ok("on disk", "the policies on disk are valid");
  if (facts->policy_identity == loaded->set->identity())
    return group.ok("on disk", "guardd goes by the policies as they are on disk");
  group.warn("on disk", "the policies on disk are not those that guardd goes by",
             "what was written since is not in force", "guardctl reload");
}

}  // namespace

Checks daemon_checks(const Machine& machine, const DaemonFacts& daemon,
                     const Result<LoadResult>& loaded) {
  Group group("guardd");
  check_break_glass(group, machine);
  if (!daemon.status) {
    const auto& failure = daemon.status.error();
    if (failure.kind == bus::Kind::kNotPermitted)
      group.skip("running", failure.text, "ask again as root");
    else
      group.fail("running", failure.text, "nothing is guarded",
                 "systemctl start guardd; why it ended: journalctl -u guardd -b");
    check_disk(group, loaded, nullptr);
    return group.take();
  }
  group.ok("running",
           "it answers, with the backend " + daemon.status->backend +
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
