#include "guardd/who/found.h"

#include <algorithm>
#include <utility>

#include "guardd/who/proc.h"

namespace guard {
namespace {

Process process_of(const Snapshot& snapshot) {
  Process process;
  process.uid = snapshot.fsuid;
  process.gid = snapshot.gid;
  process.groups = snapshot.groups;
  process.login = snapshot.login;
  if (snapshot.image) {
    process.exe = snapshot.image->id;
    process.labels = snapshot.image->labels;
  }
  if (snapshot.control_group) process.unit = snapshot.control_group->unit;
  return process;
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

Actor actor_of(const Snapshot& snapshot) {
  Actor actor;
  actor.pid = snapshot.pid;
  actor.start_time = snapshot.start;
  if (snapshot.parent != 0) actor.ppid = snapshot.parent;
  actor.comm = snapshot.comm;
  if (snapshot.image) {
    actor.exe = snapshot.image->exe;
    actor.cmdline = snapshot.image->cmdline;
  }
  actor.cwd = snapshot.cwd;
  if (snapshot.tty != 0) actor.tty = terminal_name(snapshot.tty);
  actor.uid = snapshot.uid;
  actor.euid = snapshot.euid;
  actor.fsuid = snapshot.fsuid;
  actor.gid = snapshot.gid;
  actor.login_uid = snapshot.login;
  actor.session = snapshot.session;
  if (snapshot.control_group) {
    actor.unit = unless_empty(snapshot.control_group->unit);
    actor.slice = unless_empty(snapshot.control_group->slice);
    actor.cgroup = snapshot.control_group->path;
  }
  return actor;
}

}  // namespace

Found::Found(Snapshot self, std::shared_ptr<const Lineage> lineage)
    : self_(std::move(self)), lineage_(std::move(lineage)), actor_(actor_of(self_)) {
  if (!lineage_) return;
  ancestors_.reserve(lineage_->size());
  for (const auto& ancestor : *lineage_) ancestors_.push_back(process_of(*ancestor));
}

bool Found::may_have_been(Uid user) const {
  return self_.uid == user || self_.euid == user || self_.fsuid == user ||
         std::any_of(self_.earlier.begin(), self_.earlier.end(),
                     [&](const EarlierUser& each) { return each.uid == user; });
}

bool Found::was_another_since(Uid user, std::uint64_t boot_time) const {
  return std::any_of(self_.earlier.begin(), self_.earlier.end(), [&](const EarlierUser& each) {
    return each.uid != user && each.until > boot_time;
  });
}

Subject Found::subject() const {
  Subject subject;
  subject.self = process_of(self_);
  subject.ancestors = ancestors_;
  subject.has_terminal = self_.tty != 0;
  return subject;
}

}  // namespace guard
