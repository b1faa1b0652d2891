// JSON for programs that read guardctl's output. Text from disk that is not UTF-8 is C-escaped;
// paths are then given as raw bytes, too. Only json.cc includes the JSON library, which takes long
// to compile.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dbus/client/value.h"
#include "guardd/ctl/screen/options.h"
#include "guardd/ctl/screen/terminal.h"
#include "policy/load/load.h"

namespace guard::ctl {

// A JSON value. The members of an object keep the order in which they are added.
class Json {
 public:
  using List = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;
  using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string,
                             List, Object>;

  Json() = default;  // null
  // NOLINTBEGIN(google-explicit-constructor): values are written as in JSON
  template <std::integral Number>
  Json(Number number) : value_(widened(number)) {}
  Json(double number) : value_(number) {}
  Json(std::string text) : value_(std::move(text)) {}
  Json(std::string_view text) : Json(std::string(text)) {}
  Json(const char* text) : Json(std::string(text)) {}
  template <typename Item>
  Json(const std::vector<Item>& items) : value_(List(items.begin(), items.end())) {}
  // NOLINTEND(google-explicit-constructor)
  static Json array(List items = {});
  static Json object();

  // The member of this name; a new one is null. Turns null into an object.
  Json& operator[](std::string_view name);
  // Turns null into an array.
  void push_back(Json item);

  const Value& value() const { return value_; }

 private:
  template <typename Number>
  static auto widened(Number number) {
    if constexpr (std::same_as<Number, bool>)
      return number;
    else if constexpr (std::is_signed_v<Number>)
      return std::int64_t{number};
    else
      return std::uint64_t{number};
  }

  Value value_;
};

// The list of make(item).
template <typename Range, typename Make>
Json json_list(const Range& range, Make make) {
  auto list = Json::array();
  for (const auto& item : range) list.push_back(make(item));
  return list;
}

// The text itself, or its C-escaped form if it is not UTF-8.
std::string json_text(std::string_view text);

// Sets object[key], and object[key + "_raw"] to the bytes if the path is not UTF-8.
void put_path(Json& object, const std::string& key, std::string_view path);

std::string octal(Mode mode);

Json json_diagnostics(const Diagnostics& diagnostics, Diagnostic::Kind kind);

// Sets the fields of a record from the bus. Fields of the same name are replaced.
void put_record(Json& object, const bus::Map& record);
Json json_record(const bus::Map& record);
Json json_records(const std::vector<bus::Map>& records);

// The value on one line, with its line end.
std::string json_line(const Json& json);

// Prints the value, indented, with one line end. On a terminal, nothing in it can move the cursor.
bool show_json(const Terminal& terminal, const Json& json);

// Prints the result of a verb: JSON with --json, nothing with --quiet, else the text. Makes only
// what it prints. Returns the exit status: kFailed if it cannot be printed, else `status`.
template <typename MakeJson, typename MakeText>
int show_result(const Options& options, int status, MakeJson make_json, MakeText make_text) {
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) return show_json(terminal, make_json()) ? status : kFailed;
  if (options.quiet) return status;
  return terminal.show(make_text(terminal)) ? status : kFailed;
}

}  // namespace guard::ctl
