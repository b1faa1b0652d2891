#include "policy/base/text.h"

#include <algorithm>
#include <array>

namespace guard {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

// Characters that are text but change how a terminal shows the surrounding text.
bool is_deceptive(std::uint32_t c) {
  return (c >= 0x80 && c <= 0x9f) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         (c >= 0xe0000 && c <= 0xe007f);
}

void append_hex(std::string& out, std::uint32_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
    out += "0123456789abcdef"[(value >> static_cast<unsigned>(shift)) & 0xfU];
}

// Inside a word; not at the beginning of a command, where a word with = is an assignment.
bool is_shell_safe(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80 ||
         std::string_view("._-+/,:@%=").find(c) != std::string_view::npos;
}

}  // namespace

CodePoint decode_utf8(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const CodePoint bad{kBadByte + lead, 1};
  if (lead < 0x80) return {lead, 1};

  std::size_t length = 0;
  std::uint32_t value = 0;
  std::uint32_t smallest = 0;
  if ((lead & 0xe0U) == 0xc0U) {
    length = 2, value = lead & 0x1fU, smallest = 0x80;
  } else if ((lead & 0xf0U) == 0xe0U) {
    length = 3, value = lead & 0x0fU, smallest = 0x800;
  } else if ((lead & 0xf8U) == 0xf0U) {
    length = 4, value = lead & 0x07U, smallest = 0x10000;
  } else {
    return bad;
  }
  if (text.size() < length) return bad;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return bad;
    value = (value << 6U) | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < smallest || value > 0x10ffff || surrogate) return bad;
  return {value, length};
}

bool is_utf8(std::string_view text) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  for (;;) {
    const auto* other = std::find_if_not(text.begin(), text.end(), is_ascii);
    text.remove_prefix(static_cast<std::size_t>(other - text.begin()));
    if (text.empty()) return true;
    const auto point = decode_utf8(text);
    if (point.value >= kBadByte) return false;
    text.remove_prefix(point.length);
  }
}

namespace {

std::string escape(std::string_view text, bool backslash) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto point = decode_utf8(text);
    const auto c = point.value;
    if (c == '\\' && backslash) {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c < 0x20 || c == 0x7f || c >= kBadByte) {
      out += "\\x";
      append_hex(out, c & 0xffU, 2);
    } else if (is_deceptive(c)) {
      out += c > 0xffff ? "\\U" : "\\u";
      append_hex(out, c, c > 0xffff ? 8 : 4);
    } else {
      out += text.substr(0, point.length);
    }
    text.remove_prefix(point.length);
  }
  return out;
}

}  // namespace

bool is_plain(std::string_view text) {
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(" ./_-+,:@%").find(c) != std::string_view::npos;
  });
}

bool is_plain_word(std::string_view text) {
  return is_plain(text) && text.find(' ') == std::string_view::npos;
}

std::string without_markup(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&apos;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string shell_word(std::string_view text) {
  if (text == "{}" || (!text.empty() && std::all_of(text.begin(), text.end(), is_shell_safe)))
    return std::string(text);
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'')
      word += R"('\'')";
    else
      word += c;
  }
  return word + '\'';
}

std::optional<std::vector<std::string>> shell_words(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ' ') {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    auto& word = words.back();
    if (line[i] == '\'') {
      const auto end = line.find('\'', i + 1);
      if (end == std::string_view::npos) return std::nullopt;
      word += line.substr(i + 1, end - i - 1);
      i = end;
    } else if (line.substr(i, 2) == R"(\')") {
      word += line[++i];
    } else if (is_shell_safe(line[i])) {
      word += line[i];
    } else if (word.empty() && (line.substr(i) == "{}" || line.substr(i, 3) == "{} ")) {
      word = "{}";
      ++i;
    } else {
      return std::nullopt;
    }
  }
  return words;
}

bool cut_text(std::string_view& text, std::size_t longest) {
  if (text.size() <= longest) return false;
  // The last character begins at most three bytes before this position.
  std::size_t end = longest;
  while (end > longest - 3 && is_continuation(text[end])) --end;
  text = text.substr(0, end);
  return true;
}

std::string escaped(std::string_view text) {
  return escape(text, true);
}

std::string printable(std::string_view text) {
  return escape(text, false);
}

std::string quote(std::string_view text) {
  return '"' + escaped(text) + '"';
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Short words only: the cost is quadratic, and the text can be hostile.
  constexpr std::size_t kLongestWord = 64;
  if (a.size() > kLongestWord || b.size() > kLongestWord) return kLongestWord;

  // Two earlier rows, so that two swapped letters count as one edit.
  using Row = std::array<std::size_t, kLongestWord + 1>;
  Row before{};
  Row above{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return above[b.size()];
}

}  // namespace guard
