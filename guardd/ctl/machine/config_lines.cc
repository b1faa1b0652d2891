#include "guardd/ctl/machine/config_lines.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace guard::machine {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool is_blank(char c) {
  return kBlanks.find(c) != std::string_view::npos;
}

// Appends what stands for "\x41", "\101" or "\n" after the backslash, and returns the length of it.
// An unknown escape stays as it is.
std::size_t unescape(std::string_view rest, std::string& word) {
  constexpr std::string_view kLetters = "abfnrtvs\\\"'";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v \\\"'";
  const auto numeric = [&](std::size_t from, std::size_t digits, int base) -> std::size_t {
    if (rest.size() < from + digits) return 0;
    unsigned value = 0;
    const auto* begin = rest.data() + from;
    const auto [stopped, error] = std::from_chars(begin, begin + digits, value, base);
    if (error != std::errc() || stopped != begin + digits || value == 0 || value > 255) return 0;
    word += static_cast<char>(value);
    return from + digits;
  };
  if (const auto letter = kLetters.find(rest.front()); letter != std::string_view::npos) {
    word += kMeanings[letter];
    return 1;
  }
  if (rest.front() == 'x') {
    if (const auto taken = numeric(1, 2, 16)) return taken;
  } else if (const auto taken = numeric(0, 3, 8)) {
    return taken;
  }
  word += '\\';
  word += rest.front();
  return 1;
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view stripped(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char open = 0;  // the quote that is not closed yet
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\' && at + 1 < text.size()) {
      in_word = true;
      at += unescape(text.substr(at + 1), word);
    } else if (open != 0) {
      if (c == open)
        open = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      in_word = true;
      open = c;
    } else if (!is_blank(c)) {
      in_word = true;
      word += c;
    } else if (in_word) {
      words.push_back(std::move(word));
      word.clear();
      in_word = false;
    }
  }
  if (open != 0) return {};
  if (in_word) words.push_back(std::move(word));
  return words;
}

bool is_yes(std::string_view value) {
  constexpr std::array<std::string_view, 6> kWords{"yes", "true", "on", "1", "y", "t"};
  return std::find(kWords.begin(), kWords.end(), value) != kWords.end();
}

bool is_no(std::string_view value) {
  constexpr std::array<std::string_view, 6> kWords{"no", "false", "off", "0", "n", "f"};
  return value.empty() || std::find(kWords.begin(), kWords.end(), value) != kWords.end();
}

std::optional<std::string> configured(std::string_view text, std::string_view key) {
  std::optional<std::string> found;
  for (auto line : lines_of(text)) {
    line = stripped(line);
    if (line.starts_with("export ")) line = stripped(line.substr(7));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    if (line.empty() || (!is_blank(line.front()) && line.front() != '=' && line.front() != ':'))
      continue;
    line = stripped(line);
    if (!line.empty() && (line.front() == '=' || line.front() == ':'))
      line = stripped(line.substr(1));
    if (line.empty()) continue;
    if (line.front() == '"' || line.front() == '\'') {
      const auto end = line.find(line.front(), 1);
      if (end != std::string_view::npos) found = line.substr(1, end - 1);
    } else {
      const auto end = line.find_first_of(" \t;#");
      if (end != 0) found = line.substr(0, end);
    }
  }
  return found;
}

}  // namespace guard::machine
