// Words on a screen: colour only where it belongs, columns counted, sentences broken into lines.
// Pure but for detect(); any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace guard {

enum class Tone : std::uint8_t { kPlain, kStrong, kFaint, kGood, kOdd, kBad };

class Paint {
 public:
  explicit Paint(bool colour = false) : colour_(colour) {}

  // On a terminal that is not dumb, unless NO_COLOR says no.
  static Paint detect(int fd);

  std::string operator()(Tone tone, std::string_view text) const;

 private:
  bool colour_;
};

inline constexpr std::size_t kLineWidth = 80;

// How many columns a text takes, which is not coloured yet.
std::size_t columns_of(std::string_view text);

// At most this many columns of it: "/a/very/…/long/path". What is left out is taken from the
// middle, or from the end.
std::string shortened_middle(std::string_view text, std::size_t columns);
std::string shortened(std::string_view text, std::size_t columns);

// Breaks a sentence into lines. The first stands behind `before` columns of something else, the
// others are indented.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t before,
                    std::size_t width = kLineWidth);

// "1 policy", "12,000 policies"
std::string counted(std::uint64_t count, std::string_view one, std::string_view many);
std::string grouped(std::uint64_t number);

}  // namespace guard
