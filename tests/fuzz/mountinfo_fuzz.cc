// The text of /proc/self/mountinfo: who may mount chooses most of it. Input: the text.
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

#include "guardd/host/superblock.h"
#include "guardd/sources/mounts.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using guard::fuzz::require;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto mounts = guard::read_mounts(text);
  require(mounts.size() <= size, "more mounts than bytes", text);
  for (const auto& [number, mount] : mounts) {
    require(!mount.point.empty() && !mount.type.empty() && !mount.source.empty(), "half a mount",
            text);
    require(mount.point.size() + mount.type.size() + mount.source.size() <= size, "made up", text);
    std::istringstream lines{std::string(text)};
    (void)guard::superblock_of_mount(lines, number);
  }
  return 0;
}
