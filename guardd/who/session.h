// Login sessions as systemd-logind knows them, from the file it keeps for each. Believes a file
// only if nobody but its owner could have written it, and reads no more than a session takes. The
// files are in memory: reading one waits for nobody. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/base/ids.h"

namespace guard {

struct Session {
  std::string id;
  std::string user;
  std::optional<Uid> uid;
  std::string kind;  // "user", "greeter"…; logind's CLASS
  std::string service;
  std::string tty;
  std::string remote_host;
};

class Sessions {
 public:
  explicit Sessions(std::string directory = "/run/systemd/sessions", Uid owner = kRoot)
      : directory_(std::move(directory)), owner_(owner) {}

  // The session whose scope the control group is or lies in; else the one with this audit session.
  std::optional<Session> find(std::string_view cgroup, std::optional<std::uint32_t> audit) const;

 private:
  std::optional<std::string> contents(const std::string& id) const;

  std::string directory_;
  Uid owner_;
};

// Of "/user.slice/user-1000.slice/session-3.scope" it is "3". Only from the root on: a container
// has sessions of its own. Empty if there is none.
std::string_view session_in(std::string_view cgroup);

}  // namespace guard
