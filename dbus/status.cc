#include "dbus/status.h"

#include <algorithm>

#include "dbus/names.h"

namespace guard::bus {
namespace {

bool take(const Value& value, std::string& into) {
  const auto* text = value.as<std::string>();
  if (text) into = *text;
  return text != nullptr;
}

bool take(const Value& value, std::uint64_t& into) {
  const auto* number = value.as<std::uint64_t>();
  if (number) into = *number;
  return number != nullptr;
}

bool take(const Value& value, std::vector<std::string>& into) {
  const auto* list = value.as<List>();
  if (!list) return false;
  for (const auto& item : *list)
    if (!take(item, into.emplace_back())) return false;
  return true;
}

// Takes properties by name, and remembers the first of another type than it should have.
class Properties {
 public:
  explicit Properties(const Map& map) : map_(map) {}

  template <typename T>
  Properties& to(std::string_view name, T& into) {
    const auto* value = find(map_, name);
    if (value && !take(*value, into) && wrong_.empty()) wrong_ = name;
    return *this;
  }
  Properties& to(Counts& counts) {
    return to("Violations", counts.violations)
        .to("Denied", counts.denied)
        .to("Fixed", counts.fixed);
  }

  Status status() const {
    if (wrong_.empty()) return {};
    return Error("the property " + wrong_ + " has another type");
  }

 private:
  const Map& map_;
  std::string wrong_;
};

}  // namespace

Result<DaemonStatus> daemon_status(const Map& properties) {
  DaemonStatus status;
  GUARD_CHECK(Properties(properties)
                  .to("Version", status.version)
                  .to("Backend", status.backend)
                  .to("BackendReason", status.backend_reason)
                  .to("Health", status.health)
                  .to("HealthReason", status.health_reason)
                  .to("Generation", status.generation)
                  .to("PolicyIdentity", status.policy_identity)
                  .to(status.counts)
                  .to("Lost", status.lost)
                  .status());
  return status;
}

Result<PolicyStatus> policy_status(const Map& properties) {
  PolicyStatus status;
  GUARD_CHECK(Properties(properties)
                  .to("Name", status.name)
                  .to("Paths", status.paths)
                  .to("Owner", status.owner)
                  .to("Group", status.group)
                  .to("Action", status.action)
                  .to("EffectiveAction", status.effective_action)
                  .to("Differences", status.differences)
                  .to("State", status.state)
                  .to("StateReason", status.state_reason)
                  .to("Guards", status.guards)
                  .to("Severity", status.severity)
                  .to("Category", status.category)
                  .to("File", status.file)
                  .to("Line", status.line)
                  .to(status.counts)
                  .to("PausedUntil", status.paused_until)
                  .to("PausedBy", status.paused_by)
                  .to("PauseReason", status.pause_reason)
                  .status());
  return status;
}

Result<std::vector<PolicyStatus>> policy_statuses(const Map& objects) {
  std::vector<PolicyStatus> all;
  for (const auto& object : objects) {
    const auto* interfaces = object.value.as<Map>();
    if (!interfaces) return Error(object.name + " has no interfaces");
    const auto* policy = find(*interfaces, kPolicy);
    if (!policy) continue;
    const auto* properties = policy->as<Map>();
    if (!properties) return Error(object.name + " has no properties");
    GUARD_TRY(auto status, policy_status(*properties));
    all.push_back(std::move(status));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

}  // namespace guard::bus
