// Which container a process is in, told by the path of its control group alone: what docker,
// podman, containerd, cri-o, kubernetes, systemd-nspawn and lxc call the groups they make. Pure.
// Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace guard {

struct Container {
  std::string id;       // as the runtime has it; a machine's name for nspawn and lxc
  std::string runtime;  // empty: some runtime
  friend bool operator==(const Container&, const Container&) = default;
};

// The innermost one. Who may make control groups can name them so: it is no proof.
std::optional<Container> container_of(std::string_view cgroup);

}  // namespace guard
