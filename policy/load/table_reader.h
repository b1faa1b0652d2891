// Reads typed values from one TOML table. Reports each value of the wrong type and each key that
// was not requested, with its place. Used by the loaders only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "policy/diagnostic.h"
#include "policy/draft.h"

namespace guard {

Place place_of(const toml::node& node, std::uint32_t file);

class TableReader {
 public:
  // `title` is the name of the table in messages: "[[policy]]".
  TableReader(const toml::table& table, std::string_view title, std::uint32_t file,
              Diagnostics& diagnostics);

  Place place() const { return place_; }

  Optional<std::string> text(std::string_view key);
  Optional<bool> boolean(std::string_view key);
  Optional<Principal> principal(std::string_view key);
  Optional<Duration> duration(std::string_view key);
  Optional<Mode> mode(std::string_view key);
  std::vector<Setting<std::string>> texts(std::string_view key);
  Optional<std::uint32_t> count(std::string_view key, std::uint32_t least, std::uint32_t most);
  const toml::table* table(std::string_view key);
  std::vector<const toml::table*> tables(std::string_view key);

  template <typename E>
  Optional<E> choice(std::string_view key) {
    const auto said = text(key);
    if (!said) return std::nullopt;
    return choose<E>(key, *said);
  }

  template <typename E>
  Optional<EnumSet<E>> choices(std::string_view key) {
    const auto* node = find(key);
    if (!node) return std::nullopt;
    Setting<EnumSet<E>> set{{}, place_of(*node, file_)};
    for (const auto& said : texts(key))
      if (const auto chosen = choose<E>(key, said)) set.value.add(chosen->value);
    return set;
  }

  // The key must be present and not an empty array. A wrong value was already reported.
  void require(std::string_view key, std::string_view example);
  // The key can be missing, but not be an empty array.
  void reject_empty(std::string_view key, std::string_view example);

  // After the last request: reports the remaining keys as unknown.
  void finish();

 private:
  const toml::node* find(std::string_view key);
  Optional<Principal> name(std::string_view key, const std::string& said, Place place);
  void wrong_type(std::string_view key, const toml::node& node, std::string_view wanted,
                  std::string_view hint);
  void wrong_word(std::string_view key, const Setting<std::string>& said,
                  const std::string_view* first, std::size_t count);

  template <typename E>
  Optional<E> choose(std::string_view key, const Setting<std::string>& said) {
    if (const auto value = parse_word<E>(said.value)) return Setting<E>{*value, said.place};
    wrong_word(key, said, Words<E>::kAll.data(), Words<E>::kAll.size());
    return std::nullopt;
  }

  const toml::table& table_;
  std::string_view title_;
  std::uint32_t file_;
  Diagnostics& diagnostics_;
  Place place_;
  std::vector<std::string_view> known_;
};

// Sets `target` to the value, or leaves the default.
template <typename T>
void take(Setting<T>& target, Optional<T> read) {
  if (read) target = *std::move(read);
}

}  // namespace guard
