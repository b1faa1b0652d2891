#include "guardd/sources/lsm_notice.h"

#include <sys/sysmacros.h>

#include "guardd/host/files.h"

namespace guard {
namespace {

static_assert(static_cast<int>(Operation::kCreate) == kEventCreate);
static_assert(static_cast<int>(Operation::kChown) == kEventChown);
static_assert(static_cast<int>(Operation::kMap) == kEventMap);
static_assert(static_cast<int>(Operation::kMount) == kEventMount);
static_assert(static_cast<int>(Operation::kRead) == kEventRead);
static_assert(static_cast<int>(Guard::kOwnership) == kGuardOwnership);
static_assert(static_cast<int>(Guard::kRead) == kGuardRead);

Operation operation_of(const EventRecord& record) {
  // A file that was created without a name gets its first one now.
  if (record.operation == kEventLink && record.object.inode != 0 && record.object.links == 0)
    return Operation::kCreate;
  return static_cast<Operation>(record.operation);
}

FileType type_of(const EventRecord& record) {
  if (record.object.inode != 0) return file_type(record.object.mode);
  if (record.operation == kEventMkdir) return FileType::kDirectory;
  return record.operation == kEventSymlink ? FileType::kSymlink : FileType::kRegular;
}

Notice::Kind kind_of(const EventRecord& record) {
  switch (record.operation) {
    case kEventRename:
      return Notice::Kind::kMovedIn;
    case kEventChown:
    case kEventChmod:
      return Notice::Kind::kAttributes;
    default:
      return Notice::Kind::kCreated;
  }
}

}  // namespace

std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

bool is_directory(const EventRecord& record) {
  return type_of(record) == FileType::kDirectory;
}

Violation violation_of(const LsmEvent& event) {
  const auto& record = event.what;
  Violation violation;
  violation.backend = Backend::kLsm;
  violation.guard = static_cast<Guard>(record.guard);
  violation.operation = operation_of(record);
  violation.path = event.path;
  violation.old_path = event.old_path;
  violation.file_type = type_of(record);
  violation.repeats = record.repeats;
  if (record.object.inode != 0) {
    const auto device = record.object.device;
    violation.object = {::gnu_dev_makedev(device >> 20U, device & 0xfffffU), record.object.inode};
    violation.links = record.object.links;
    violation.before = Ownership{Uid{record.object.uid}, Gid{record.object.gid},
                                 Mode{record.object.mode & 07777U}};
    violation.after = violation.before;
    violation.times = ObjectTimes{record.size, record.modified, record.changed, 0};
  }
  violation.action = record.answer == kAnswerDenied ? Outcome::kDenied : Outcome::kLogged;
  auto& actor = violation.actor.edit();
  actor.pid = record.process.pid;
  actor.tid = static_cast<std::int32_t>(record.tid);
  return violation;
}

Notice notice_of(const LsmEvent& event) {
  const auto& record = event.what;
  Notice notice;
  notice.kind = kind_of(record);
  notice.name = split(event.path).second;
  notice.is_directory = is_directory(record);
  notice.pid = record.process.pid;
  auto& detail = notice.detail.emplace();
  detail.operation = operation_of(record);
  detail.by = Uid{record.process.fsuid};
  detail.time = record.process.time;
  detail.is_ahead = true;
  if (event.old_path) detail.old_name = split(*event.old_path).second;
  return notice;
}

}  // namespace guard
