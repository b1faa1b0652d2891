// Members of JSON that another program wrote, which may lack them or have them of another type. Any
// thread.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace guard {

// null: there is none.
const nlohmann::json& json_member(const nlohmann::json& object, const char* key);
// Empty: there is none.
std::string json_text(const nlohmann::json& object, const char* key);

}  // namespace guard
