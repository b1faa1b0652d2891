#include "guardd/host/terminal_text.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "policy/base/text.h"

namespace guard {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no thread sets variables
  return value ? value : "";
}

// The number of bytes in the first columns.
std::size_t bytes_of(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  for (; columns > 0 && bytes < text.size(); --columns)
    bytes += decode_utf8(text.substr(bytes)).length;
  return bytes;
}

}  // namespace

Colours Colours::detect(int fd) {
  return Colours(::isatty(fd) == 1 && environment("NO_COLOR").empty() &&
                 environment("TERM") != "dumb");
}

std::string Colours::operator()(Tone tone, std::string_view text) const {
  constexpr std::array<std::string_view, 6> kCodes{"", "1", "2", "32", "33", "31"};
  const auto code = kCodes[static_cast<std::size_t>(tone)];
  if (!enabled_ || code.empty() || text.empty()) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    text.remove_prefix(decode_utf8(text).length);
    ++columns;
  }
  return columns;
}

std::string shortened_middle(std::string_view text, std::size_t columns) {
  const auto has = columns_of(text);
  if (has <= columns || columns < 3) return std::string(text);
  const auto head = (columns - 1) / 2;
  const auto tail = columns - 1 - head;
  return std::string(text.substr(0, bytes_of(text, head))) + "…" +
         std::string(text.substr(bytes_of(text, has - tail)));
}

std::string shortened(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns || columns < 1) return std::string(text);
  return std::string(text.substr(0, bytes_of(text, columns - 1))) + "…";
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t before,
                    std::size_t width) {
  std::string out;
  std::size_t column = before;
  bool first_word = true;
  while (!text.empty()) {
    const auto word = text.substr(0, std::min(text.find(' '), text.size()));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const auto length = columns_of(word);
    if (!first_word && column + 1 + length > width) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else if (!first_word) {
      out += ' ';
      ++column;
    }
    first_word = false;
    out += word;
    column += length;
  }
  return out;
}

std::string grouped(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto place = text.size(); place > 3; place -= 3) text.insert(place - 3, 1, ',');
  return text;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return grouped(count) + ' ' + std::string(count == 1 ? one : many);
}

}  // namespace guard
