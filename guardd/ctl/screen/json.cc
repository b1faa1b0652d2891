#include "guardd/ctl/screen/json.h"

#include <fmt/format.h>

#include <vector>

#include "policy/base/overloaded.h"
#include "policy/base/text.h"

namespace guard::ctl {

std::string json_text(std::string_view text) {
  return is_utf8(text) ? std::string(text) : escaped(text);
}

void put_path(Json& object, const std::string& key, std::string_view path) {
  object[key] = json_text(path);
  if (!is_utf8(path)) object[key + "_raw"] = std::vector<std::uint8_t>(path.begin(), path.end());
}

std::string octal(Mode mode) {
  return fmt::format("{:04o}", mode.value);
}

Json json_diagnostics(const Diagnostics& diagnostics, Diagnostic::Kind kind) {
  auto list = Json::array();
  for (const auto& diagnostic : diagnostics.all()) {
    if (diagnostic.kind != kind) continue;
    Json entry;
    put_path(entry, "file", diagnostics.files()[diagnostic.place.file]);
    entry["line"] = diagnostic.place.line;
    entry["column"] = diagnostic.place.column;
    entry["message"] = json_text(diagnostic.message);
    list.push_back(std::move(entry));
  }
  return list;
}

namespace {

Json json_value(const bus::Value& value) {
  return std::visit(Overloaded{[](std::monostate) { return Json(); },
                               [](const bus::List& list) {
                                 auto json = Json::array();
                                 for (const auto& item : list) json.push_back(json_value(item));
                                 return json;
                               },
                               [](const bus::Map& map) { return json_record(map); },
                               [](const auto& other) { return Json(other); }},
                    value.held);
}

}  // namespace

Json json_record(const bus::Map& record) {
  auto json = Json::object();
  for (const auto& field : record) json[field.name] = json_value(field.value);
  return json;
}

std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

bool show_json(const Terminal& terminal, const Json& json) {
  return terminal.show(json.dump(2, ' ', terminal.is_terminal(), Json::error_handler_t::replace) +
                       '\n');
}

}  // namespace guard::ctl
