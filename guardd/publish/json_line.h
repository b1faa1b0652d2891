// Builds a JSON object on one line, field by field. The result is always valid UTF-8 JSON of
// bounded length: other text is C-escaped, and values that are too long are cut and named in
// "truncated". Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/fields.h"

namespace guard {

inline constexpr std::size_t kLongestJsonLine = std::size_t{2} << 20U;

class JsonLine {
 public:
  enum class Charset : std::uint8_t { kUtf8, kAscii };  // kAscii: for a terminal

  explicit JsonLine(std::string_view type, Charset charset = Charset::kUtf8);

  void text(std::string_view key, std::string_view value, std::size_t longest = kLongestText);
  // Adds KEY_raw if it is not UTF-8.
  void path(std::string_view key, std::string_view bytes, std::size_t longest = kLongestPath);
  void number(std::string_view key, std::uint64_t value);
  void boolean(std::string_view key, bool value);
  void time(std::string_view key, TimePoint time);
  void field(std::string_view key, const FieldValue& value);
  void texts(std::string_view key, std::span<const std::string> values);
  void object(std::int32_t /*pid*/) {}  // only the journal knows more about it
  void ancestors(std::string_view key, std::span<const Ancestor> list);
  void ancestor(std::string_view key, const Ancestor& process);
  void commands(std::string_view key, std::span<const CountedCommand> list);

  // key: { … }: everything until end() goes inside. Elements of a list have an empty key.
  void begin(std::string_view key);
  void end();

  std::string finish() &&;  // with a newline

 private:
  void key(std::string_view name);
  void string(std::string_view text);
  void process(const Ancestor& process);

  std::string line_;
  Charset charset_;
  bool first_ = true;
  std::vector<std::string> truncated_;
};

}  // namespace guard
