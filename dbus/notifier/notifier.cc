#include "dbus/notifier/notifier.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "dbus/client/value_reader.h"
#include "dbus/names.h"

namespace guard::bus {
namespace {

constexpr const char* kOwnName = "org.guardd.Notifier1";
constexpr const char* kDesktop = "org.freedesktop.Notifications";
constexpr const char* kDesktopObject = "/org/freedesktop/Notifications";
constexpr const char* kOwnerOfGuardd =
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
    "member='NameOwnerChanged',arg0='org.guardd.Guard1'";
constexpr const char* kOwnerOfDesktop =
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
    "member='NameOwnerChanged',arg0='org.freedesktop.Notifications'";
// A user who is asked for a password may take this long.
constexpr std::uint64_t kLongestUndo = 600'000'000;
constexpr std::uint32_t kDismissed = 2;

// What an answer says went wrong; null: nothing.
const char* error_of(sd_bus_message* message) {
  const auto* error = sd_bus_message_get_error(message);
  return error ? (error->message ? error->message : error->name) : nullptr;
}

}  // namespace

// ---- the connections

Status Notifier::connect(Bus& bus, int (*open)(sd_bus**), const char* which) {
  sd_bus* made = nullptr;
  int code = open(&made);
  bus.reset(made);
  if (code >= 0) code = sd_bus_attach_event(made, loop_, SD_EVENT_PRIORITY_NORMAL);
  // The service manager starts the notifier again.
  if (code >= 0) code = sd_bus_set_exit_on_disconnect(made, 1);
  if (code < 0) return Error::from_errno(-code, which);
  return {};
}

Status Notifier::start() {
  GUARD_CHECK(connect(system_, sd_bus_open_system, "the system bus"));
  GUARD_CHECK(connect(session_, sd_bus_open_user, "the session bus"));
  if (const int code = sd_bus_request_name(session_.get(), kOwnName, 0); code < 0)
    return Error::from_errno(-code, kOwnName);
  return listen();
}

Status Notifier::listen() {
  auto* system = system_.get();
  auto* session = session_.get();
  int code = sd_bus_match_signal(system, nullptr, kName, kObject, kManager, "IncidentOpened",
                                 on_opened, this);
  if (code >= 0)
    code = sd_bus_match_signal(system, nullptr, kName, kObject, kManager, "IncidentClosed",
                               on_closed, this);
  if (code >= 0) code = sd_bus_add_match(system, nullptr, kOwnerOfGuardd, on_guardd_changed, this);
  if (code >= 0)
    code = sd_bus_add_match(session, nullptr, kOwnerOfDesktop, on_desktop_changed, this);
  if (code >= 0)
    code = sd_bus_match_signal(session, nullptr, kDesktop, kDesktopObject, kDesktop,
                               "ActionInvoked", on_action, this);
  if (code >= 0)
    code = sd_bus_match_signal(session, nullptr, kDesktop, kDesktopObject, kDesktop,
                               "NotificationClosed", on_note_closed, this);
  sd_event_source* timer = nullptr;
  if (code >= 0)
    code = sd_event_add_time_relative(loop_, &timer, CLOCK_MONOTONIC, 0, 0, on_timer, this);
  timer_.reset(timer);
  if (code >= 0) code = sd_event_source_set_enabled(timer, SD_EVENT_OFF);
  if (code < 0) return Error::from_errno(-code, "listen");
  return {};
}

// ---- what guardd says

Notifier::KnownIncident* Notifier::find(const char* id) {
  const auto at = std::find_if(incidents_.begin(), incidents_.end(),
                               [&](const auto& each) { return each.id == id; });
  return at == incidents_.end() ? nullptr : &*at;
}

// The oldest incident that has ended is forgotten first; its notification stays.
Notifier::KnownIncident& Notifier::add(const char* id) {
  if (incidents_.size() >= kMostIncidents) {
    const auto ended = std::find_if(incidents_.begin(), incidents_.end(),
                                    [](const auto& each) { return !each.is_open; });
    incidents_.erase(ended == incidents_.end() ? incidents_.begin() : ended);
  }
  auto& incident = incidents_.emplace_back();
  incident.id = id;
  incident.notifier = incident.note.notifier = incident.details.notifier = this;
  return incident;
}

int Notifier::on_opened(sd_bus_message* message, void* data, sd_bus_error* /*error*/) noexcept {
  auto& self = *static_cast<Notifier*>(data);
  const char* id = nullptr;
  if (sd_bus_message_read_basic(message, 's', &id) < 0) return 0;
  const auto record = read_as<Map>(message);
  if (!record || severity_of(*record) < self.least_) return 0;
  // Other incidents for which guardd had no room on the bus.
  if (const auto* folded = bus::find<std::uint64_t>(*record, "folded")) self.left_out_ += *folded;
  if (self.find(id)) return 0;
  if (self.limit_.take(std::chrono::steady_clock::now()))
    self.fetch(self.add(id));
  else
    ++self.left_out_;
  if (!self.knows_capabilities_) self.ask_for_capabilities();
  self.set_timer();
  return 0;
}

int Notifier::on_closed(sd_bus_message* message, void* data, sd_bus_error* /*error*/) noexcept {
  auto& self = *static_cast<Notifier*>(data);
  const char* id = nullptr;
  if (sd_bus_message_read_basic(message, 's', &id) < 0) return 0;
  if (auto* known = self.find(id)) {
    known->fetch.reset();  // an older question
    self.fetch(*known);
  }
  return 0;
}

void Notifier::fetch(KnownIncident& incident) {
  if (incident.fetch) return;
  sd_bus_slot* slot = nullptr;
  if (sd_bus_call_method_async(system_.get(), &slot, kName, kObject, kManager, "GetIncident",
                               on_fetched, &incident, "s", incident.id.c_str()) >= 0)
    incident.fetch.reset(slot);
}

int Notifier::on_fetched(sd_bus_message* message, void* data, sd_bus_error* /*error*/) noexcept {
  auto& incident = *static_cast<KnownIncident*>(data);
  incident.fetch.reset();
  if (error_of(message)) {
    incident.is_open = false;
    return 0;
  }
  if (auto record = read_as<Map>(message)) {
    incident.record = *std::move(record);
    incident.notifier->learn(incident);
  }
  return 0;
}

// guardd ended or started: what was open will not be reported as closed.
int Notifier::on_guardd_changed(sd_bus_message* /*message*/, void* data,
                                sd_bus_error* /*error*/) noexcept {
  for (auto& each : static_cast<Notifier*>(data)->incidents_) each.is_open = false;
  return 0;
}

void Notifier::learn(KnownIncident& incident) {
  if (is_closed(incident.record)) incident.is_open = false;
  if (incident.is_dismissed) return;
  // A notification that has expired comes back only once, with the totals.
  const bool has_expired = incident.count_shown > 0 && incident.note.id == 0 && !incident.note.call;
  if (has_expired && incident.is_open) return;
  if (incident.count_shown != count_of(incident.record)) show(incident);
}

int Notifier::on_timer(sd_event_source* /*source*/, std::uint64_t /*now*/, void* data) noexcept {
  auto& self = *static_cast<Notifier*>(data);
  for (auto& each : self.incidents_)
    if (each.is_open && !each.is_dismissed) self.fetch(each);
  self.show_left_out();
  self.set_timer();
  return 0;
}

// Runs while an incident is open, or is to be counted.
void Notifier::set_timer() {
  const bool is_needed = (knows_capabilities_ && left_out_ != left_out_shown_) ||
                         std::any_of(incidents_.begin(), incidents_.end(), [](const auto& each) {
                           return each.is_open && !each.is_dismissed;
                         });
  int enabled = SD_EVENT_OFF;
  (void)sd_event_source_get_enabled(timer_.get(), &enabled);
  if (!is_needed || enabled != SD_EVENT_OFF) return;
  (void)sd_event_source_set_time_relative(timer_.get(),
                                          static_cast<std::uint64_t>(kRefreshEvery.count()));
  (void)sd_event_source_set_enabled(timer_.get(), SD_EVENT_ONESHOT);
}

// ---- what the desktop shows

void Notifier::ask_for_capabilities() {
  if (capabilities_) return;
  sd_bus_slot* slot = nullptr;
  if (sd_bus_call_method_async(session_.get(), &slot, kDesktop, kDesktopObject, kDesktop,
                               "GetCapabilities", on_capabilities, this, "") >= 0)
    capabilities_.reset(slot);
}

int Notifier::on_capabilities(sd_bus_message* message, void* data,
                              sd_bus_error* /*error*/) noexcept {
  auto& self = *static_cast<Notifier*>(data);
  self.capabilities_.reset();
  if (const auto* error = error_of(message)) {
    std::fprintf(stderr, "no notification server answers: %s\n", error);
    return 0;
  }
  self.knows_capabilities_ = true;
  self.markup_ = Markup::kPlain;
  self.has_actions_ = false;
  if (const auto list = read_as<List>(message)) {
    for (const auto& each : *list) {
      const auto* word = each.as<std::string>();
      if (word && *word == "body-markup") self.markup_ = Markup::kMarkup;
      if (word && *word == "actions") self.has_actions_ = true;
    }
  }
  for (auto& each : self.incidents_)
    if (std::exchange(each.note.has_changed, false)) self.show(each);
  self.show_left_out();
  return 0;
}

// Its ids are those of the old server.
int Notifier::on_desktop_changed(sd_bus_message* message, void* data,
                                 sd_bus_error* /*error*/) noexcept {
  auto& self = *static_cast<Notifier*>(data);
  const char* name = nullptr;
  const char* before = nullptr;
  const char* owner = nullptr;
  if (sd_bus_message_read(message, "sss", &name, &before, &owner) < 0) return 0;
  self.knows_capabilities_ = false;
  for (auto& each : self.incidents_) each.note.id = each.details.id = 0;
  self.left_out_note_.id = self.answer_.id = 0;
  if (*owner != '\0') self.ask_for_capabilities();
  return 0;
}

void Notifier::show(KnownIncident& incident) {
  if (!knows_capabilities_ || incident.note.call) {
    incident.note.has_changed = true;
    if (!knows_capabilities_) ask_for_capabilities();
    return;
  }
  incident.count_shown = count_of(incident.record);
  put(incident.note, note_of(incident.record, markup_), true);
}

void Notifier::show_details(KnownIncident& incident) {
  if (!incident.details.call) put(incident.details, details_of(incident.record, markup_), false);
}

void Notifier::show_left_out() {
  if (left_out_ == left_out_shown_ || left_out_note_.call) return;
  left_out_note_.notifier = this;
  if (!knows_capabilities_) return ask_for_capabilities();
  left_out_shown_ = left_out_;
  const bool is_one = left_out_ == 1;
  put(left_out_note_,
      sentence_note(
          "guardd: " + std::to_string(left_out_) + (is_one ? " more incident" : " more incidents"),
          "guardctl incidents lists them.", markup_),
      false);
}

void Notifier::put(Place& place, const Note& note, bool has_buttons) {
  sd_bus_message* made = nullptr;
  if (sd_bus_message_new_method_call(session_.get(), &made, kDesktop, kDesktopObject, kDesktop,
                                     "Notify") < 0)
    return;
  const Message message(made);
  int code = sd_bus_message_append(made, "susss", "guardd", place.id, "dialog-warning",
                                   note.title.c_str(), note.text.c_str());
  if (code >= 0) code = sd_bus_message_open_container(made, 'a', "s");
  if (code >= 0 && has_buttons && has_actions_)
    code = sd_bus_message_append(made, "ssss", "default", "Details", "details", "Details");
  if (code >= 0 && has_buttons && has_actions_ && note.can_undo)
    code = sd_bus_message_append(made, "ss", "undo", "Undo");
  if (code >= 0) code = sd_bus_message_close_container(made);
  if (code >= 0)
    code = sd_bus_message_append(made, "a{sv}i", 1, "urgency", "y", static_cast<int>(note.urgency),
                                 -1);
  sd_bus_slot* slot = nullptr;
  if (code >= 0) code = sd_bus_call_async(session_.get(), &slot, made, on_shown, &place, 0);
  if (code >= 0) place.call.reset(slot);
}

int Notifier::on_shown(sd_bus_message* message, void* data, sd_bus_error* /*error*/) noexcept {
  auto& place = *static_cast<Place*>(data);
  auto& self = *place.notifier;
  place.call.reset();
  if (sd_bus_message_read_basic(message, 'u', &place.id) < 0) place.id = 0;
  if (!std::exchange(place.has_changed, false)) return 0;
  for (auto& each : self.incidents_)
    if (&each.note == &place) self.show(each);
  return 0;
}

int Notifier::on_note_closed(sd_bus_message* message, void* data,
                             sd_bus_error* /*error*/) noexcept {
  auto& self = *static_cast<Notifier*>(data);
  std::uint32_t id = 0;
  std::uint32_t reason = 0;
  if (sd_bus_message_read(message, "uu", &id, &reason) < 0 || id == 0) return 0;
  for (auto& each : self.incidents_) {
    if (each.details.id == id) each.details.id = 0;
    if (each.note.id != id) continue;
    each.note.id = 0;
    each.is_dismissed = reason == kDismissed;
  }
  if (self.left_out_note_.id == id) {
    self.left_out_note_.id = 0;
    self.left_out_ = self.left_out_shown_ = 0;
  }
  if (self.answer_.id == id) self.answer_.id = 0;
  return 0;
}

// ---- what the user wants

int Notifier::on_action(sd_bus_message* message, void* data, sd_bus_error* /*error*/) noexcept {
  auto& self = *static_cast<Notifier*>(data);
  std::uint32_t id = 0;
  const char* action = nullptr;
  if (sd_bus_message_read(message, "us", &id, &action) < 0 || id == 0) return 0;
  for (auto& each : self.incidents_) {
    if (each.note.id != id) continue;
    if (std::strcmp(action, "undo") == 0)
      self.undo(each);
    else
      self.show_details(each);
    break;
  }
  return 0;
}

void Notifier::undo(KnownIncident& incident) {
  if (incident.undo) return;
  sd_bus_message* made = nullptr;
  if (sd_bus_message_new_method_call(system_.get(), &made, kName, kObject, kManager, "Undo") < 0)
    return;
  const Message message(made);
  int code = sd_bus_message_append(made, "s", incident.id.c_str());
  // polkit may ask the user for a password.
  if (code >= 0) code = sd_bus_message_set_allow_interactive_authorization(made, 1);
  sd_bus_slot* slot = nullptr;
  if (code >= 0)
    code = sd_bus_call_async(system_.get(), &slot, made, on_undone, &incident, kLongestUndo);
  if (code >= 0) incident.undo.reset(slot);
}

int Notifier::on_undone(sd_bus_message* message, void* data, sd_bus_error* /*error*/) noexcept {
  auto& incident = *static_cast<KnownIncident*>(data);
  auto& self = *incident.notifier;
  incident.undo.reset();
  std::uint32_t restored = 0;
  if (const auto* error = error_of(message)) {
    self.say(incident, "not undone", error);
  } else if (sd_bus_message_read_basic(message, 'u', &restored) >= 0) {
    self.say(incident, "undone: " + std::to_string(restored) + (restored == 1 ? " file" : " files"),
             "The owners and modes are as they were before the fixes.");
  }
  return 0;
}

void Notifier::say(const KnownIncident& incident, std::string_view what, std::string_view text) {
  answer_.notifier = this;
  answer_.call.reset();
  const auto* policy = bus::find<std::string>(incident.record, "policy");
  put(answer_,
      sentence_note((policy ? *policy : std::string("guardd")) + ": " + std::string(what), text,
                    markup_),
      false);
}

}  // namespace guard::bus
