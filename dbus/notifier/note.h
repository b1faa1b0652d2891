// An incident as a desktop shows it: a title, a text and how urgent it is. Other users choose the
// names of files and commands, so all of them are escaped, cut to a bounded length, and never
// markup. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dbus/client/value.h"
#include "policy/words.h"

namespace guard::bus {

// Whether the desktop reads the text as markup.
enum class Markup : std::uint8_t { kPlain, kMarkup };

struct Note {
  enum class Urgency : std::uint8_t { kLow, kNormal, kCritical };  // as on the bus

  std::string title;
  std::string text;
  Urgency urgency = Urgency::kNormal;
  bool can_undo = false;
};

// One line for who did it, then the first files.
Note note_of(const Map& incident, Markup markup);
// All that is known, and what to type instead.
Note details_of(const Map& incident, Markup markup);
// A sentence of ours or of guardd's.
Note sentence_note(std::string_view title, std::string_view text, Markup markup);

Severity severity_of(const Map& incident);
bool is_closed(const Map& incident);
std::uint64_t count_of(const Map& incident);

}  // namespace guard::bus
