// Converts records of the tracer to snapshots, with the rules that /proc shares. Pure. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bpf/wire/tracer_wire.h"
#include "guardd/who/snapshot.h"

namespace guard {

// Without image, control group and cwd.
Snapshot snapshot_of(const TracedProcess& record);
Image image_of(const TracedExec& record);

// Absent if the record has only a part.
std::optional<std::string> path_of(const TracedPath& path);

// The arguments, each followed by a NUL, as one line: separated by spaces, quoted as in a shell, at
// most kRecordedArguments bytes, with "…" if there are more. `size`: of all arguments. Absent if
// there are none.
std::optional<std::string> command_line(std::string_view arguments, std::size_t size);

}  // namespace guard
