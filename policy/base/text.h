// Text that came from elsewhere (policy files, file names, kernel records) on its way to a person.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace guard {

// One character of UTF-8, or one byte that is none: such a byte comes out as kBadByte + its value,
// so that file names which are not text still compare, match and print.
struct CodePoint {
  std::uint32_t value;
  std::size_t length;
};
inline constexpr std::uint32_t kBadByte = 0x110000;
CodePoint decode_utf8(std::string_view text);  // text is not empty

bool is_utf8(std::string_view text);

// C-escapes whatever could move the cursor, colour the screen, reverse the line or not be text at
// all: control characters, DEL, C1, bidirectional marks, line separators, bytes that are no UTF-8,
// and the backslash itself, so that the original can be had back.
std::string escaped(std::string_view text);

// The same in double quotes, for a value inside a sentence.
std::string quote(std::string_view text);

// The same but for backslashes, for a whole sentence whose values are escaped already.
std::string printable(std::string_view text);

// Cuts between characters. True: something was left out.
bool cut_text(std::string_view& text, std::size_t longest);

// The nearest of the candidates, if near enough that a person may have meant it; else empty.
template <typename Range>
std::string_view nearest(std::string_view word, const Range& candidates);

std::size_t edit_distance(std::string_view a, std::string_view b);

template <typename Range>
std::string_view nearest(std::string_view word, const Range& candidates) {
  std::string_view best;
  std::size_t best_distance = word.size() / 3 + 2;  // more edits than this is another word
  for (const std::string_view candidate : candidates) {
    const auto distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace guard
