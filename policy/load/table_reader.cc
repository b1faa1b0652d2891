#include "policy/load/table_reader.h"

#include <algorithm>
#include <limits>
#include <span>

#include "policy/base/text.h"

namespace guard {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "a number";
    case toml::node_type::floating_point:
      return "a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date";
  }
}

Place place_at(const toml::source_region& region, std::uint32_t file) {
  return {file, region.begin.line, region.begin.column};
}

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A user or group number. The kernel uses the highest to mean "no id", and once used 65535.
std::optional<std::uint32_t> as_id(std::int64_t number) {
  if (number < 0 || number >= std::numeric_limits<std::uint32_t>::max() || number == 65535)
    return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

bool is_octal_mode(std::string_view text) {
  return (text.size() == 3 || text.size() == 4) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
}

}  // namespace

Place place_of(const toml::node& node, std::uint32_t file) {
  return place_at(node.source(), file);
}

TableReader::TableReader(const toml::table& table, std::string_view title, std::uint32_t file,
                         Diagnostics& diagnostics)
    : table_(table),
      title_(title),
      file_(file),
      diagnostics_(diagnostics),
      place_(place_of(table, file)) {}

const toml::node* TableReader::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  return table_.get(key);
}

void TableReader::wrong_type(std::string_view key, const toml::node& node, std::string_view wanted,
                             std::string_view hint) {
  std::string message = std::string(key) + " must be " + std::string(wanted) + ", not " +
                        std::string(type_name(node));
  if (!hint.empty()) message += "; write " + std::string(hint);
  diagnostics_.error(place_of(node, file_), std::move(message));
}

void TableReader::wrong_word(std::string_view key, const Setting<std::string>& said,
                             const std::string_view* first, std::size_t count) {
  const std::span words(first, count);
  diagnostics_.error(said.place, std::string(key) + " must be " + listed(words, " or ") + ", not " +
                                     quote(said.value) + did_you_mean(said.value, words));
}

Optional<std::string> TableReader::text(std::string_view key) {
  const auto* node = find(key);
  if (!node) return std::nullopt;
  if (const auto* string = node->as_string())
    return Setting<std::string>{string->get(), place_of(*node, file_)};
  wrong_type(key, *node, "a string", "");
  return std::nullopt;
}

Optional<bool> TableReader::boolean(std::string_view key) {
  const auto* node = find(key);
  if (!node) return std::nullopt;
  if (const auto* boolean = node->as_boolean())
    return Setting<bool>{boolean->get(), place_of(*node, file_)};
  wrong_type(key, *node, "true or false", node->is_string() ? "the value without quotes" : "");
  return std::nullopt;
}

Optional<Principal> TableReader::principal(std::string_view key) {
  const auto* node = find(key);
  if (!node) return std::nullopt;
  const auto place = place_of(*node, file_);
  std::int64_t number = 0;
  if (const auto* integer = node->as_integer()) {
    number = integer->get();
  } else if (const auto* string = node->as_string()) {
    if (!is_number(string->get())) return name(key, string->get(), place);
    number = parse_number<std::int64_t>(string->get()).value_or(-1);
  } else {
    wrong_type(key, *node, "a name or a number", "");
    return std::nullopt;
  }
  if (const auto id = as_id(number)) return Setting<Principal>{*id, place};
  diagnostics_.error(place, std::string(key) + ": this is not a valid user or group number");
  return std::nullopt;
}

// A NUL would truncate the name on its way to NSS, which could find another user.
Optional<Principal> TableReader::name(std::string_view key, const std::string& said, Place place) {
  if (said.empty()) {
    diagnostics_.error(place, std::string(key) + " is empty; write a name or a number");
  } else if (has_control(said)) {
    diagnostics_.error(place, std::string(key) + " = " + quote(said) +
                                  ": a name cannot contain control characters");
  } else {
    return Setting<Principal>{said, place};
  }
  return std::nullopt;
}

Optional<Duration> TableReader::duration(std::string_view key) {
  const auto said = text(key);
  if (!said) return std::nullopt;
  auto parsed = parse_duration(said->value);
  if (parsed) return Setting<Duration>{*parsed, said->place};
  diagnostics_.error(said->place,
                     std::string(key) + " = " + quote(said->value) + ": " + parsed.error().text());
  return std::nullopt;
}

Optional<Mode> TableReader::mode(std::string_view key) {
  const auto* node = find(key);
  if (!node) return std::nullopt;
  const auto place = place_of(*node, file_);
  const auto* string = node->as_string();
  if (!string) {
    wrong_type(key, *node, "an octal mode in quotes", std::string(key) + " = \"0640\"");
    return std::nullopt;
  }
  if (!is_octal_mode(string->get())) {
    diagnostics_.error(place, std::string(key) +
                                  " must be three or four octal digits, as in \"0640\", not " +
                                  quote(string->get()));
    return std::nullopt;
  }
  std::uint32_t bits = 0;
  for (const char digit : string->get()) bits = bits * 8 + static_cast<std::uint32_t>(digit - '0');
  return Setting<Mode>{Mode{bits}, place};
}

std::vector<Setting<std::string>> TableReader::texts(std::string_view key) {
  const auto* node = find(key);
  if (!node) return {};
  const auto* array = node->as_array();
  if (!array) {
    const auto* string = node->as_string();
    wrong_type(key, *node, "an array of strings",
               string ? std::string(key) + " = [" + quote(string->get()) + "]" : "");
    return {};
  }
  std::vector<Setting<std::string>> texts;
  for (const auto& element : *array) {
    if (const auto* string = element.as_string()) {
      texts.push_back({string->get(), place_of(element, file_)});
    } else {
      wrong_type("each value of " + std::string(key), element, "a string", "");
    }
  }
  return texts;
}

Optional<std::uint32_t> TableReader::count(std::string_view key, std::uint32_t least,
                                           std::uint32_t most) {
  const auto* node = find(key);
  if (!node) return std::nullopt;
  const auto* number = node->as_integer();
  if (number && number->get() >= least && number->get() <= most) {
    return Setting<std::uint32_t>{static_cast<std::uint32_t>(number->get()),
                                  place_of(*node, file_)};
  }
  diagnostics_.error(place_of(*node, file_), std::string(key) + " must be a number from " +
                                                 std::to_string(least) + " to " +
                                                 std::to_string(most));
  return std::nullopt;
}

const toml::table* TableReader::table(std::string_view key) {
  const auto* node = find(key);
  if (!node) return nullptr;
  if (const auto* table = node->as_table()) return table;
  wrong_type(key, *node, "a table", "[" + std::string(key) + "] on a line of its own");
  return nullptr;
}

std::vector<const toml::table*> TableReader::tables(std::string_view key) {
  const auto* node = find(key);
  if (!node) return {};
  const auto* array = node->as_array();
  std::vector<const toml::table*> tables;
  if (array) {
    for (const auto& element : *array)
      if (const auto* table = element.as_table()) tables.push_back(table);
  }
  if (!array || tables.size() != array->size()) {
    // The full name of the key: "[[policy.rule]]" inside "[[policy]]", "[[policy]]" at the top.
    const auto inside =
        title_.empty() ? "" : std::string(title_.substr(2, title_.size() - 4)) + ".";
    diagnostics_.error(place_of(*node, file_),
                       std::string(key) + " must be an array of tables, each under [[" + inside +
                           std::string(key) + "]] in double brackets");
  }
  return tables;
}

void TableReader::require(std::string_view key, std::string_view example) {
  if (find(key)) {
    reject_empty(key, example);
  } else {
    diagnostics_.error(place_, std::string(title_) + " has no " + std::string(key) + "; write " +
                                   std::string(example));
  }
}

void TableReader::reject_empty(std::string_view key, std::string_view example) {
  const auto* node = find(key);
  const auto* array = node ? node->as_array() : nullptr;
  if (array && array->empty()) {
    diagnostics_.error(place_of(*node, file_),
                       std::string(key) + " is empty; write " + std::string(example));
  }
}

void TableReader::finish() {
  for (const auto& [key, node] : table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    const auto where = title_.empty() ? std::string() : " in " + std::string(title_);
    diagnostics_.error(place_at(key.source(), file_),
                       "unknown key " + quote(key.str()) + where + did_you_mean(key.str(), known_));
  }
}

}  // namespace guard
