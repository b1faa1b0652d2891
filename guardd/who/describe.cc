#include "guardd/who/describe.h"

#include <algorithm>

#include "guardd/who/command.h"
#include "guardd/who/container.h"
#include "guardd/who/proc.h"

namespace guard {
namespace {

std::optional<std::string> unless_empty(std::string text) {
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

Ancestor ancestor_of(const Snapshot& process) {
  Ancestor ancestor;
  ancestor.pid = process.pid;
  ancestor.start_time = process.start;
  ancestor.comm = process.comm.value_or("");
  if (process.image) {
    ancestor.exe = process.image->exe.value_or("");
    ancestor.cmdline = process.image->cmdline.value_or("");
  }
  ancestor.cwd = process.cwd.value_or("");
  return ancestor;
}

bool is_cron(const Snapshot& process) {
  if (!process.image || !process.image->exe) return false;
  const auto& exe = *process.image->exe;
  return exe == "/usr/sbin/cron" || exe == "/usr/sbin/crond" || exe == "/usr/bin/crond" ||
         exe == "/usr/sbin/fcron";
}

// cron starts each job as its owner, so the job is the child of cron.
std::optional<Uid> cron_owner(const Snapshot& self, const Lineage& lineage) {
  const auto* below = &self;
  for (const auto& above : lineage) {
    if (is_cron(*above)) return is_cron(*below) ? std::nullopt : below->uid;
    below = above.get();
  }
  return std::nullopt;
}

// Ansible runs scripts in the home directory of a user. Any user could use such names: enough for a
// label in a record, not for an exemption.
bool is_of_ansible(std::string_view cmdline) {
  const auto at = cmdline.find("/ansible-tmp-");
  return at != std::string_view::npos && cmdline.find("/AnsiballZ_", at) != std::string_view::npos;
}

std::string_view label_of(const Snapshot& process) {
  if (!process.image) return {};
  for (std::size_t i = 0; i < Words<Label>::kAll.size(); ++i)
    if (process.image->labels.has(static_cast<Label>(i))) return Words<Label>::kAll[i];
  const bool ansible = process.image->cmdline && is_of_ansible(*process.image->cmdline);
  return ansible ? word(Label::kConfigManagement) : std::string_view();
}

// The label of the topmost ancestor that has one: an upgrade runs dpkg, which runs scripts.
std::optional<std::string> label_of(const Snapshot& self, const Lineage* lineage) {
  auto label = label_of(self);
  if (lineage) {
    for (const auto& above : *lineage)
      if (const auto higher = label_of(*above); !higher.empty()) label = higher;
  }
  return unless_empty(std::string(label));
}

// The process and its ancestors, of which one is the command.
Actor with_lineage(const Snapshot& self, const Lineage* lineage) {
  Actor actor;
  actor.pid = self.pid;
  actor.start_time = self.start;
  actor.comm = self.comm;
  if (self.image) {
    actor.exe = self.image->exe;
    actor.cmdline = self.image->cmdline;
  }
  actor.cwd = self.cwd;
  if (!lineage) return actor;
  const auto count = std::min(lineage->size(), kKnownAncestors);
  actor.lineage.reserve(count);
  for (std::size_t i = 0; i < count; ++i) actor.lineage.push_back(ancestor_of(*(*lineage)[i]));
  return actor;
}

void set_session(Actor& actor, const Snapshot& self, const Sessions& sessions) {
  const auto cgroup = self.control_group ? std::string_view(self.control_group->path) : "";
  auto session = sessions.find(cgroup, self.session);
  if (!session) return;
  const bool is_person = session->kind == "user" && session->uid && *session->uid != kRoot;
  if (!self.login && is_person && !session->user.empty()) {
    actor.human = session->user;
    actor.human_source = "session";
  }
  actor.session_id = std::move(session->id);
  actor.session_service = unless_empty(std::move(session->service));
  actor.session_tty = unless_empty(std::move(session->tty));
  actor.session_remote_host = unless_empty(std::move(session->remote_host));
}

}  // namespace

std::int32_t command_of(const Snapshot& self, const Lineage* lineage) {
  auto actor = with_lineage(self, lineage);
  name_command(actor);
  return actor.command.pid;
}

Actor describe(const Snapshot& self, const Lineage* lineage, const Sessions& sessions) {
  auto actor = with_lineage(self, lineage);
  if (self.parent != 0) actor.ppid = self.parent;
  if (self.tty != 0) actor.tty = terminal_name(self.tty);
  actor.uid = self.uid;
  actor.euid = self.euid;
  actor.fsuid = self.fsuid;
  actor.gid = self.gid;
  actor.egid = self.egid;
  actor.login_uid = self.login;
  actor.session = self.session;
  set_session(actor, self, sessions);
  if (self.control_group) {
    actor.unit = unless_empty(self.control_group->unit);
    actor.slice = unless_empty(self.control_group->slice);
    actor.cgroup = self.control_group->path;
    if (auto container = container_of(self.control_group->path)) {
      actor.container = std::move(container->id);
      actor.container_runtime = unless_empty(std::move(container->runtime));
    }
  }
  if (self.container) {
    actor.container_name = unless_empty(self.container->name);
    actor.image = unless_empty(self.container->image);
    actor.pod = unless_empty(self.container->pod);
  }
  actor.label = label_of(self, lineage);
  if (lineage) actor.cron_uid = cron_owner(self, *lineage);
  name_command(actor);
  for (auto& each : actor.lineage) each.cwd.clear();
  return actor;
}

}  // namespace guard
