// Reads journal entries as journald does.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace guard {

using Fields = std::multimap<std::string, std::string>;

// Parses an entry like journald.
inline Fields parsed(std::string_view datagram) {
  Fields fields;
  while (!datagram.empty()) {
    const auto end = datagram.find('\n');
    if (end == std::string_view::npos) break;
    const auto line = datagram.substr(0, end);
    datagram.remove_prefix(end + 1);
    if (const auto equals = line.find('='); equals != std::string_view::npos) {
      fields.emplace(line.substr(0, equals), line.substr(equals + 1));
      continue;
    }
    std::uint64_t size = 0;
    std::memcpy(&size, datagram.data(), sizeof size);
    datagram.remove_prefix(sizeof size);
    fields.emplace(line, datagram.substr(0, size));
    datagram.remove_prefix(size + 1);
  }
  return fields;
}

inline std::vector<std::string> all(const Fields& fields, const std::string& name) {
  std::vector<std::string> values;
  const auto [first, last] = fields.equal_range(name);
  for (auto each = first; each != last; ++each) values.push_back(each->second);
  return values;
}

inline std::string one(const Fields& fields, const std::string& name) {
  const auto values = all(fields, name);
  EXPECT_LE(values.size(), 1U) << name;
  return values.empty() ? "" : values.front();
}

}  // namespace guard
