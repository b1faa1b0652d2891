#include "guardd/ctl/containers/id_map.h"

#include <array>
#include <sstream>
#include <string>

#include "policy/base/text.h"

namespace guard::containers {
namespace {

// The numbers of a line; none if it is not three numbers.
std::optional<std::array<std::uint64_t, 3>> three_numbers(const std::string& line) {
  std::istringstream words(line);
  std::array<std::uint64_t, 3> numbers{};
  for (auto& number : numbers)
    if (!(words >> number)) return std::nullopt;
  return numbers;
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
  std::istringstream lines{std::string(sub_ids)};
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    const auto second = line.find(':', colon + 1);
    if (colon == std::string::npos || second == std::string::npos) continue;
    const std::string_view whose(line.data(), colon);
    if (whose != account.name && whose != std::to_string(account.uid.value)) continue;
    const auto first = parse_number(std::string_view(line).substr(colon + 1, second - colon - 1));
    const auto count = parse_number(std::string_view(line).substr(second + 1));
    if (!first || !count) continue;
    map.ranges_.push_back({next, *first, *count});
    next += *count;
  }
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

}  // namespace guard::containers
