// The texts of a process in /proc, each read as all of them: names in them are chosen by any user.
// Input: the text.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "guardd/permission/open_flags.h"
#include "guardd/permission/opener.h"
#include "guardd/who/container.h"
#include "guardd/who/control_groups.h"
#include "guardd/who/labels.h"
#include "guardd/who/proc.h"
#include "guardd/who/session.h"
#include "guardd/who/traced_process.h"
#include "tests/fuzz/require.h"

namespace {

using guard::fuzz::require;

bool is_part_of(std::string_view part, std::string_view text) {
  return part.empty() || text.find(part) != text.npos;
}

void check_status(std::string_view text) {
  guard::Snapshot process;
  process.pid = 42;
  if (!guard::parse_status(text, process)) return;
  require(process.comm && process.comm->find('\n') == std::string::npos, "no name", text);
  const auto opener = guard::opener_from(text);
  require(
      !opener || !process.fsuid || opener->process != process.pid || opener->uid == *process.fsuid,
      "another user", text);
}

void check_groups(std::string_view text) {
  if (const auto path = guard::parse_cgroup(text)) {
    require(is_part_of(*path, text) && path->find('\n') == path->npos, "not a path", text);
    const auto group = guard::read_control_group(*path);
    require(is_part_of(group.unit, *path) && is_part_of(group.slice, *path), "not in it", text);
  }
  const auto session = guard::session_in(text);
  require(session.find('/') == session.npos, "a path for a session", text);
  if (const auto container = guard::container_of(text))
    require(!container->id.empty(), "a container without an id", text);
}

void check_command_line(std::string_view text) {
  const auto line = guard::command_line(text, text.size());
  require(!line || line->find('\0') == std::string::npos, "a NUL", text);
  require(!line || line->size() <= guard::kRecordedArguments + std::string_view("…").size(),
          "a long command line", text);
  for (const auto* exe : {"/usr/bin/python3", "/usr/bin/perl", "/bin/sh"})
    (void)guard::labels_of(exe, text);
  (void)guard::labels_of(text, text);
}

void check_system_call(std::string_view text) {
  const auto [intent, flags_at] = guard::open_call_from(text);
  require(!intent || intent->reads || intent->writes, "opens for nothing", text);
  require(!intent || !flags_at, "flags at two places", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)guard::parse_stat(text);
  check_status(text);
  check_groups(text);
  check_command_line(text);
  check_system_call(text);
  return 0;
}
