// All patterns of one policy as one table over paths read backwards, for the program in the kernel:
// it walks from an object up to the tree's root and can do nothing but look things up. Says which
// exclude or rule applies, never what that means: judge.h does. Immutable once made, any thread.
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
  static constexpr std::uint16_t kExcluded = 1;   // nothing is guarded there
  static constexpr std::uint16_t kFirstRule = 2;  // + index of the rule in policy.rules

  struct State {
    std::uint16_t label = kPolicy;  // of the path that ends here
    std::array<std::uint16_t, 256> next{};
  };
  std::vector<State> states;  // reading begins in the first
  bool ascii_only = false;    // it does not know the answer for a path with a byte >= 0x80

  // As the kernel does it: the last byte first. The empty path is the tree's root.
  std::uint16_t label_of(std::string_view relative_path) const;
};

// What at_path() in judge.cc would find: an exclude, else the first rule, else neither. A rule that
// is off keeps its label. `nested` are the relative paths of other trees inside this one: they and
// what is below them are excluded. None if it takes too many states, or too long to find out:
// whoever asks decides without it then.
std::optional<Automaton> automaton_of(const Policy& policy, const std::vector<std::string>& nested,
                                      std::size_t most = 4096);

}  // namespace guard
