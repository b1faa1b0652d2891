// Shows guardd's incidents on a desktop: one notification for each, updated while it grows and when
// it ends, with buttons for its details and to undo the fixes. Signals are only hints: guardd is
// asked for each incident. Outlives guardd and the desktop's notification server. Bounded: it knows
// some incidents, and what comes too fast is only counted. Runs on one event loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>

#include <systemd/sd-event.h>

#include "dbus/client/value.h"
#include "dbus/handles.h"
#include "dbus/notifier/note.h"
#include "policy/base/rate_limit.h"
#include "policy/base/result.h"

namespace guard::bus {

class Notifier {
 public:
  static constexpr std::size_t kMostIncidents = 64;
  static constexpr double kNotesPerSecond = 0.2;
  static constexpr double kMostNotesAtOnce = 5;
  static constexpr std::chrono::microseconds kRefreshEvery = std::chrono::seconds(2);

  // `least`: incidents of lower severity are not shown.
  Notifier(sd_event* loop, Severity least) : loop_(loop), least_(least) {}
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;
  ~Notifier() = default;

  // Connects to the system bus and to that of the session. Fails with EEXIST if another notifier
  // runs in this session.
  Status start();

 private:
  // What is shown in one place, and replaced there.
  struct Place {
    Notifier* notifier = nullptr;
    std::uint32_t id = 0;      // of the desktop; 0: nothing is shown
    Slot call;                 // while the desktop is asked
    bool has_changed = false;  // since the desktop was asked
  };
  struct KnownIncident {
    Notifier* notifier = nullptr;
    std::string id;
    Map record;
    bool is_open = true;
    bool is_dismissed = false;  // the user does not want to see it again
    std::uint64_t count_shown = 0;
    Slot fetch;
    Slot undo;
    Place note;
    Place details;
  };

  Status connect(Bus& bus, int (*open)(sd_bus**), const char* which);
  Status listen();
  KnownIncident* find(const char* id);
  KnownIncident& add(const char* id);
  void fetch(KnownIncident& incident);
  void learn(KnownIncident& incident);
  void show(KnownIncident& incident);
  void show_details(KnownIncident& incident);
  void show_left_out();
  void ask_for_capabilities();
  // `buttons`: whether it has any.
  void put(Place& place, const Note& note, bool has_buttons);
  void undo(KnownIncident& incident);
  void say(const KnownIncident& incident, std::string_view what, std::string_view text);
  void set_timer();

  static int on_opened(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int on_closed(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int on_fetched(sd_bus_message* message, void* incident, sd_bus_error* error) noexcept;
  static int on_undone(sd_bus_message* message, void* incident, sd_bus_error* error) noexcept;
  static int on_guardd_changed(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int on_desktop_changed(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int on_capabilities(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int on_shown(sd_bus_message* message, void* place, sd_bus_error* error) noexcept;
  static int on_action(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int on_note_closed(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int on_timer(sd_event_source* source, std::uint64_t now, void* self) noexcept;

  sd_event* loop_;
  const Severity least_;
  Bus system_;
  Bus session_;
  Handle<sd_event_source, sd_event_source_unref> timer_;
  bool knows_capabilities_ = false;
  Slot capabilities_;  // while the desktop is asked
  Markup markup_ = Markup::kMarkup;
  bool has_actions_ = false;
  std::list<KnownIncident> incidents_;  // at stable addresses; the oldest first
  RateLimit limit_{kNotesPerSecond, kMostNotesAtOnce};
  std::uint64_t left_out_ = 0;  // incidents that were only counted
  std::uint64_t left_out_shown_ = 0;
  Place left_out_note_;
  Place answer_;  // to what the user did
};

}  // namespace guard::bus
