#include "dbus/service/service.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "dbus/names.h"
#include "dbus/service/records.h"
#include "dbus/service/tables.h"
#include "policy/base/result.h"

namespace guard::bus {
namespace {

using namespace std::chrono_literals;

constexpr auto kShortestWait = 100ms;
constexpr auto kLongestWait = 5'000ms;
constexpr auto kRetryIfDenied = 5s;
// Early at boot there is no bus yet, and a restarted bus is back in a moment.
constexpr auto kShortAbsence = 60s;
constexpr auto kCountersEvery = 1s;
// The most unsent messages; signals beyond that are folded.
constexpr std::uint64_t kMostQueuedForSignals = 500;
constexpr auto kLongestStop = 200ms;

constexpr const char* kSystemBus = "unix:path=/run/dbus/system_bus_socket";
constexpr const char* kLocal = "org.freedesktop.DBus.Local";
constexpr const char* kLocalPath = "/org/freedesktop/DBus/Local";

std::string path_of(const std::string& policy) {
  char* encoded = nullptr;
  if (sd_bus_path_encode(kPolicies, policy.c_str(), &encoded) < 0) return {};
  std::string path(encoded);
  std::free(encoded);  // NOLINT(cppcoreguidelines-no-malloc): sd-bus allocated it with malloc
  return path;
}

template <typename Those>
auto collector(const Those& before, const Those& now, std::vector<const char*>& names) {
  return [&](const char* name, auto member) {
    if (before.*member != now.*member) names.push_back(name);
  };
}

// Counters are sent separately, because they change constantly.
template <typename Those>
std::vector<const char*> changes(const Those& before, const Those& now) {
  std::vector<const char*> names;
  each_fact(&now, collector(before, now, names));
  return names;
}

std::vector<const char*> changed_counters(const Facts& before, const Facts& now) {
  std::vector<const char*> names;
  each_counter(&now, collector(before, now, names));
  return names;
}

void emit_changed(sd_bus* bus, const char* path, const char* interface,
                  std::vector<const char*> names) {
  if (names.empty()) return;
  names.push_back(nullptr);
  // sd-bus takes a pointer to non-const names but does not change them.
  (void)sd_bus_emit_properties_changed_strv(bus, path, interface,
                                            const_cast<char**>(names.data()));  // NOLINT
}

}  // namespace

Service::Service(sd_event* loop, std::string address, Manager& manager)
    : loop_(loop),
      address_(std::move(address)),
      manager_(manager),
      wait_(kShortestWait),
      violations_(50, 100),
      incidents_(20, 100) {}

Service::~Service() = default;

// ---- the connection

void Service::start() {
  gone_since_ = std::chrono::steady_clock::now();
  connect(std::chrono::steady_clock::now());
}

void Service::connect(Time now) {
  retry_at_.reset();
  calls_.reset();
  bus_.reset();
  if (const int code = open(); code < 0)
    leave(now, "cannot connect to the bus: " + Error::from_errno(-code, "connect").text());
}

// The connection has ended or could not be made. Can be called in a callback: the connection is
// released only at the next attempt.
void Service::leave(Time now, const std::string& trouble) {
  if (std::exchange(has_name_, false)) gone_since_ = now;
  if (!trouble.empty()) trouble_ = trouble;
  retry_at_ = now + wait_;
  wait_ = std::min(2 * wait_, std::chrono::milliseconds(kLongestWait));
}

int Service::open() {
  sd_bus* made = nullptr;
  if (const int code = sd_bus_new(&made); code < 0) return code;
  bus_.reset(made);
  calls_ = std::make_unique<Calls>(made);
  facts_ = manager_.facts();
  published_ = facts_;
  policies_ = policies_now();
  counted_.clear();
  const auto* given = ::secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
  const char* address = !address_.empty() ? address_.c_str() : given ? given : kSystemBus;
  int code = sd_bus_set_address(made, address);
  if (code >= 0) code = sd_bus_set_bus_client(made, 1);
  if (code >= 0) code = sd_bus_set_description(made, "guardd");
  // Early at boot, wait for the socket of the bus to appear.
  if (code >= 0) code = sd_bus_set_watch_bind(made, 1);
  if (code >= 0)
    code = sd_bus_add_fallback_vtable(made, nullptr, kObject, kManager, manager_table(),
                                      find_manager, this);
  if (code >= 0)
    code = sd_bus_add_fallback_vtable(made, nullptr, kPolicies, kPolicy, policy_table(),
                                      find_policy, this);
  if (code >= 0) code = sd_bus_add_node_enumerator(made, nullptr, kPolicies, list_policies, this);
  if (code >= 0) code = sd_bus_add_object_manager(made, nullptr, kObject);
  if (code >= 0)
    code = sd_bus_match_signal_async(made, nullptr, nullptr, kLocalPath, kLocal, "Disconnected",
                                     on_disconnected, nullptr, this);
  if (code >= 0) code = sd_bus_start(made);
  // The same priority as kernel events, so that neither delays the other.
  if (code >= 0) code = sd_bus_attach_event(made, loop_, SD_EVENT_PRIORITY_NORMAL);
  // Last, so that all objects exist when the name appears.
  if (code >= 0) code = sd_bus_request_name_async(made, nullptr, kName, 0, on_name, this);
  return code;
}

int Service::on_disconnected(sd_bus_message* /*message*/, void* self,
                             sd_bus_error* /*error*/) noexcept {
  static_cast<Service*>(self)->leave(std::chrono::steady_clock::now(), "");
  return 0;
}

int Service::on_name(sd_bus_message* message, void* self, sd_bus_error* /*error*/) noexcept {
  auto& service = *static_cast<Service*>(self);
  constexpr std::uint32_t kIsOurs = 1;
  constexpr std::uint32_t kWasOurs = 4;
  const auto now = std::chrono::steady_clock::now();
  std::uint32_t answer = 0;
  if (const auto* error = sd_bus_message_get_error(message)) {
    service.leave(now, "the bus denies guardd its name (is " + std::string(kName) +
                           ".conf installed where the bus looks for it?): " +
                           (error->message ? error->message : error->name));
    service.retry_at_ = now + kRetryIfDenied;
  } else if (sd_bus_message_read(message, "u", &answer) < 0 ||
             (answer != kIsOurs && answer != kWasOurs)) {
    // Find the owner of the name, so that the administrator can stop one of the two.
    auto* bus = sd_bus_message_get_bus(message);
    if (sd_bus_call_method_async(bus, nullptr, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                 "org.freedesktop.DBus", "GetConnectionUnixProcessID", on_rival,
                                 self, "s", kName) < 0)
      service.leave_to("");
  } else {
    service.has_name_ = true;
    service.trouble_.clear();
    service.wait_ = kShortestWait;
    service.changed();
  }
  return 0;
}

int Service::on_rival(sd_bus_message* message, void* self, sd_bus_error* /*error*/) noexcept {
  auto& service = *static_cast<Service*>(self);
  std::uint32_t pid = 0;
  const bool is_known = sd_bus_message_is_method_error(message, nullptr) == 0 &&
                        sd_bus_message_read(message, "u", &pid) >= 0;
  service.leave_to(is_known ? ", process " + std::to_string(pid) + "," : "");
  return 0;
}

void Service::leave_to(const std::string& rival) {
  const auto now = std::chrono::steady_clock::now();
  leave(now, "another program" + rival + " has the name " + kName + " on the bus");
  retry_at_ = now + kRetryIfDenied;
}

void Service::stop() {
  if (!bus_ || !has_name_) return;
  const auto until = std::chrono::steady_clock::now() + kLongestStop;
  if (auto delayed = violations_.take_due(Time::max()))
    (void)send(delayed->record, delayed->folded);
  if (auto delayed = incidents_.take_due(Time::max())) (void)send(delayed->record, delayed->folded);
  has_name_ = false;
  // Not sd_bus_flush(), which can wait for a blocked bus for ever.
  std::uint64_t queued = 1;
  while (std::chrono::steady_clock::now() < until &&
         sd_bus_get_n_queued_write(bus_.get(), &queued) >= 0 && queued > 0) {
    if (sd_bus_process(bus_.get(), nullptr) == 0) (void)sd_bus_wait(bus_.get(), 10'000);
  }
  calls_.reset();
  bus_.reset();
}

// ---- objects

int Service::find_manager(sd_bus* /*bus*/, const char* path, const char* /*interface*/, void* self,
                          void** found, sd_bus_error* /*error*/) noexcept {
  if (std::strcmp(path, kObject) != 0) return 0;
  auto& service = *static_cast<Service*>(self);
  service.facts_ = service.manager_.facts();
  *found = &service;
  return 1;
}

int Service::find_policy(sd_bus* /*bus*/, const char* path, const char* /*interface*/, void* self,
                         void** found, sd_bus_error* /*error*/) noexcept {
  auto& service = *static_cast<Service*>(self);
  const auto at = service.policies_.find(path);
  if (at == service.policies_.end()) return 0;
  service.put_counts(at->second);
  at->second.beyond_limit = service.manager_.beyond_limit(at->second.name);
  *found = &at->second;
  return 1;
}

// NOLINTBEGIN(cppcoreguidelines-no-malloc): sd-bus frees it
int Service::list_policies(sd_bus* /*bus*/, const char* /*path*/, void* self, char*** paths,
                           sd_bus_error* /*error*/) noexcept {
  const auto& policies = static_cast<Service*>(self)->policies_;
  auto** list = static_cast<char**>(std::calloc(policies.size() + 1, sizeof(char*)));
  if (!list) return -ENOMEM;
  std::size_t count = 0;
  for (const auto& [path, facts] : policies) {
    list[count] = ::strdup(path.c_str());
    if (list[count]) ++count;
  }
  *paths = list;
  return 0;
}
// NOLINTEND(cppcoreguidelines-no-malloc)

void Service::put_counts(PolicyFacts& facts) const {
  const auto counts = counts_.find(facts.name);
  if (counts == counts_.end()) return;
  facts.violations = counts->second.violations;
  facts.denied = counts->second.denied;
  facts.fixed = counts->second.fixed;
  for (const auto& [reason, number] : counts->second.skipped) facts.skipped[reason] = number;
}

std::vector<PolicyFacts> Service::policies() const {
  auto policies = manager_.policies();
  for (auto& facts : policies) put_counts(facts);
  return policies;
}

std::map<std::string, PolicyFacts> Service::policies_now() const {
  std::map<std::string, PolicyFacts> policies;
  for (auto& facts : manager_.policies()) {
    auto path = path_of(facts.name);
    if (!path.empty()) policies.emplace(std::move(path), std::move(facts));
  }
  return policies;
}

// ---- signals

bool Service::has_room() const {
  std::uint64_t queued = 0;
  return has_name_ && sd_bus_get_n_queued_write(bus_.get(), &queued) >= 0 &&
         queued < kMostQueuedForSignals;
}

template <typename Write>
bool Service::signal(const char* name, Write write) {
  if (!has_room()) return false;
  sd_bus_message* made = nullptr;
  if (sd_bus_message_new_signal(bus_.get(), &made, kObject, kManager, name) < 0) return false;
  const Message message(made);
  Writer writer(made);
  write(writer);
  return writer.code() >= 0 && sd_bus_send(bus_.get(), made, nullptr) >= 0;
}

bool Service::send(const Violation& violation, std::uint64_t folded) {
  return signal("ViolationDetected",
                [&](Writer& writer) { write(writer, violation, Audience::kEverybody, folded); });
}

bool Service::send(const IncidentFields& fields, std::uint64_t folded) {
  return signal(fields.is_closed ? "IncidentClosed" : "IncidentOpened", [&](Writer& writer) {
    writer.text(fields.incident.id);
    write(writer, fields, Audience::kEverybody, folded);
  });
}

void Service::count(const Violation& violation) {
  auto at = counts_.find(violation.policy);
  if (at == counts_.end()) at = counts_.emplace(violation.policy, PolicyCounts()).first;
  const auto number = 1 + violation.repeats;
  at->second.violations += number;
  if (violation.action == Outcome::kDenied) at->second.denied += number;
  if (violation.action == Outcome::kFixed) at->second.fixed += number;
  if (violation.action == Outcome::kSkipped)
    at->second.skipped[violation.skip.empty() ? "other" : std::string(violation.skip)] += number;
  if (!has_name_) return;
  counted_.insert(violation.policy);
  if (!count_at_) count_at_ = std::chrono::steady_clock::now() + kCountersEvery;
}

void Service::violation(const Violation& violation) noexcept {
  count(violation);
  if (!has_name_) return;
  const auto now = std::chrono::steady_clock::now();
  if (violations_.pass(violation, now) && !send(violation, 0)) violations_.fold(violation, now);
}

void Service::publish(const IncidentFields& incident) noexcept {
  if (!has_name_) return;
  const auto now = std::chrono::steady_clock::now();
  if (incidents_.pass(incident, now) && !send(incident, 0)) incidents_.fold(incident, now);
}

void Service::reloaded() noexcept {
  if (!has_name_) return;
  publish_facts();
  publish_policies();
  (void)signal("PolicyReloaded", [&](Writer& writer) { writer.small_number(facts_.generation); });
}

void Service::changed() noexcept {
  has_changed_ = has_name_;
}

void Service::publish_facts() {
  facts_ = manager_.facts();
  emit_changed(bus_.get(), kObject, kManager, changes(published_, facts_));
  const auto before = std::exchange(published_, facts_);
  // Counters are sent separately.
  each_counter(&before,
               [&](const char* /*name*/, auto member) { published_.*member = before.*member; });
  if (!changed_counters(published_, facts_).empty() && !count_at_)
    count_at_ = std::chrono::steady_clock::now() + kCountersEvery;
}

void Service::publish_policies() {
  auto before = std::exchange(policies_, policies_now());
  for (auto& [path, facts] : policies_) {
    const auto at = before.find(path);
    if (at == before.end()) {
      (void)sd_bus_emit_interfaces_added(bus_.get(), path.c_str(), kPolicy, nullptr);
      continue;
    }
    emit_changed(bus_.get(), path.c_str(), kPolicy, changes(at->second, facts));
    before.erase(at);
  }
  for (const auto& [path, facts] : before) {
    (void)sd_bus_emit_interfaces_removed(bus_.get(), path.c_str(), kPolicy, nullptr);
    counts_.erase(facts.name);
  }
}

void Service::send_due(Time now) {
  if (auto delayed = violations_.take_due(now); delayed && !send(delayed->record, delayed->folded))
    violations_.fold(delayed->record, now);
  if (auto delayed = incidents_.take_due(now); delayed && !send(delayed->record, delayed->folded))
    incidents_.fold(delayed->record, now);
  if (std::exchange(has_changed_, false)) {
    publish_facts();
    publish_policies();
  }
  if (!count_at_ || *count_at_ > now) return;
  count_at_.reset();
  if (!has_room()) return;
  facts_ = manager_.facts();
  emit_changed(bus_.get(), kObject, kManager, changed_counters(published_, facts_));
  published_ = facts_;
  for (const auto& policy : std::exchange(counted_, {}))
    emit_changed(bus_.get(), path_of(policy).c_str(), kPolicy,
                 {"Violations", "Denied", "Fixed", "Skipped"});
}

std::optional<Service::Time> Service::next() const {
  if (!has_name_) {
    const auto report_at = gone_since_ + kShortAbsence;
    if (!trouble_.empty()) return retry_at_;
    return retry_at_ ? std::min(*retry_at_, report_at) : report_at;
  }
  if (has_changed_) return Time();
  std::optional<Time> first;
  for (const auto& due : {violations_.next(), incidents_.next(), count_at_})
    if (due && (!first || *due < *first)) first = due;
  return first;
}

void Service::tick(Time now) noexcept {
  if (retry_at_ && *retry_at_ <= now) connect(now);
  if (has_name_)
    send_due(now);
  else if (trouble_.empty() && now >= gone_since_ + kShortAbsence)
    trouble_ =
        "guardd cannot be reached over the bus: the bus is missing or accepts no connections "
        "(to run without a bus, start guardd with --bus none)";
}

}  // namespace guard::bus
