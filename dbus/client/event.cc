#include "dbus/client/event.h"

#include <array>
#include <string_view>

#include "dbus/client/value_reader.h"
#include "dbus/names.h"

namespace guard::bus {
namespace {

struct Signal {
  const char* name;
  Event::Kind kind;
};
constexpr std::array kSignals{
    Signal{"ViolationDetected", Event::Kind::kViolation},
    Signal{"IncidentOpened", Event::Kind::kIncidentOpened},
    Signal{"IncidentClosed", Event::Kind::kIncidentClosed},
    Signal{"PolicyReloaded", Event::Kind::kReloaded},
    Signal{"ScanProgress", Event::Kind::kScanning},
};

bool is_from(sd_bus_message* message, std::string_view sender) {
  const char* name = sd_bus_message_get_sender(message);
  return name && sender == name;
}

Status read_arguments(sd_bus_message* message, Event& event) {
  switch (event.kind) {
    case Event::Kind::kReloaded: {
      GUARD_TRY(event.generation, read_as<std::uint64_t>(message));
      return {};
    }
    case Event::Kind::kScanning: {
      auto& scan = event.scan;
      for (auto* number : {&scan.looked_at, &scan.expected, &scan.found, &scan.fixed}) {
        GUARD_TRY(*number, read_as<std::uint64_t>(message));
      }
      return {};
    }
    case Event::Kind::kIncidentOpened:
    case Event::Kind::kIncidentClosed: {
      GUARD_TRY(event.id, read_as<std::string>(message));
      break;
    }
    case Event::Kind::kViolation:
      break;
  }
  GUARD_TRY(event.record, read_as<Map>(message));
  return {};
}

}  // namespace

Result<std::optional<Event>> read_event(sd_bus_message* message, const std::string& guardd) {
  for (const auto& signal : kSignals) {
    if (sd_bus_message_is_signal(message, kManager, signal.name) <= 0) continue;
    if (!is_from(message, guardd)) break;
    Event event;
    event.kind = signal.kind;
    if (auto read = read_arguments(message, event); !read)
      return std::move(read).error().context(signal.name);
    return std::optional(std::move(event));
  }
  return std::optional<Event>();
}

bool says_gone(sd_bus_message* message, const std::string& guardd) {
  constexpr const char* kBus = "org.freedesktop.DBus";
  if (sd_bus_message_is_signal(message, kBus, "NameOwnerChanged") <= 0) return false;
  if (!is_from(message, kBus)) return false;
  const char* name = nullptr;
  const char* before = nullptr;
  const char* after = nullptr;
  if (sd_bus_message_read(message, "sss", &name, &before, &after) < 0) return false;
  return std::string_view(name) == kName && guardd != after;
}

}  // namespace guard::bus
