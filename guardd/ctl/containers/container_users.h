// Finds out as which user of this machine a container writes: from its processes if it runs, and
// else from the user that it is configured with.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "guardd/ctl/containers/runtime.h"
#include "guardd/host/id_map.h"
#include "policy/base/ids.h"

namespace guard::containers {

// The users of all processes of this machine, by PID namespace. Reads /proc once.
class ProcessUsers {
 public:
  explicit ProcessUsers(std::string proc = "/proc");

  struct Ids {
    Uid uid;
    Gid gid;
    friend bool operator<(const Ids& a, const Ids& b) {
      return a.uid == b.uid ? a.gid.value < b.gid.value : a.uid.value < b.uid.value;
    }
    friend bool operator==(const Ids&, const Ids&) = default;
  };
  // Those of a process, and of all others in its PID namespace if that is not guardctl's own.
  // Empty: there is no such process.
  std::vector<Ids> beside(std::int32_t pid) const;
  std::string text(std::int32_t pid, const std::string& file) const;

 private:
  std::string proc_;
  std::map<std::string, std::vector<Ids>> by_namespace_;
  std::string own_;
};

struct ContainerUser {
  Uid uid;  // on this machine
  Gid gid;
  Uid root;          // whom root in the container is on this machine
  std::string name;  // in the container, or the number there
  std::string why;   // "its process runs as uid 100999 on this machine"
};

struct ContainerUserResult {
  std::optional<ContainerUser> user;
  std::string why_unknown;  // if there is none
};

// `sub_uids`, `sub_gids`: the texts of /etc/subuid and /etc/subgid.
struct SubordinateIds {
  std::string uids;
  std::string gids;
};
ContainerUserResult user_of(const Runtime& runtime, const Container& container,
                            const ProcessUsers& processes, const SubordinateIds& subordinate,
                            const std::string& passwd);

// Whether a user of this machine can be one of a rootless user's containers.
bool is_of_user(const Account& account, const SubordinateIds& subordinate, Uid uid);

}  // namespace guard::containers
