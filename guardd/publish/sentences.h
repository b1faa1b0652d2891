// What happened, in one line that somebody understands who has never heard of guardd: for a journal
// or any log of lines. Printable, whatever files are called. Pure; any thread.
#pragma once

#include <string>

#include "guardd/publish/publisher.h"

namespace guard {

std::string sentence_of(const Violation& violation, const Ancestor& command);
std::string opened_sentence(const Incident& incident);
std::string closed_sentence(const Incident& incident);
std::string sentence_of(const ReadyNews& news);
std::string sentence_of(const ReloadNews& news);
std::string sentence_of(const HealthNews& news);
std::string sentence_of(const ExcuseNews& news);
std::string sentence_of(const ManualRepairNews& news);
std::string sentence_of(const StopNews& news);

}  // namespace guard
