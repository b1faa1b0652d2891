// Login sessions of systemd-logind, from the file that it keeps for each. Trusts a file only if no
// user but its owner can write it, and reads only as much as a session needs. The files are in
// memory, so reading one never blocks. Any thread.
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
  std::string kind;  // logind's CLASS: "user", "greeter", ...
  std::string service;
  std::string tty;
  std::string remote_host;
};

class Sessions {
 public:
  explicit Sessions(std::string directory = "/run/systemd/sessions", Uid owner = kRoot)
      : directory_(std::move(directory)), owner_(owner) {}

  // The session whose scope contains the control group; else the one with this audit session.
  std::optional<Session> find(std::string_view cgroup, std::optional<std::uint32_t> audit) const;

 private:
  std::optional<std::string> contents(const std::string& id) const;

  std::string directory_;
  Uid owner_;
};

// "3" for "/user.slice/user-1000.slice/session-3.scope"; empty: none. The path must begin at the
// root, because a container has sessions of its own.
std::string_view session_in(std::string_view cgroup);

}  // namespace guard
