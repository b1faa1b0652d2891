// The glob automaton against a matcher that is too simple to be wrong: braces are written out, then
// each alternative is tried name by name and character by character. Input: two patterns and a
// path, one on each line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/text.h"
#include "policy/glob.h"

namespace {

using Text = std::u32string;  // characters; bytes that are none as kBadByte + their value

constexpr std::size_t kLongestPattern = 40;
constexpr std::size_t kLongestPath = 40;
constexpr std::size_t kMostAlternatives = 64;
constexpr std::size_t kMostTries = 200'000;
constexpr std::size_t kMostWork = 100'000;  // for one question whether a pattern covers another

// Marks where braces were: a '*' inside them and a '*' after them are not "**".
constexpr char32_t kSeam = 0x120000;

Text characters(std::string_view bytes) {
  Text text;
  while (!bytes.empty()) {
    const auto point = guard::decode_utf8(bytes);
    text += static_cast<char32_t>(point.value);
    bytes.remove_prefix(point.length);
  }
  return text;
}

// The end of the set that begins at `at`: the position after its ']'.
std::size_t end_of_set(const Text& pattern, std::size_t at) {
  auto i = at + 1;
  if (i < pattern.size() && (pattern[i] == U'!' || pattern[i] == U'^')) ++i;
  for (bool first = true; i < pattern.size(); ++i, first = false) {
    if (pattern[i] == U']' && !first) return i + 1;
    if (pattern[i] == U'\\') ++i;
  }
  return pattern.size();
}

// The position after the element at `at`: an escaped character, a set, or a single character.
std::size_t end_of_element(const Text& pattern, std::size_t at) {
  if (pattern[at] == U'\\') return std::min(at + 2, pattern.size());
  if (pattern[at] == U'[') return end_of_set(pattern, at);
  return at + 1;
}

// Expands the braces: returns all patterns without braces.
bool write_out(const Text& pattern, std::vector<Text>& all) {
  std::size_t open = 0;
  while (open < pattern.size() && pattern[open] != U'{') open = end_of_element(pattern, open);
  if (open == pattern.size()) {
    all.push_back(pattern);
    return all.size() <= kMostAlternatives;
  }
  std::vector<Text> alternatives(1);
  std::size_t depth = 1;
  auto at = open + 1;
  while (at < pattern.size()) {
    const auto c = pattern[at];
    const auto end = end_of_element(pattern, at);
    if (c == U'{') ++depth;
    if (c == U'}' && --depth == 0) break;
    if (c == U',' && depth == 1) {
      alternatives.emplace_back();
    } else {
      alternatives.back() += pattern.substr(at, end - at);
    }
    at = end;
  }
  return std::all_of(alternatives.begin(), alternatives.end(), [&](const Text& alternative) {
    return write_out(pattern.substr(0, open) + kSeam + alternative + kSeam + pattern.substr(at + 1),
                     all);
  });
}

bool is_any_directories(const Text& name) {
  const auto first = name.find_first_not_of(kSeam);
  const auto last = name.find_last_not_of(kSeam);
  return first != Text::npos && name.substr(first, last - first + 1) == U"**";
}

class Reference {
 public:
  bool gave_up() const { return tries_ > kMostTries; }

  bool matches(const std::vector<Text>& pattern, const std::vector<Text>& path) {
    return names(pattern, 0, path, 0);
  }

 private:
  bool names(const std::vector<Text>& pattern, std::size_t p, const std::vector<Text>& path,
             std::size_t n) {
    if (++tries_ > kMostTries) return false;
    if (p == pattern.size()) return n == path.size();
    if (is_any_directories(pattern[p])) {
      if (p + 1 == pattern.size()) return n < path.size();  // everything below
      for (auto skip = n; skip <= path.size(); ++skip)
        if (names(pattern, p + 1, path, skip)) return true;
      return false;
    }
    return n < path.size() && name(pattern[p], 0, path[n], 0) && names(pattern, p + 1, path, n + 1);
  }

  bool name(const Text& pattern, std::size_t p, const Text& text, std::size_t t) {
    if (++tries_ > kMostTries) return false;
    if (p == pattern.size()) return t == text.size();
    if (pattern[p] == kSeam) return name(pattern, p + 1, text, t);
    if (pattern[p] == U'*')
      return name(pattern, p + 1, text, t) || (t < text.size() && name(pattern, p, text, t + 1));
    if (t == text.size()) return false;
    const auto next = end_of_element(pattern, p);
    bool fits = false;
    if (pattern[p] == U'?') {
      fits = true;
    } else if (pattern[p] == U'[') {
      fits = in_set(pattern.substr(p + 1, next - p - 2), text[t]);
    } else {
      fits = pattern[pattern[p] == U'\\' ? p + 1 : p] == text[t];
    }
    return fits && name(pattern, next, text, t + 1);
  }

  static bool in_set(Text set, char32_t c) {
    const bool negated = set[0] == U'!' || set[0] == U'^';
    if (negated) set.erase(0, 1);
    std::size_t at = 0;
    const auto member = [&] {
      if (set[at] == U'\\') ++at;
      return set[at++];
    };
    while (at < set.size()) {
      const auto low = member();
      auto high = low;
      if (at + 1 < set.size() && set[at] == U'-') {
        ++at;
        high = member();
      }
      if (low <= c && c <= high) return !negated;
    }
    return negated;
  }

  std::size_t tries_ = 0;
};

std::vector<Text> split(const Text& text) {
  std::vector<Text> names(1);
  for (std::size_t i = 0; i < text.size();) {
    const auto end = end_of_element(text, i);
    if (text[i] == U'/') {
      names.emplace_back();
    } else {
      names.back() += text.substr(i, end - i);
    }
    i = end;
  }
  return names;
}

std::vector<Text> split_path(const Text& text) {
  std::vector<Text> names(1);
  for (const auto c : text) {
    if (c == U'/') {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  return names;
}

// A path as the kernel returns it: no empty names, no '.', no '..'.
bool is_normal(const std::string& path) {
  for (const auto& name : split_path(characters(path)))
    if (name.empty() || name == U"." || name == U"..") return false;
  return path.find('\0') == std::string::npos;
}

std::string next_line(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  std::string line(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

[[noreturn]] void fail(const char* what, const std::string& first, const std::string& second,
                       const std::string& path) {
  std::cerr << what << ": " << guard::quote(first) << " " << guard::quote(second) << " "
            << guard::quote(path) << '\n';
  std::abort();
}

void compare(const std::string& pattern, const guard::Glob& glob, const std::string& path) {
  if (pattern == ".") return;  // the tree's own root, which has no name
  std::vector<Text> all;
  if (!write_out(characters(pattern), all)) return;
  bool expected = false;
  for (const auto& one : all) {
    Reference reference;
    expected = expected || reference.matches(split(one), split_path(characters(path)));
    if (reference.gave_up()) return;
  }
  if (glob.matches(path) != expected)
    fail(expected ? "does not match" : "matches", pattern, "", path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto first = next_line(rest);
  const auto second = next_line(rest);
  const std::string path(rest);
  const auto one = guard::Glob::compile(first);
  const auto two = guard::Glob::compile(second);
  if (one) (void)one->matches(path);
  if (!is_normal(path)) return 0;

  if (path.size() <= kLongestPath) {
    if (one && first.size() <= kLongestPattern) compare(first, *one, path);
    if (two && second.size() <= kLongestPattern) compare(second, *two, path);
  }
  if (!one || !two) return 0;
  auto work = kMostWork;
  if (guard::Glob::covers(*one, *two, work) && two->matches(path) && !one->matches(path))
    fail("is said to cover", first, second, path);
  work = kMostWork;
  if (guard::Glob::covers(*two, *one, work) && one->matches(path) && !two->matches(path))
    fail("is said to cover", second, first, path);
  return 0;
}
