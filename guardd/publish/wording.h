// Words that everybody who tells people something has in common. Whatever came from elsewhere is
// escaped. Pure; any thread.
#pragma once

#include <string>

#include "guardd/host/paint.h"
#include "guardd/publish/publisher.h"
#include "policy/fields.h"

namespace guard {

Tone tone_of(Told told);

// "root:shop", by name where the violation knows it.
std::string owner_text(const Violation& violation, Uid uid, Gid gid);

// "12 fixed, 1 skipped"
std::string totals_text(const Paint& paint, const Incident& incident);

// "at once", "in 1.5 s", "in 12 min"
std::string length_text(TimePoint from, TimePoint to);

// "1 policy in 2 trees, 30 directories, through fanotify; 1 not there yet"
std::string guarded_text(const ReadyNews& news);

// "12 violations seen, 3 fixed"
std::string counters_text(const Counters& counters);

}  // namespace guard
