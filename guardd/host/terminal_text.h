// Text for a terminal: colours, columns and line breaks. Pure except for detect(). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace guard {

enum class Tone : std::uint8_t { kPlain, kStrong, kFaint, kGood, kOdd, kBad };

class Colours {
 public:
  explicit Colours(bool enabled = false) : enabled_(enabled) {}

  // Enabled on a terminal that is not dumb, unless NO_COLOR is set.
  static Colours detect(int fd);

  std::string operator()(Tone tone, std::string_view text) const;

 private:
  bool enabled_;
};

inline constexpr std::size_t kLineWidth = 80;

// The number of columns of a text without colours.
std::size_t columns_of(std::string_view text);

// Shortens a text to at most this many columns, in the middle ("/a/very/…/long/path") or at the
// end.
std::string shortened_middle(std::string_view text, std::size_t columns);
std::string shortened(std::string_view text, std::size_t columns);

// Breaks a sentence into lines. The first line begins after `before` columns of other text, later
// lines are indented.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t before,
                    std::size_t width = kLineWidth);

// "1 policy", "12,000 policies"
std::string counted(std::uint64_t count, std::string_view one, std::string_view many);
std::string grouped(std::uint64_t number);

}  // namespace guard
