#include "dbus/client/client.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "dbus/client/value_reader.h"
#include "dbus/names.h"
#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard::bus {
namespace {

constexpr const char* kBus = "org.freedesktop.DBus";
constexpr const char* kBusObject = "/org/freedesktop/DBus";

// The error of a failed call, released with its texts.
class CallError {
 public:
  CallError() = default;
  ~CallError() { sd_bus_error_free(&error_); }
  CallError(const CallError&) = delete;
  CallError& operator=(const CallError&) = delete;

  sd_bus_error* get() { return &error_; }
  const sd_bus_error& operator*() const { return error_; }

 private:
  sd_bus_error error_ = SD_BUS_ERROR_NULL;
};

Failure no_bus(int code, const std::string& address) {
  const auto kind = -code == EACCES || -code == EPERM ? Kind::kNotPermitted : Kind::kNotRunning;
  const auto which = address.empty() ? "the system bus" : "the bus at " + quote(address);
  return {kind, "cannot connect to guardd: " + Error::from_errno(-code, which).text()};
}

Failure not_put_together(int code) {
  if (-code == EINVAL) return {Kind::kInvalid, "the request is not valid UTF-8"};
  return {Kind::kFailed,
          Error::from_errno(-code, "the request could not be sent to guardd").text()};
}

template <typename T>
Answer<T> answered(Result<T> result) {
  if (!result) return misunderstood(result.error().text());
  return *std::move(result);
}

int put_text(sd_bus_message* message, const char* key, const std::string& text) {
  return text.empty() ? 0 : sd_bus_message_append(message, "{sv}", key, "s", text.c_str());
}

int put_time(sd_bus_message* message, const char* key,
             const std::optional<std::chrono::system_clock::time_point>& time) {
  if (!time) return 0;
  const auto since_1970 =
      std::chrono::duration_cast<std::chrono::microseconds>(time->time_since_epoch()).count();
  const auto microseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(since_1970, 0));
  return sd_bus_message_append(message, "{sv}", key, "t", microseconds);
}

int put_filter(sd_bus_message* message, const RecordFilter& filter) {
  int code = sd_bus_message_open_container(message, 'a', "{sv}");
  const auto then = [&code](int next) { code = code < 0 ? code : next; };
  then(put_time(message, "since", filter.since));
  then(put_time(message, "until", filter.until));
  then(put_text(message, "policy", filter.policy));
  then(put_text(message, "login", filter.login));
  if (filter.severity) then(put_text(message, "severity", std::string(word(*filter.severity))));
  then(put_text(message, "path", filter.path));
  then(put_text(message, "command", filter.command));
  then(put_text(message, "incident", filter.incident));
  then(put_text(message, "category", filter.category));
  then(put_text(message, "unit", filter.unit));
  if (filter.outcome) then(put_text(message, "outcome", std::string(word(*filter.outcome))));
  if (filter.limit)
    then(sd_bus_message_append(message, "{sv}", "limit", "u",
                               static_cast<std::uint32_t>(*filter.limit)));
  then(sd_bus_message_close_container(message));
  return code;
}

int put_nothing(sd_bus_message* /*message*/) {
  return 0;
}

// Puts the arguments of these types into a call.
template <typename... Arguments>
auto put(const char* types, Arguments... arguments) {
  return
      [=](sd_bus_message* message) { return sd_bus_message_append(message, types, arguments...); };
}

auto put(const RecordFilter& filter) {
  return [&filter](sd_bus_message* message) { return put_filter(message, filter); };
}

// The timeout for poll() until the bus needs attention.
int patience_of(sd_bus* bus) {
  std::uint64_t until = UINT64_MAX;
  if (sd_bus_get_timeout(bus, &until) < 0 || until == UINT64_MAX) return -1;
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
  const auto left = static_cast<std::int64_t>(until) - now.count();
  return static_cast<int>(std::clamp<std::int64_t>(left / 1000 + 1, 0, 60'000));
}

// Waits until the bus or `stop` is readable. False: it is `stop`.
bool wait_for(sd_bus* bus, int stop) {
  pollfd both[2] = {{sd_bus_get_fd(bus), 0, 0}, {stop, POLLIN, 0}};
  both[0].events = static_cast<short>(sd_bus_get_events(bus));
  if (::poll(both, 2, patience_of(bus)) < 0) return true;
  return both[1].revents == 0;
}

int keep_reply(sd_bus_message* message, void* reply, sd_bus_error* /*error*/) noexcept {
  static_cast<Message*>(reply)->reset(sd_bus_message_ref(message));
  return 1;
}

Answer<std::vector<Map>> records_in(sd_bus_message* message) {
  GUARD_TRY(auto list, answered(read_as<List>(message)));
  std::vector<Map> records;
  for (auto& item : list) {
    auto* record = std::get_if<Map>(&item.held);
    if (!record) return misunderstood("a record without fields");
    records.push_back(std::move(*record));
  }
  return records;
}

}  // namespace

struct Client::Call {
  const char* method;
  std::chrono::microseconds patience;
  bool changes = false;
  const char* name = kName;
  const char* object = kObject;
  const char* interface = kManager;
};

Answer<Client> Client::open(const std::string& address) {
  if (!address.empty() && address.find(':') == std::string::npos)
    return Failure{Kind::kInvalid,
                   quote(address) + " is no address of a bus; one looks like unix:path=/run/bus"};
  sd_bus* raw = nullptr;
  int code = address.empty() ? sd_bus_open_system(&raw) : sd_bus_new(&raw);
  Bus bus(raw);
  if (!address.empty()) {
    // With untrusted peers, on any bus.
    if (code >= 0) code = sd_bus_set_address(bus.get(), address.c_str());
    if (code >= 0) code = sd_bus_set_bus_client(bus.get(), 1);
    if (code >= 0) code = sd_bus_start(bus.get());
  }
  // The bus has accepted the connection once it assigns a name.
  const char* unique = nullptr;
  if (code >= 0) code = sd_bus_get_unique_name(bus.get(), &unique);
  if (code < 0) return no_bus(code, address);
  return Client(std::move(bus));
}

template <typename Fill>
Answer<Message> Client::put_together(const Call& call, Fill fill) {
  sd_bus_message* raw = nullptr;
  int code = sd_bus_message_new_method_call(bus_.get(), &raw, call.name, call.object,
                                            call.interface, call.method);
  Message message(raw);
  if (code >= 0) code = fill(message.get());
  // guardd is a system service: a call must not start it.
  if (code >= 0) code = sd_bus_message_set_auto_start(message.get(), 0);
  if (code >= 0)
    code = sd_bus_message_set_allow_interactive_authorization(message.get(),
                                                              call.changes && interactive_ ? 1 : 0);
  if (code < 0) return not_put_together(code);
  return message;
}

template <typename Fill>
Answer<Message> Client::ask(const Call& call, Fill fill) {
  GUARD_TRY(const auto message, put_together(call, fill));
  CallError error;
  sd_bus_message* reply = nullptr;
  const int code =
      sd_bus_call(bus_.get(), message.get(), static_cast<std::uint64_t>(call.patience.count()),
                  error.get(), &reply);
  if (code < 0) return failure_of(code, *error);
  return Message(reply);
}

template <typename Fill>
Answer<Message> Client::ask(const Call& call, Fill fill, const PendingSignals& meanwhile) {
  GUARD_TRY(const auto guardd, owner());
  GUARD_TRY(const auto message, put_together(call, fill));
  Message reply;
  sd_bus_slot* raw_slot = nullptr;
  const int sent = sd_bus_call_async(bus_.get(), &raw_slot, message.get(), keep_reply, &reply,
                                     static_cast<std::uint64_t>(call.patience.count()));
  const Slot slot(raw_slot);
  if (sent < 0) return not_put_together(sent);
  while (!reply) {
    sd_bus_message* raw = nullptr;
    const int code = sd_bus_process(bus_.get(), &raw);
    const Message heard(raw);
    if (code < 0) return Failure{Kind::kNotRunning, "lost the connection to the bus"};
    if (heard) {
      GUARD_TRY(const auto event, answered(read_event(heard.get(), guardd)));
      if (event && event->kind == Event::Kind::kScanning && meanwhile.hear)
        meanwhile.hear(event->scan);
    } else if (code == 0 && !wait_for(bus_.get(), meanwhile.stop)) {
      return Failure{Kind::kStopped, "stopped"};
    }
  }
  if (const auto* error = sd_bus_message_get_error(reply.get()))
    return failure_of(-sd_bus_message_get_errno(reply.get()), *error);
  return reply;
}

template <typename T, typename Fill>
Answer<T> Client::ask_for(const Call& call, Fill fill) {
  GUARD_TRY(const auto reply, ask(call, fill));
  if constexpr (std::is_same_v<T, Nothing>)
    return Nothing{};
  else
    return answered(read_as<T>(reply.get()));
}

Answer<Nothing> Client::reload() {
  return ask_for<Nothing>({"Reload", patience_.asking, true}, put_nothing);
}

Answer<Totals> Client::scan(const std::string& where, bool fix, const PendingSignals& meanwhile) {
  GUARD_TRY(const auto reply, ask({"Scan", patience_.looking, true},
                                  put("sb", where.c_str(), fix ? 1 : 0), meanwhile));
  Totals totals;
  if (sd_bus_message_read(reply.get(), "uu", &totals.found, &totals.fixed) < 0)
    return misunderstood("the end of a scan");
  return totals;
}

Answer<Client::WrongFiles> Client::find_wrong(const std::string& where, std::uint32_t most,
                                              const PendingSignals& meanwhile) {
  GUARD_TRY(const auto reply,
            ask({"FindWrong", patience_.looking, true}, put("su", where.c_str(), most), meanwhile));
  GUARD_TRY(auto files, records_in(reply.get()));
  WrongFiles wrong{std::move(files), 0};
  if (sd_bus_message_read(reply.get(), "u", &wrong.found) < 0)
    return misunderstood("the end of a scan");
  return wrong;
}

Answer<Nothing> Client::pause(const std::string& policy, std::chrono::microseconds length,
                              const std::string& reason) {
  return ask_for<Nothing>(
      {"Pause", patience_.asking, true},
      put("sts", policy.c_str(), static_cast<std::uint64_t>(length.count()), reason.c_str()));
}

Answer<Nothing> Client::resume(const std::string& policy) {
  return ask_for<Nothing>({"Resume", patience_.asking, true}, put("s", policy.c_str()));
}

Answer<Nothing> Client::excuse(const std::string& reason, const std::string& command) {
  const Fd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (!self) return Failure{Kind::kFailed, Error::from_errno(errno, "pidfd_open").text()};
  return ask_for<Nothing>({"Excuse", patience_.asking, true},
                          put("hss", self.get(), reason.c_str(), command.c_str()));
}

Answer<std::vector<Map>> Client::list_incidents(const RecordFilter& filter) {
  GUARD_TRY(const auto reply, ask({"ListIncidents", patience_.known}, put(filter)));
  return records_in(reply.get());
}

Answer<Map> Client::get_incident(const std::string& id) {
  return ask_for<Map>({"GetIncident", patience_.known}, put("s", id.c_str()));
}

Answer<Map> Client::report(const RecordFilter& filter) {
  return ask_for<Map>({"Report", patience_.asking}, put(filter));
}

Answer<Map> Client::learn(const RecordFilter& filter) {
  return ask_for<Map>({"Learn", patience_.asking}, put(filter));
}

Answer<Client::UndoResult> Client::undo_files(const std::string& id, bool dry_run,
                                              std::uint32_t most) {
  GUARD_TRY(const auto reply, ask({"UndoFiles", patience_.looking, true},
                                  put("sbu", id.c_str(), dry_run ? 1 : 0, most)));
  GUARD_TRY(auto files, records_in(reply.get()));
  UndoResult undone{std::move(files), 0, 0};
  if (sd_bus_message_read(reply.get(), "uu", &undone.restored, &undone.left) < 0)
    return misunderstood("the end of an undo");
  return undone;
}

Answer<Facts> Client::status() {
  Call call{"GetAll", patience_.known};
  call.interface = kProperties;
  GUARD_TRY(const auto properties, ask_for<Map>(call, put("s", kManager)));
  return answered(facts_in(properties));
}

Answer<std::vector<PolicyFacts>> Client::policies() {
  Call call{"GetManagedObjects", patience_.known};
  call.interface = kObjectManager;
  GUARD_TRY(const auto objects, ask_for<Map>(call, put_nothing));
  return answered(policies_in(objects));
}

Answer<Nothing> Client::listen(const std::string& rule) {
  return ask_for<Nothing>({"AddMatch", patience_.known, false, kBus, kBusObject, kBus},
                          put("s", rule.c_str()));
}

Answer<std::string> Client::owner() {
  return ask_for<std::string>({"GetNameOwner", patience_.known, false, kBus, kBusObject, kBus},
                              put("s", kName));
}

Answer<Nothing> Client::watch(const std::function<bool(const Event&)>& tell, int stop,
                              const std::function<void()>& listening) {
  const std::string name(kName);
  GUARD_TRY([[maybe_unused]] const auto heard,
            listen("type='signal',sender='" + name + "',interface='" + kManager + "'"));
  GUARD_TRY([[maybe_unused]] const auto followed,
            listen("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" +
                   name + "'"));
  GUARD_TRY(const auto guardd, owner());
  if (listening) listening();
  for (;;) {
    sd_bus_message* raw = nullptr;
    const int code = sd_bus_process(bus_.get(), &raw);
    const Message message(raw);
    if (code < 0) return Failure{Kind::kNotRunning, "lost the connection to the bus"};
    if (message) {
      if (says_gone(message.get(), guardd)) return Failure{Kind::kNotRunning, "guardd has exited"};
      GUARD_TRY(const auto event, answered(read_event(message.get(), guardd)));
      if (event && !tell(*event)) return Nothing{};
    } else if (code == 0 && !wait_for(bus_.get(), stop)) {
      return Nothing{};
    }
  }
}

}  // namespace guard::bus
