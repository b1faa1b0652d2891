// Writes violations, incidents and explanations as a{sv}, with the field names of the contract.
#pragma once

#include "dbus/service/manager.h"
#include "dbus/service/writer.h"

namespace guard::bus {

// Commands, directories and environments are private, so only some callers see them.
enum class Audience : std::uint8_t { kEverybody, kTrusted };

// `folded`: the number of earlier records that were not sent.
void write(Writer& writer, const Violation& violation, Audience audience, std::uint64_t folded);
void write(Writer& writer, const IncidentFields& fields, Audience audience, std::uint64_t folded);
void write(Writer& writer, const ExplainReply& explained);
void write(Writer& writer, const UndoneFile& file);
void write(Writer& writer, const Report& report, Audience audience);
void write(Writer& writer, const Lessons& lessons);
void write_tally(RecordWriter& record, const Tally& tally);

}  // namespace guard::bus
