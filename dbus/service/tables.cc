#include "dbus/service/tables.h"

#include "dbus/service/service.h"

namespace guard::bus {
namespace {

void put(Writer& writer, const std::string& value) {
  writer.text(value);
}
void put(Writer& writer, const std::vector<std::string>& values) {
  writer.texts(values);
}
void put(Writer& writer, std::uint64_t value) {
  writer.number(value);
}
void put(Writer& writer, std::uint32_t value) {
  writer.small_number(value);
}

void put(Writer& writer, const Counts& counts) {
  writer.open('a', "{st}");
  for (const auto& [name, count] : counts) {
    writer.open('e', "st");
    writer.text(name);
    writer.number(count);
    writer.close();
  }
  writer.close();
}

void put(Writer& writer, const std::vector<AlertState>& alerts) {
  writer.open('a', "a{sv}");
  for (const auto& alert : alerts) {
    RecordWriter record(writer);
    record.text("name", alert.name);
    record.text("when", alert.when);
    record.number("starts", alert.starts);
    record.number("held_back", alert.held_back);
    if (alert.last_start != 0) record.number("last_start", alert.last_start);
  }
  writer.close();
}

template <auto Member>
int fact(sd_bus* /*bus*/, const char* /*path*/, const char* /*interface*/, const char* /*property*/,
         sd_bus_message* reply, void* service, sd_bus_error* /*error*/) noexcept {
  Writer writer(reply);
  put(writer, static_cast<Service*>(service)->facts().*Member);
  return writer.code();
}

template <auto Member>
int said(sd_bus* /*bus*/, const char* /*path*/, const char* /*interface*/, const char* /*property*/,
         sd_bus_message* reply, void* policy, sd_bus_error* /*error*/) noexcept {
  Writer writer(reply);
  put(writer, static_cast<PolicyFacts*>(policy)->*Member);
  return writer.code();
}

// No method uses the privilege checks of sd-bus, which wait for the bus. Calls checks the
// permissions instead.
constexpr std::uint64_t kThroughCalls = SD_BUS_VTABLE_UNPRIVILEGED;
constexpr std::uint64_t kConst = SD_BUS_VTABLE_PROPERTY_CONST;
constexpr std::uint64_t kSilent = 0;
constexpr std::uint64_t kChanges = SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE;

using F = Facts;
using P = PolicyFacts;

const sd_bus_vtable kManagerTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_method, kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("Scan", SD_BUS_ARGS("s", policy, "b", fix),
                            SD_BUS_RESULT("u", found, "u", fixed), on_method, kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("FindWrong", SD_BUS_ARGS("s", policy, "u", limit),
                            SD_BUS_RESULT("aa{sv}", wrong, "u", found), on_method, kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("Explain", SD_BUS_ARGS("ay", path, "u", uid, "s", operation),
                            SD_BUS_RESULT("a{sv}", explanation), on_method, kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("Pause", SD_BUS_ARGS("s", policy, "t", usec, "s", reason),
                            SD_BUS_NO_RESULT, on_method, kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("Resume", SD_BUS_ARGS("s", policy), SD_BUS_NO_RESULT, on_method,
                            kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("Excuse", SD_BUS_ARGS("h", process, "s", reason, "s", command),
                            SD_BUS_NO_RESULT, on_method, kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("ListIncidents", SD_BUS_ARGS("a{sv}", filter),
                            SD_BUS_RESULT("aa{sv}", incidents), on_method, kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("GetIncident", SD_BUS_ARGS("s", id), SD_BUS_RESULT("a{sv}", incident),
                            on_method, kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("Report", SD_BUS_ARGS("a{sv}", filter), SD_BUS_RESULT("a{sv}", report),
                            on_method, kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("Learn", SD_BUS_ARGS("a{sv}", filter), SD_BUS_RESULT("a{sv}", lessons),
                            on_method, kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("Undo", SD_BUS_ARGS("s", id), SD_BUS_RESULT("u", restored), on_method,
                            kThroughCalls),
    SD_BUS_METHOD_WITH_ARGS("UndoFiles", SD_BUS_ARGS("s", id, "b", dry_run, "u", limit),
                            SD_BUS_RESULT("aa{sv}", files, "u", restored, "u", left), on_method,
                            kThroughCalls),
    SD_BUS_PROPERTY("Version", "s", fact<&F::version>, 0, kConst),
    SD_BUS_PROPERTY("Backend", "s", fact<&F::backend>, 0, kConst),
    SD_BUS_PROPERTY("BackendReason", "s", fact<&F::backend_reason>, 0, kConst),
    SD_BUS_PROPERTY("Health", "s", fact<&F::health>, 0, kChanges),
    SD_BUS_PROPERTY("HealthReason", "s", fact<&F::health_reason>, 0, kChanges),
    SD_BUS_PROPERTY("Generation", "u", fact<&F::generation>, 0, kChanges),
    SD_BUS_PROPERTY("PolicyIdentity", "s", fact<&F::policy_identity>, 0, kChanges),
    SD_BUS_PROPERTY("Violations", "t", fact<&F::violations>, 0, kChanges),
    SD_BUS_PROPERTY("Denied", "t", fact<&F::denied>, 0, kChanges),
    SD_BUS_PROPERTY("Fixed", "t", fact<&F::fixed>, 0, kChanges),
    SD_BUS_PROPERTY("Lost", "t", fact<&F::lost>, 0, kChanges),
    SD_BUS_PROPERTY("AnsweredLate", "t", fact<&F::answered_late>, 0, kChanges),
    SD_BUS_PROPERTY("AnsweredUnseen", "t", fact<&F::answered_unseen>, 0, kChanges),
    SD_BUS_PROPERTY("HelpersGivenUp", "a{st}", fact<&F::helpers_given_up>, 0, kChanges),
    SD_BUS_PROPERTY("HelpersHung", "u", fact<&F::helpers_hung>, 0, kChanges),
    SD_BUS_PROPERTY("Alerts", "aa{sv}", fact<&F::alerts>, 0, kChanges),
    SD_BUS_SIGNAL_WITH_ARGS("ViolationDetected", SD_BUS_ARGS("a{sv}", violation), 0),
    SD_BUS_SIGNAL_WITH_ARGS("IncidentOpened", SD_BUS_ARGS("s", id, "a{sv}", incident), 0),
    SD_BUS_SIGNAL_WITH_ARGS("IncidentClosed", SD_BUS_ARGS("s", id, "a{sv}", incident), 0),
    SD_BUS_SIGNAL_WITH_ARGS("PolicyReloaded", SD_BUS_ARGS("u", generation), 0),
    SD_BUS_SIGNAL_WITH_ARGS("ScanProgress",
                            SD_BUS_ARGS("t", looked_at, "t", expected, "t", found, "t", fixed), 0),
    SD_BUS_VTABLE_END,
};

const sd_bus_vtable kPolicyTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Name", "s", said<&P::name>, 0, kConst),
    SD_BUS_PROPERTY("Paths", "as", said<&P::paths>, 0, kChanges),
    SD_BUS_PROPERTY("Owner", "s", said<&P::owner>, 0, kChanges),
    SD_BUS_PROPERTY("Group", "s", said<&P::group>, 0, kChanges),
    SD_BUS_PROPERTY("Action", "s", said<&P::action>, 0, kChanges),
    SD_BUS_PROPERTY("EffectiveAction", "s", said<&P::effective_action>, 0, kChanges),
    SD_BUS_PROPERTY("Differences", "as", said<&P::differences>, 0, kChanges),
    SD_BUS_PROPERTY("State", "s", said<&P::state>, 0, kChanges),
    SD_BUS_PROPERTY("StateReason", "s", said<&P::state_reason>, 0, kChanges),
    SD_BUS_PROPERTY("Guards", "as", said<&P::guards>, 0, kChanges),
    SD_BUS_PROPERTY("Severity", "s", said<&P::severity>, 0, kChanges),
    SD_BUS_PROPERTY("Category", "s", said<&P::category>, 0, kChanges),
    SD_BUS_PROPERTY("File", "s", said<&P::file>, 0, kChanges),
    SD_BUS_PROPERTY("Line", "u", said<&P::line>, 0, kChanges),
    SD_BUS_PROPERTY("Violations", "t", said<&P::violations>, 0, kChanges),
    SD_BUS_PROPERTY("Denied", "t", said<&P::denied>, 0, kChanges),
    SD_BUS_PROPERTY("Fixed", "t", said<&P::fixed>, 0, kChanges),
    SD_BUS_PROPERTY("Skipped", "a{st}", said<&P::skipped>, 0, kChanges),
    SD_BUS_PROPERTY("BeyondLimit", "a{st}", said<&P::beyond_limit>, 0, kSilent),
    SD_BUS_PROPERTY("PausedUntil", "t", said<&P::paused_until>, 0, kChanges),
    SD_BUS_PROPERTY("PausedBy", "s", said<&P::paused_by>, 0, kChanges),
    SD_BUS_PROPERTY("PauseReason", "s", said<&P::pause_reason>, 0, kChanges),
    SD_BUS_VTABLE_END,
};

}  // namespace

const sd_bus_vtable* manager_table() {
  return kManagerTable;
}

const sd_bus_vtable* policy_table() {
  return kPolicyTable;
}

}  // namespace guard::bus
