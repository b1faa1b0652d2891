// Our values as JSON. Text from disk may be no text: it is C-escaped then, and paths are given raw
// as well.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "dbus/client/value.h"
#include "guardd/ctl/screen/terminal.h"
#include "policy/load/load.h"

namespace guard::ctl {

using Json = nlohmann::ordered_json;

// The text itself, or its C-escaped form where it is not UTF-8.
std::string json_text(std::string_view text);

// object[key], and object[key + "_raw"] as bytes where the path is not UTF-8.
void put_path(Json& object, const std::string& key, std::string_view path);

std::string octal(Mode mode);

Json json_diagnostics(const Diagnostics& diagnostics, Diagnostic::Kind kind);

// A record from the bus, field by field.
Json json_record(const bus::Map& record);

// The same on a line of its own, with its end.
std::string json_line(const Json& json);

// One line end at the end; on a terminal nothing that could move the cursor.
bool show_json(const Terminal& terminal, const Json& json);

}  // namespace guard::ctl
