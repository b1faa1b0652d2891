// Patterns over paths relative to a tree: "conf/keystore", "cache/**", "**/*.{key,pem}".
//
//   *       any characters of one name, or none          ?     one character of a name
//   [a-z]   one of these; [!a-z] none of these           {a,b} one of these alternatives
//   **      as a whole name: any number of directories; at the end: everything below
//   \       the next character, literally                .     alone: the root of the tree
//
// A leading dot has no special meaning. A pattern matches the whole path or nothing. Immutable
// after compile(). matches() never allocates, takes time in proportion to the length of the path
// for any pattern, and can be called from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/result.h"

namespace guard {

class Glob {
 public:
  // The error names the problem and the character.
  static Result<Glob> compile(std::string_view pattern);

  bool matches(std::string_view relative_path) const;
  const std::string& pattern() const { return pattern_; }

  // The literal directory below which all matches lie:
  // "conf/" for "conf/*.key", "" for "**/x".
  std::string_view literal_directory() const;

  // Whether `outer` matches every path that `inner` matches. Also false if the comparison would
  // take more than `work` steps, a budget that many pairs share: lint stays silent rather than
  // guess.
  static bool covers(const Glob& outer, const Glob& inner, std::size_t& work);

 private:
  friend class ReversedPatterns;  // reads the steps from the last to the first

  // A Thompson automaton. A step consumes one character; the two kinds of split consume none.
  enum class Op : std::uint8_t { kCharacter, kInName, kAnything, kSet, kSplit, kJump, kMatch };
  struct Step {
    Op op;
    std::uint32_t value = 0;  // the character, the set, or the next step
    std::uint32_t other = 0;  // kSplit: the second branch
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

  // Most patterns are one of the first three, which need no steps: "a/b", "a/**", "**/*.b". The
  // fourth, "**/" and a name, runs its steps on the last name only.
  enum class Shape : std::uint8_t { kLiteral, kBelow, kSuffix, kName, kGeneral };

  bool consumes(const Step& step, std::uint32_t character) const;
  std::vector<std::uint32_t> characters_told_apart(const Glob& other) const;

  std::string pattern_;
  Shape shape_ = Shape::kGeneral;
  std::string head_;  // the start of a matching path; the whole path if kLiteral
  std::string tail_;  // the end of a matching path
  std::vector<Step> steps_;
  std::vector<Set> sets_;
};

}  // namespace guard
