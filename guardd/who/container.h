// Finds the container of a process by the path of its control group alone, from the group names
// that docker, podman, containerd, cri-o, kubernetes, systemd-nspawn and lxc use. Pure. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/base/ids.h"

namespace guard {

struct Container {
  std::string id;       // of the runtime; the machine name for nspawn and lxc
  std::string runtime;  // empty: unknown
  friend bool operator==(const Container&, const Container&) = default;
};

// The innermost container. No proof: anyone who may create control groups can use such names.
std::optional<Container> container_of(std::string_view cgroup);
// The path up to the group of that container; empty: there is none.
std::string_view container_group(std::string_view cgroup);

// The user to whom systemd gave these control groups:
// "/user.slice/user-1000.slice/user@1000.service/…".
std::optional<Uid> user_of_group(std::string_view cgroup);

}  // namespace guard
