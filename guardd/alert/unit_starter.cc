#include "guardd/alert/unit_starter.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "guardd/host/terminal_text.h"
#include "policy/base/result.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr const char* kSystemBus = "unix:path=/run/dbus/system_bus_socket";
constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kObject = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kLocal = "org.freedesktop.DBus.Local";
constexpr const char* kLocalPath = "/org/freedesktop/DBus/Local";

// Whether another attempt can succeed although nothing but time has changed.
bool is_passing(const sd_bus_error& error) {
  constexpr std::array kPassing{SD_BUS_ERROR_NO_REPLY,        SD_BUS_ERROR_TIMEOUT,
                                SD_BUS_ERROR_DISCONNECTED,    SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                                SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NO_SERVER,
                                SD_BUS_ERROR_LIMITS_EXCEEDED, SD_BUS_ERROR_NO_MEMORY};
  return std::any_of(kPassing.begin(), kPassing.end(),
                     [&](const char* each) { return sd_bus_error_has_name(&error, each) != 0; });
}

}  // namespace

void UnitStarter::start(const std::string& unit, SteadyTime now) {
  auto& start = starts_[unit];
  start.starter = this;
  start.unit = unit;
  start.begin = now;
}

int UnitStarter::connect() {
  sd_bus* made = nullptr;
  if (const int code = sd_bus_new(&made); code < 0) return code;
  bus_.reset(made);
  const auto* given = ::secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
  const char* address = !address_->empty() ? address_->c_str() : given ? given : kSystemBus;
  int code = sd_bus_set_address(made, address);
  if (code >= 0) code = sd_bus_set_bus_client(made, 1);
  if (code >= 0) code = sd_bus_set_description(made, "guardd alerts");
  if (code >= 0)
    code = sd_bus_set_method_call_timeout(
        made, static_cast<std::uint64_t>(std::chrono::microseconds(kLongestAnswer).count()));
  if (code >= 0)
    code = sd_bus_match_signal_async(made, nullptr, nullptr, kLocalPath, kLocal, "Disconnected",
                                     on_disconnected, nullptr, this);
  if (code >= 0) code = sd_bus_start(made);
  if (code >= 0) code = sd_bus_attach_event(made, loop_, SD_EVENT_PRIORITY_NORMAL);
  if (code >= 0)
    code = sd_bus_match_signal_async(made, nullptr, kSystemd, kObject, kManager, "JobRemoved",
                                     on_job_removed, nullptr, this);
  // systemd sends signals only if a client has asked for them. The end of the connection ends that.
  if (code >= 0)
    code = sd_bus_call_method_async(made, nullptr, kSystemd, kObject, kManager, "Subscribe",
                                    nullptr, nullptr, "");
  return code;
}

int UnitStarter::call(Start& start) {
  sd_bus_slot* slot = nullptr;
  const int code =
      sd_bus_call_method_async(bus_.get(), &slot, kSystemd, kObject, kManager, "StartUnit",
                               on_answer, &start, "ss", start.unit.c_str(), "replace");
  if (code < 0) return code;
  start.call.reset(slot);
  start.stage = Stage::kCalled;
  return code;
}

// Can be called in a callback, so the connection is released later.
void UnitStarter::retry(SteadyTime now, std::string why) {
  is_lost_ = true;
  why_ = std::move(why);
  if (retry_at_) return;
  retry_at_ = now + wait_;
  wait_ = std::min(2 * wait_, kLongestWait);
}

void UnitStarter::end(const std::string& unit, std::string error) {
  if (error.ends_with('.')) error.pop_back();  // it becomes a part of a sentence
  results_.push_back({unit, std::move(error)});
  starts_.erase(unit);
}

int UnitStarter::on_answer(sd_bus_message* message, void* data, sd_bus_error* /*error*/) noexcept {
  auto& start = *static_cast<Start*>(data);
  auto& self = *start.starter;
  const char* job = nullptr;
  if (const auto* error = sd_bus_message_get_error(message)) {
    const std::string text = printable(error->message ? error->message : error->name);
    if (is_passing(*error)) {
      start.stage = Stage::kWaits;
      self.retry(std::chrono::steady_clock::now(), "systemd does not answer on the bus: " + text);
    } else {
      self.end(std::string(start.unit), text);
    }
    return 0;
  }
  self.wait_ = kShortestWait;
  self.why_.clear();
  if (sd_bus_message_read(message, "o", &job) < 0) {
    self.end(std::string(start.unit), "systemd's answer cannot be read");
    return 0;
  }
  start.stage = Stage::kRuns;
  start.job = job;
  start.begin = std::chrono::steady_clock::now();
  return 0;
}

int UnitStarter::on_job_removed(sd_bus_message* message, void* data,
                                sd_bus_error* /*error*/) noexcept {
  auto& self = *static_cast<UnitStarter*>(data);
  std::uint32_t id = 0;
  const char* job = nullptr;
  const char* unit = nullptr;
  const char* result = nullptr;
  if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0) return 0;
  const auto at = self.starts_.find(unit);
  if (at == self.starts_.end() || at->second.job != job) return 0;
  const bool went_well = std::strcmp(result, "done") == 0;
  self.end(std::string(unit), went_well ? "" : "it ended with the result " + quote(result));
  return 0;
}

int UnitStarter::on_disconnected(sd_bus_message* /*message*/, void* data,
                                 sd_bus_error* /*error*/) noexcept {
  static_cast<UnitStarter*>(data)->retry(std::chrono::steady_clock::now(),
                                         "the connection to the bus has ended");
  return 0;
}

std::string UnitStarter::trouble() const {
  if (starts_.empty()) return {};
  if (!address_) return "guardd is on no bus, so it cannot start units";
  const auto waiting = std::count_if(starts_.begin(), starts_.end(), [](const auto& each) {
    return each.second.stage != Stage::kRuns;
  });
  if (waiting > 0 && !why_.empty())
    return why_ + "; " + counted(static_cast<std::uint64_t>(waiting), "unit waits", "units wait");
  return {};
}

std::optional<SteadyTime> UnitStarter::next() const {
  if (!address_ || starts_.empty()) return bus_ ? std::optional(SteadyTime()) : std::nullopt;
  if (is_lost_) return retry_at_;
  std::optional<SteadyTime> next;
  for (const auto& [unit, start] : starts_) {
    if (start.stage == Stage::kWaits) return SteadyTime();
    if (start.stage == Stage::kRuns) {
      const auto long_at = start.begin + kLongestRun;
      if (!next || long_at < *next) next = long_at;
    }
  }
  return next;
}

void UnitStarter::give_up_runs(SteadyTime now) {
  std::vector<std::string> units;
  for (const auto& [unit, start] : starts_)
    if (start.stage == Stage::kRuns && start.begin + kLongestRun <= now) units.push_back(unit);
  for (const auto& unit : units) end(unit, "it has been running for more than 2 minutes");
}

// Whether the units that were started still run is no longer known. If they do, systemd merges
// another start with theirs.
void UnitStarter::forget_connection() {
  for (auto& [unit, start] : starts_) {
    start.call.reset();
    if (start.stage == Stage::kCalled) start.stage = Stage::kWaits;
  }
  std::erase_if(starts_, [](const auto& each) { return each.second.stage == Stage::kRuns; });
  bus_.reset();
  is_lost_ = false;
  retry_at_.reset();
}

void UnitStarter::work(SteadyTime now) {
  if (!address_) return;
  give_up_runs(now);
  if (is_lost_ && !starts_.empty() && retry_at_ && *retry_at_ > now) return;
  if (is_lost_ || starts_.empty()) forget_connection();
  if (starts_.empty()) return;
  int code = bus_ ? 0 : connect();
  for (auto& [unit, start] : starts_)
    if (code >= 0 && start.stage == Stage::kWaits) code = call(start);
  if (code < 0)
    retry(now, "cannot connect to the bus: " + Error::from_errno(-code, "connect").text());
}

void UnitStarter::finish(std::chrono::milliseconds deadline) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  work(std::chrono::steady_clock::now());
  const auto has_unanswered = [this] {
    return std::any_of(starts_.begin(), starts_.end(),
                       [](const auto& each) { return each.second.stage == Stage::kCalled; });
  };
  while (bus_ && !is_lost_ && has_unanswered() && std::chrono::steady_clock::now() < until)
    if (sd_bus_process(bus_.get(), nullptr) == 0) (void)sd_bus_wait(bus_.get(), 10'000);
}

}  // namespace guard
