#include "bpf/events.h"

#include <algorithm>
#include <cstring>

namespace guard {
namespace {

// "c\0b\0a\0" is a/b/c.
template <typename Names>
std::string path_of(const Names& names) {
  std::string_view rest(names.names, std::min<std::size_t>(names.length, sizeof names.names));
  std::string path;
  path.reserve(rest.size());
  while (!rest.empty()) {
    rest.remove_suffix(1);                    // the NUL behind it
    const auto begin = rest.rfind('\0') + 1;  // npos + 1: the first
    if (!path.empty()) path += '/';
    path += rest.substr(begin);
    rest = rest.substr(0, begin);
  }
  return path;
}

template <typename Record>
const Record* as(std::string_view record) {
  return record.size() >= sizeof(Record) ? reinterpret_cast<const Record*>(record.data()) : nullptr;
}

template <typename Record>
void hand_over_one(const Record* record, LsmListener& listener) {
  if (record)
    listener.happened(
        {record->what, path_of(record->names), record->names.whole != 0, std::nullopt});
}

template <typename Record>
void hand_over_move(const Record* record, LsmListener& listener) {
  if (!record) return;
  const bool whole = record->names.whole != 0 && record->old_names.whole != 0;
  listener.happened({record->what, path_of(record->names), whole, path_of(record->old_names)});
}

}  // namespace

void hand_over(std::string_view record, LsmListener& listener) {
  std::uint32_t kind = 0;
  if (record.size() < sizeof kind) return;
  std::memcpy(&kind, record.data(), sizeof kind);
  switch (kind) {
    case kRecordHappened:
      return hand_over_one(as<HappenedShallow>(record), listener);
    case kRecordHappenedDeep:
      return hand_over_one(as<HappenedDeep>(record), listener);
    case kRecordMoved:
      return hand_over_move(as<MovedShallow>(record), listener);
    case kRecordMovedDeep:
      return hand_over_move(as<DeepMove>(record), listener);
    case kRecordClosed:
      if (const auto* closed = as<CloseRecord>(record)) listener.closed(*closed);
      return;
    default:
      return;  // both sides are built from one file: cannot be
  }
}

}  // namespace guard
