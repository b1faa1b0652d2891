// All patterns of one policy as one table over paths read backwards, for the LSM programs: they
// walk from an object up to the tree's root and can only look things up. Says which exclude or rule
// applies; judge.h says what that means. Immutable once built; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_set.h"

namespace guard {

struct Automaton {
  static constexpr std::uint16_t kPolicy = 0;     // no pattern applies: the policy's own terms
  static constexpr std::uint16_t kExcluded = 1;   // not guarded
  static constexpr std::uint16_t kFirstRule = 2;  // + index of the rule in policy.rules

  struct State {
    std::uint16_t label = kPolicy;  // of a path that ends here
    std::array<std::uint16_t, 256> next{};
  };
  std::vector<State> states;  // reading begins in the first
  bool ascii_only = false;    // it cannot answer for a path with a byte >= 0x80

  // Reads the last byte first, as the kernel does. The empty path is the tree's root.
  std::uint16_t label_of(std::string_view relative_path) const;
};

// Finds what at_path() in judge.cc finds: an exclude, else the first rule, else neither. A rule
// that is off keeps its label. `nested` are the relative paths of other trees inside this one: they
// and everything below them are excluded. None if that takes too many states or too much work.
std::optional<Automaton> automaton_of(const Policy& policy, const std::vector<std::string>& nested,
                                      std::size_t most = 4096);

}  // namespace guard
