// Finds the name and the image of a container in the files that its runtime keeps: those of Docker,
// Podman, containerd and CRI-O, for Kubernetes, too. Reads only. Files can lie in the directory of
// a user and be on a file system that does not answer: only an inquiry helper calls this.
//
// What a user's own runtime says is for records alone: the user writes those files. See
// KnownContainer::is_of_root.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "guardd/who/known_container.h"
#include "policy/base/ids.h"

namespace guard {

// Where the control groups that processes are in are mounted, below `root`.
std::string cgroup_hierarchy(const std::string& root);

class ContainerFiles {
 public:
  // `root`: the directory below which all paths are; "" for those of this machine. `owner`: whose
  // files count as those of root.
  explicit ContainerFiles(std::string root = "", Uid owner = kRoot)
      : root_(std::move(root)), owner_(owner) {}

  // `group`: the path of a container's control group. None: it is no container's.
  std::optional<KnownContainer> find(std::string_view group) const;

 private:
  std::string root_;
  Uid owner_;
};

}  // namespace guard
