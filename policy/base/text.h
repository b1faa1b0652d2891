// Makes untrusted text (policy files, file names, kernel records) safe to display.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace guard {

// One UTF-8 character, or one invalid byte, which becomes kBadByte + its value, so that file names
// that are not text can still be compared, matched and printed.
struct CodePoint {
  std::uint32_t value;
  std::size_t length;
};
inline constexpr std::uint32_t kBadByte = 0x110000;
CodePoint decode_utf8(std::string_view text);  // text is not empty

bool is_utf8(std::string_view text);

// C-escapes everything that could affect a terminal or is not text: control characters, DEL, C1,
// bidirectional marks, line separators, bytes that are not UTF-8, and the backslash itself, so that
// the original can be recovered.
std::string escaped(std::string_view text);

// The same in double quotes, for a value in a sentence.
std::string quote(std::string_view text);

// The same except for backslashes, for a whole sentence whose values are already escaped.
std::string printable(std::string_view text);

// Words without any character that means something to a shell, and not an option: safe to suggest
// in a command line.
bool is_plain(std::string_view text);
bool is_plain_word(std::string_view text);

// With entities for the characters that mean something in HTML and XML.
std::string without_markup(std::string_view text);

// An argument as a shell reads it: in quotes if it contains a character that means something to a
// shell. The arguments of a command line that is made of these words; nothing if a shell would do
// anything but split it at spaces and remove the quotes.
std::string shell_word(std::string_view text);
std::optional<std::vector<std::string>> shell_words(std::string_view line);

// Cuts between characters. Returns true if something was cut.
bool cut_text(std::string_view& text, std::size_t longest);

// The number, if the whole text is one.
template <typename Number = std::uint32_t>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number number{};
  const auto* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number, base);
  return error == std::errc() && stopped == end ? std::optional(number) : std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b);

// The most similar candidate, if similar enough to be a typing error of it; else empty.
template <typename Range>
std::string_view nearest(std::string_view word, const Range& candidates) {
  std::string_view best;
  std::size_t best_distance = word.size() / 3 + 2;  // more edits mean a different word
  for (const std::string_view candidate : candidates) {
    const auto distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

// "a, b and c"
template <typename Range>
std::string listed(const Range& words, std::string_view last = " and ") {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? last : ", ";
    text += words[i];
  }
  return text;
}

// A question to append to a message about an unknown word; empty if no candidate is similar.
template <typename Range>
std::string did_you_mean(std::string_view word, const Range& candidates) {
  const auto near = nearest(word, candidates);
  return near.empty() ? "" : "; did you mean " + quote(near) + "?";
}

}  // namespace guard
