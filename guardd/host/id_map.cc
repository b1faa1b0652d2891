#include "guardd/host/id_map.h"

#include <array>
#include <sstream>
#include <string>

#include "policy/base/text.h"

namespace guard {
namespace {

// The numbers of a line; none if it is not three numbers.
std::optional<std::array<std::uint64_t, 3>> three_numbers(const std::string& line) {
  std::istringstream words(line);
  std::array<std::uint64_t, 3> numbers{};
  for (auto& number : numbers)
    if (!(words >> number)) return std::nullopt;
  return numbers;
}

// A line of /etc/subuid: "joe:100000:65536".
struct SubordinateRange {
  std::string whose;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

std::vector<SubordinateRange> subordinate_ranges(std::string_view text) {
  std::vector<SubordinateRange> ranges;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    const auto second = line.find(':', colon + 1);
    if (colon == std::string::npos || second == std::string::npos) continue;
    const auto first = parse_number(std::string_view(line).substr(colon + 1, second - colon - 1));
    const auto count = parse_number(std::string_view(line).substr(second + 1));
    if (first && count) ranges.push_back({line.substr(0, colon), *first, *count});
  }
  return ranges;
}

}  // namespace

IdMap IdMap::identity() {
  IdMap map;
  map.ranges_.push_back({0, 0, 0xffffffffU});
  return map;
}

IdMap IdMap::parse(std::string_view text) {
  IdMap map;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);)
    if (const auto numbers = three_numbers(line))
      map.ranges_.push_back({(*numbers)[0], (*numbers)[1], (*numbers)[2]});
  return map;
}

IdMap IdMap::rootless(std::uint32_t id, const Account& account, std::string_view sub_ids) {
  IdMap map;
  map.ranges_.push_back({0, id, 1});
  std::uint64_t next = 1;
  for (const auto& range : subordinate_ranges(sub_ids)) {
    if (range.whose != account.name && range.whose != std::to_string(account.uid.value)) continue;
    map.ranges_.push_back({next, range.first, range.count});
    next += range.count;
  }
  return map;
}

IdMap IdMap::remapped(std::uint32_t root, std::string_view sub_ids) {
  constexpr std::uint64_t kUsual = 65'536;
  IdMap map;
  std::string whose;
  std::uint64_t next = 0;
  for (const auto& range : subordinate_ranges(sub_ids)) {
    if (map.ranges_.empty() ? range.first != root : range.whose != whose) continue;
    whose = range.whose;
    map.ranges_.push_back({next, range.first, range.count});
    next += range.count;
  }
  if (map.ranges_.empty()) map.ranges_.push_back({0, root, kUsual});
  return map;
}

std::optional<std::uint32_t> IdMap::to_host(std::uint32_t inside) const {
  for (const auto& range : ranges_)
    if (inside >= range.inside && inside - range.inside < range.count)
      return static_cast<std::uint32_t>(range.host + (inside - range.inside));
  return std::nullopt;
}

std::optional<std::uint32_t> IdMap::to_inside(std::uint32_t host) const {
  for (const auto& range : ranges_)
    if (host >= range.host && host - range.host < range.count)
      return static_cast<std::uint32_t>(range.inside + (host - range.host));
  return std::nullopt;
}

}  // namespace guard
