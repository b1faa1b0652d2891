// One-line sentences about violations, incidents and news, for the journal and other logs, written
// for a reader who does not know guardd. Always printable. Pure; any thread.
#pragma once

#include <string>

#include "guardd/publish/publisher.h"

namespace guard {

std::string sentence_of(const Violation& violation);
std::string opened_sentence(const Incident& incident);
std::string closed_sentence(const Incident& incident);
// The sentence for all users: without what users typed.
std::string public_sentence(const Incident& incident, bool is_closed);
std::string sentence_of(const ReadyNews& news);
std::string sentence_of(const ReloadNews& news);
std::string sentence_of(const HealthNews& news);
std::string sentence_of(const ExcuseNews& news);
std::string sentence_of(const ManualRepairNews& news);
std::string sentence_of(const StopNews& news);

}  // namespace guard
