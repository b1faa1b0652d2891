// Finds the container of a process by the path of its control group alone, from the group names
// that docker, podman, containerd, cri-o, kubernetes, systemd-nspawn and lxc use. Pure. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace guard {

struct Container {
  std::string id;       // of the runtime; the machine name for nspawn and lxc
  std::string runtime;  // empty: unknown
  friend bool operator==(const Container&, const Container&) = default;
};

// The innermost container. No proof: anyone who may create control groups can use such names.
std::optional<Container> container_of(std::string_view cgroup);

}  // namespace guard
