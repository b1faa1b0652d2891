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
    rest.remove_suffix(1);                    // the NUL
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
void deliver_event(const Record* record, LsmListener& listener) {
  if (record)
    listener.on_event(
        {record->what, path_of(record->names), record->names.whole != 0, std::nullopt});
}

template <typename Record>
void deliver_move(const Record* record, LsmListener& listener) {
  if (!record) return;
  const bool whole = record->names.whole != 0 && record->old_names.whole != 0;
  listener.on_event({record->what, path_of(record->names), whole, path_of(record->old_names)});
}

// 0 is no kind.
std::uint32_t kind_of(std::string_view record) {
  std::uint32_t kind = 0;
  if (record.size() >= sizeof kind) std::memcpy(&kind, record.data(), sizeof kind);
  return kind;
}

}  // namespace

void deliver(std::string_view record, LsmListener& listener) {
  switch (kind_of(record)) {
    case kRecordEvent:
      return deliver_event(as<ShallowEvent>(record), listener);
    case kRecordDeepEvent:
      return deliver_event(as<DeepEvent>(record), listener);
    case kRecordMove:
      return deliver_move(as<ShallowMove>(record), listener);
    case kRecordDeepMove:
      return deliver_move(as<DeepMove>(record), listener);
    case kRecordClose:
      if (const auto* closed = as<CloseRecord>(record)) listener.on_close(*closed);
      return;
    default:
      return;  // impossible: both sides are built from one file
  }
}

void deliver(std::string_view record, TracerListener& listener) noexcept {
  switch (kind_of(record)) {
    case kRecordFork:
      if (const auto* fork = as<TracedFork>(record)) listener.on_fork(*fork);
      return;
    case kRecordExec:
      if (const auto* exec = as<TracedExec>(record)) listener.on_exec(*exec);
      return;
    case kRecordExit:
      if (const auto* exit = as<TracedExit>(record)) listener.on_exit(*exit);
      return;
    case kRecordCgroup:
      if (const auto* group = as<TracedCgroup>(record)) listener.on_cgroup(*group);
      return;
    default:
      return;  // impossible: both sides are built from one file
  }
}

}  // namespace guard
