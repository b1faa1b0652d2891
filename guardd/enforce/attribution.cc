#include "guardd/enforce/attribution.h"

#include <cstdint>

namespace guard {
namespace {

constexpr std::uint64_t kJustBefore = 30'000'000'000;  // nanoseconds

}  // namespace

// If guardd does not remember processes that have ended, /proc may show another process under the
// same number.
std::shared_ptr<const ActingProcess> process_of(const Notice& notice, Processes& processes) {
  if (notice.detail && notice.detail->time != 0)
    return processes.find(notice.pid, notice.detail->time);
  auto who = processes.find(notice.pid);
  if (processes.remembers() || notice.pid_check.is_same_process()) return who;
  return std::make_shared<const ActingProcess>(notice.pid);
}

Operation operation_of(const Notice& notice) {
  if (notice.detail && notice.kind != Notice::Kind::kFound) return notice.detail->operation;
  switch (notice.kind) {
    case Notice::Kind::kCreated:
      return notice.is_directory ? Operation::kMkdir : Operation::kCreate;
    case Notice::Kind::kMovedIn:
      return Operation::kRename;
    case Notice::Kind::kFound:
      if (notice.was_moved) return Operation::kRename;
      return notice.is_directory ? Operation::kMkdir : Operation::kCreate;
    default:
      return Operation::kChown;
  }
}

bool was_another_just_before(const ActingProcess& who, Uid owner) {
  const auto now = boot_time_now();
  return who.was_another_since(owner, now > kJustBefore ? now - kJustBefore : 0);
}

}  // namespace guard
