#include "guardd/ctl/screen/json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "policy/base/overloaded.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

using Library = nlohmann::ordered_json;

Library to_library(const Json& json) {
  return std::visit(Overloaded{[](std::monostate) { return Library(); },
                               [](const Json::List& list) {
                                 auto array = Library::array();
                                 for (const auto& item : list) array.push_back(to_library(item));
                                 return array;
                               },
                               [](const Json::Object& members) {
                                 auto object = Library::object();
                                 for (const auto& [name, value] : members)
                                   object[name] = to_library(value);
                                 return object;
                               },
                               [](const auto& other) { return Library(other); }},
                    json.value());
}

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

Json Json::array(List items) {
  Json json;
  json.value_ = std::move(items);
  return json;
}

Json Json::object() {
  Json json;
  json.value_ = Object();
  return json;
}

Json& Json::operator[](std::string_view name) {
  if (std::holds_alternative<std::monostate>(value_)) value_ = Object();
  auto& members = std::get<Object>(value_);
  for (auto& [known, value] : members)
    if (known == name) return value;
  return members.emplace_back(name, Json()).second;
}

void Json::push_back(Json item) {
  if (std::holds_alternative<std::monostate>(value_)) value_ = List();
  std::get<List>(value_).push_back(std::move(item));
}

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

void put_record(Json& object, const bus::Map& record) {
  for (const auto& field : record) object[field.name] = json_value(field.value);
}

Json json_record(const bus::Map& record) {
  auto json = Json::object();
  put_record(json, record);
  return json;
}

Json json_records(const std::vector<bus::Map>& records) {
  return json_list(records, json_record);
}

std::string json_line(const Json& json) {
  return to_library(json).dump(-1, ' ', false, Library::error_handler_t::replace) + '\n';
}

bool show_json(const Terminal& terminal, const Json& json) {
  return terminal.show(
      to_library(json).dump(2, ' ', terminal.is_terminal(), Library::error_handler_t::replace) +
      '\n');
}

}  // namespace guard::ctl
