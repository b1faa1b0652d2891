// From the tracer's records to snapshots, and the few rules that records and /proc share. Pure.
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bpf/wire/tracer_wire.h"
#include "guardd/who/snapshot.h"

namespace guard {

// All but image, control group and cwd.
Snapshot snapshot_of(const TracedProcess& record);
Image image_of(const TracedExec& record);

// Absent unless the record has the whole of it.
std::optional<std::string> path_of(const TracedPath& path);

// The arguments, each with a NUL behind it, as one line: separated by one space, cut at
// kRecordedArguments bytes with "…" where there are more. `size`: of all of them. Absent if none.
std::optional<std::string> command_line(std::string_view arguments, std::size_t size);

}  // namespace guard
