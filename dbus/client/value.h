// A value in a record on the bus, of any type, so that a client can show fields of later versions.
// Text is untrusted: escape it before it reaches a terminal. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace guard::bus {

struct Value;
struct Entry;
using Bytes = std::vector<std::uint8_t>;
using List = std::vector<Value>;
using Map = std::vector<Entry>;  // in the received order

// Empty for types that guardd does not use.
struct Value {
  std::variant<std::monostate, bool, std::uint64_t, std::int64_t, double, std::string, Bytes, List,
               Map>
      held;

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&held);
  }
  friend bool operator==(const Value&, const Value&) = default;
};

struct Entry {
  std::string name;
  Value value;
  friend bool operator==(const Entry&, const Entry&) = default;
};

// Null if there is no value with this name.
inline const Value* find(const Map& map, std::string_view name) {
  for (const auto& entry : map)
    if (entry.name == name) return &entry.value;
  return nullptr;
}

// Null if there is no value with this name and type.
template <typename T>
const T* find(const Map& map, std::string_view name) {
  const auto* value = find(map, name);
  return value ? value->as<T>() : nullptr;
}

}  // namespace guard::bus
