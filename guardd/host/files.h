// Finds out what is at a path of this machine. Reads metadata only, except for the first bytes of a
// program, which show whether it is a script.
#pragma once

#include <sys/types.h>

#include <optional>

#include "guardd/host/mount_table.h"
#include "policy/lookup.h"

namespace guard {

FileType file_type(mode_t mode);

// Only root can have written it.
constexpr bool is_trusted(std::uint32_t owner, std::uint32_t mode) {
  return owner == kRoot.value && (mode & 022) == 0;
}

class SystemFiles : public Files {
 public:
  // `waits`: looks at file systems that may never answer, too.
  explicit SystemFiles(bool waits = true) {
    if (!waits) mounts_ = current_mounts();
  }
  Result<std::optional<PathFacts>> look(const std::string& path) const override;
  Result<std::optional<PathFacts>> look_through(const std::string& path) const override;

 private:
  Result<std::optional<PathFacts>> look_at(const std::string& path, int flags) const;

  std::optional<MountTable> mounts_;
};

}  // namespace guard
