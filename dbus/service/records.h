// Violations, incidents and explanations as a{sv}, with the fields and the names of the contract.
#pragma once

#include "dbus/service/manager.h"
#include "dbus/service/writer.h"

namespace guard::bus {

// What somebody typed, where, and in which environment is not everybody's business.
enum class Audience : std::uint8_t { kEverybody, kTrusted };

// `folded`: how many before it were not told singly.
void write(Writer& writer, const Violation& violation, Audience audience, std::uint64_t folded);
void write(Writer& writer, const IncidentFields& told, Audience audience, std::uint64_t folded);
void write(Writer& writer, const ExplainReply& explained);
void write(Writer& writer, const UndoneFile& file);
void write(Writer& writer, const Report& report, Audience audience);
void write(Writer& writer, const Lessons& lessons);
void write_tally(RecordWriter& record, const Tally& tally);

}  // namespace guard::bus
