#include "guardd/service/memory.h"

#include <malloc.h>
#include <sys/mman.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

namespace guard {
namespace {

struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::string_view access;
};

// A line of /proc/self/maps.
Mapping mapping_in(std::string_view line) {
  Mapping mapping;
  const auto* end = line.data() + line.size();
  const auto first = std::from_chars(line.data(), end, mapping.begin, 16);
  if (first.ec != std::errc() || first.ptr == end) return {};
  const auto second = std::from_chars(first.ptr + 1, end, mapping.end, 16);
  if (second.ec != std::errc() || second.ptr == end) return {};
  mapping.access = line.substr(static_cast<std::size_t>(second.ptr + 1 - line.data()), 4);
  return mapping;
}

}  // namespace

void release_memory_of_start() {
  (void)::malloc_trim(0);
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    const auto mapping = mapping_in(line);
    // Code alone: it is as it is in its file, while data may have been relocated.
    if (mapping.access != "r-xp" || line.find('/') == std::string::npos) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): that is what the file says
    (void)::madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin,
                    MADV_DONTNEED);
  }
}

}  // namespace guard
