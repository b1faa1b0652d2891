// Phrases that several publishers share. Text from outside guardd is escaped. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "guardd/host/terminal_text.h"
#include "guardd/publish/publisher.h"
#include "policy/record/fields.h"

namespace guard {

Tone tone_of(Outcome outcome);

// The name of the user, if the violation contains it.
std::string user_text(const Violation& violation, Uid uid, const std::string& otherwise);

// Whom it should belong to: "shop", "uid 999", or "uid 999 (postgres in container db)".
std::string wanted_owner_text(const Violation& violation);

// " (postgres in container db)", if the container of the actor has a name of its own for the wanted
// owner.
std::string wanted_in_container(const Violation& violation);

// "container db"; empty: the actor is in none.
std::string container_text(const Actor& actor);

// "root:shop", with names if the violation contains them.
std::string owner_text(const Violation& violation, Uid uid, Gid gid);

// "12 fixed, 1 skipped"
std::string totals_text(const Colours& paint, const Incident& incident);

// "at once", "in 1.5 s", "in 12 min"
std::string length_text(TimePoint from, TimePoint to);

// The message for a machine without policies.
inline constexpr std::string_view kNothingGuarded =
    "nothing is guarded: there is no policy; guardctl suggest proposes policies for "
    "/etc/guardd/policies.d";

// "1 policy in 2 trees, 30 directories, through fanotify; 1 not there yet"
std::string guarded_text(const ReadyNews& news);

// "12 violations seen, 3 fixed"
std::string counters_text(const Counters& counters);

}  // namespace guard
