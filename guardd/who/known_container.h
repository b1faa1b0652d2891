// A container, as the files of its runtime describe it. Only values. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace guard {

struct KnownContainer {
  std::string name;   // empty: unknown
  std::string image;  // as the runtime names it; empty: unknown
  std::string pod;    // "NAMESPACE/NAME" in Kubernetes; empty: none
  // What policies call it: its name; in Kubernetes after its namespace, as in "shop/backup". Who
  // may make pods in one namespace can choose any name there.
  std::string allow_name;
  // Only root can have started it: it is in no other container, only root can have made its control
  // group, and the runtime's files are root's. Nothing else counts for an exemption.
  bool is_of_root = false;
  std::uint64_t group = 0;  // the kernel's id of its control group; 0: unknown
  friend bool operator==(const KnownContainer&, const KnownContainer&) = default;
};

using KnownContainerPtr = std::shared_ptr<const KnownContainer>;

}  // namespace guard
