// Words that everybody who tells people something has in common. Whatever came from elsewhere is
// escaped. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "guardd/host/terminal_text.h"
#include "guardd/publish/publisher.h"
#include "policy/record/fields.h"

namespace guard {

Tone tone_of(Outcome told);

// "root:shop", by name where the violation knows it.
std::string owner_text(const Violation& violation, Uid uid, Gid gid);

// "12 fixed, 1 skipped"
std::string totals_text(const Colours& paint, const Incident& incident);

// "at once", "in 1.5 s", "in 12 min"
std::string length_text(TimePoint from, TimePoint to);

// What a machine without a policy is told: that nothing happens, and what to do about it.
inline constexpr std::string_view kNothingGuarded =
    "nothing is guarded: there is no policy; write one in /etc/guardd/policies.d, see "
    "guardd-policy(5)";

// "1 policy in 2 trees, 30 directories, through fanotify; 1 not there yet"
std::string guarded_text(const ReadyNews& news);

// "12 violations seen, 3 fixed"
std::string counters_text(const Counters& counters);

}  // namespace guard
