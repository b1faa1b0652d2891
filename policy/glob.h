// Patterns over paths relative to a tree: "conf/keystore", "cache/**", "**/*.{key,pem}".
//
//   *       any characters of one name, also none        ?     one character of a name
//   [a-z]   one of these, [!a-z] none of these           {a,b} either of these
//   **      as a whole name: any number of directories; at the end: everything below
//   \       the next character as it stands              .     alone: the tree's own root
//
// A leading dot is a character like any other. A pattern matches the whole path or not at all.
// Immutable after compile(); matches() never allocates, takes time in proportion to the length of
// the path whatever the pattern, and may be called from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/result.h"

namespace guard {

class Glob {
 public:
  // The error says what is wrong and at which character.
  static Result<Glob> compile(std::string_view pattern);

  bool matches(std::string_view relative_path) const;
  const std::string& pattern() const { return pattern_; }

  // The directory below which everything it matches lies, as far as that is written literally:
  // "conf/" of "conf/*.key", "" of "**/x".
  std::string_view literal_directory() const;

  // Whether every path that `inner` matches is matched by `outer`. No is also the answer when
  // finding out would take too long: a lint stays silent rather than guess.
  static bool covers(const Glob& outer, const Glob& inner);
  // The same for many pairs, which together look at `work` steps at most.
  static bool covers(const Glob& outer, const Glob& inner, std::size_t& work);

 private:
  friend class ReversedPatterns;  // backwards.h: reads the steps from the last to the first

  // A Thompson automaton. One step consumes one character; the two splits consume none.
  enum class Op : std::uint8_t { kCharacter, kInName, kAnything, kSet, kSplit, kJump, kMatch };
  struct Step {
    Op op;
    std::uint32_t value = 0;  // the character, the set, or where to go
    std::uint32_t other = 0;  // kSplit: the second way
  };
  struct Range {
    std::uint32_t first;
    std::uint32_t last;
  };
  struct Set {
    bool negated = false;
    std::vector<Range> ranges;
  };
  class Compiler;
  class Threads;

  // Most patterns are one of the first three and never take a step: "a/b", "a/**", "**/*.b". The
  // fourth, "**/" and a name, takes them along the last name only.
  enum class Shape : std::uint8_t { kLiteral, kBelow, kSuffix, kName, kGeneral };

  bool consumes(const Step& step, std::uint32_t character) const;
  std::vector<std::uint32_t> characters_told_apart(const Glob& other) const;

  std::string pattern_;
  Shape shape_ = Shape::kGeneral;
  std::string head_;  // what a matching path begins with: all of it, where it is kLiteral
  std::string tail_;  // what it ends with
  std::vector<Step> steps_;
  std::vector<Set> sets_;
};

}  // namespace guard
