#include "dbus/client/status.h"

#include <algorithm>

#include "dbus/names.h"

namespace guard::bus {
namespace {

bool take(const Value& value, std::string& into) {
  const auto* text = value.as<std::string>();
  if (text) into = *text;
  return text != nullptr;
}

bool take(const Value& value, std::uint64_t& into) {
  const auto* number = value.as<std::uint64_t>();
  if (number) into = *number;
  return number != nullptr;
}

bool take(const Value& value, std::uint32_t& into) {
  const auto* number = value.as<std::uint64_t>();
  const bool fits = number && *number <= UINT32_MAX;
  if (fits) into = static_cast<std::uint32_t>(*number);
  return fits;
}

bool take(const Value& value, std::vector<std::string>& into) {
  const auto* list = value.as<List>();
  if (!list) return false;
  for (const auto& item : *list)
    if (!take(item, into.emplace_back())) return false;
  return true;
}

bool take(const Value& value, Counts& into) {
  const auto* map = value.as<Map>();
  if (!map) return false;
  for (const auto& [name, count] : *map)
    if (!take(count, into[name])) return false;
  return true;
}

bool take(const Value& value, std::vector<AlertState>& into) {
  const auto* list = value.as<List>();
  if (!list) return false;
  for (const auto& item : *list) {
    const auto* record = item.as<Map>();
    if (!record) return false;
    auto& alert = into.emplace_back();
    const auto take_one = [&](const char* name, auto& member) {
      const auto* field = find(*record, name);
      return !field || take(*field, member);
    };
    if (!take_one("name", alert.name) || !take_one("when", alert.when) ||
        !take_one("starts", alert.starts) || !take_one("held_back", alert.held_back) ||
        !take_one("last_start", alert.last_start))
      return false;
  }
  return true;
}

template <typename Those>
Result<Those> read(const Map& properties) {
  Those those;
  std::string wrong;  // the first property of the wrong type
  const auto take_one = [&](const char* name, auto member) {
    const auto* value = find(properties, name);
    if (value && !take(*value, those.*member) && wrong.empty()) wrong = name;
  };
  each_fact(&those, take_one);
  each_counter(&those, take_one);
  if (!wrong.empty()) return Error("the property " + wrong + " has the wrong type");
  return those;
}

}  // namespace

Result<Facts> facts_in(const Map& properties) {
  return read<Facts>(properties);
}

Result<std::vector<PolicyFacts>> policies_in(const Map& objects) {
  std::vector<PolicyFacts> all;
  for (const auto& object : objects) {
    const auto* interfaces = object.value.as<Map>();
    if (!interfaces) return Error(object.name + " has no interfaces");
    const auto* policy = find(*interfaces, kPolicy);
    if (!policy) continue;
    const auto* properties = policy->as<Map>();
    if (!properties) return Error(object.name + " has no properties");
    GUARD_TRY(auto status, read<PolicyFacts>(*properties));
    all.push_back(std::move(status));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

}  // namespace guard::bus
