// Violations for tests of publishers and the audit trail.
#pragma once

#include <string>

#include "guardd/publish/publisher.h"
#include "guardd/who/command.h"
#include "policy/record/record.h"

namespace guard {

inline std::chrono::system_clock::time_point moment(std::int64_t micros_after = 0) {
  // 2026-11-20 14:03:07.250000 UTC
  return std::chrono::system_clock::time_point(std::chrono::microseconds(1795183387250000)) +
         std::chrono::microseconds(micros_after);
}

inline Ancestor process(std::int32_t pid, const std::string& comm,
                        const std::string& cmdline = "") {
  return {pid, static_cast<std::uint64_t>(pid) * 1000, comm, "/usr/bin/" + comm,
          cmdline.empty() ? comm : cmdline};
}

inline void acts(Actor& actor, const Ancestor& self, std::vector<Ancestor> lineage) {
  actor.pid = self.pid;
  actor.start_time = self.start_time;
  actor.comm = self.comm;
  actor.exe = self.exe;
  actor.cmdline = self.cmdline;
  actor.lineage = std::move(lineage);
  name_command(actor);
}

// Alice ran git as root through sudo, and it created a file that should belong to shop.
inline Violation git_violation(const std::string& path = "/srv/shop/index.html") {
  Violation v;
  v.id = "0123456789";
  v.time = moment();
  v.policy = "shop";
  v.policy_file = "/etc/guardd/policies.d/shop.toml";
  v.policy_line = 1;
  v.generation = 1;
  v.path = path;
  v.object = {64769, 131};
  v.before = Ownership{Uid{0}, Gid{0}, Mode{0644}};
  v.after = Ownership{Uid{4242}, Gid{4242}, Mode{0644}};
  v.uid_wanted = Uid{4242};
  v.gid_wanted = Gid{4242};
  v.owner_wanted = "shop";
  v.group_wanted = "shop";
  v.action = Outcome::kFixed;
  auto& actor = v.actor.edit();
  actor.uid = actor.euid = actor.fsuid = Uid{0};
  actor.gid = Gid{0};
  actor.login_uid = Uid{1000};
  actor.login_user = "alice";
  acts(actor, process(300, "git", "git pull"),
       {process(200, "sudo", "sudo git pull"), process(100, "bash", "-bash"), process(90, "sshd"),
        process(1, "systemd")});
  return v;
}

template <typename OneNews>
void publish(Publisher& publisher, const OneNews& news) {
  publisher.news(&news);
}

}  // namespace guard
