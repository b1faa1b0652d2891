#include "guardd/ctl/suggest/pattern.h"

#include <fmt/format.h>

#include "policy/base/text.h"
#include "policy/glob.h"

namespace guard::suggest {

std::optional<std::string> exact_pattern(std::string_view path, bool below) {
  constexpr std::string_view kSpecial = "*?[]{}\\";
  if (!is_utf8(path)) return std::nullopt;
  std::string pattern;
  for (const char c : path) {
    if (kSpecial.find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  if (path.empty())
    pattern = below ? "**" : ".";
  else if (below)
    pattern += "/**";
  const auto glob = Glob::compile(pattern);
  const auto sample = below ? std::string(path) + (path.empty() ? "x" : "/x") : std::string(path);
  if (!glob || !glob->matches(sample)) return std::nullopt;
  return pattern;
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto point = decode_utf8(text);
    const auto character = text.substr(0, point.length);
    text.remove_prefix(point.length);
    if (character == "\"" || character == "\\") {
      out += '\\';
      out += character;
    } else if (escaped(character) == character) {
      out += character;
    } else if (character == "\n") {
      out += "\\n";
    } else if (point.value <= 0xffff) {
      out += fmt::format("\\u{:04X}", point.value);
    } else {
      out += fmt::format("\\U{:08X}", point.value);
    }
  }
  return out + "\"";
}

}  // namespace guard::suggest
