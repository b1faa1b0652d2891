#include "guardd/host/json_fields.h"

#include <nlohmann/json.hpp>

namespace guard {

const nlohmann::json& json_member(const nlohmann::json& object, const char* key) {
  static const nlohmann::json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string json_text(const nlohmann::json& object, const char* key) {
  const auto& member = json_member(object, key);
  return member.is_string() ? member.get<std::string>() : std::string();
}

}  // namespace guard
