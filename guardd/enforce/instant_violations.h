// What somebody did to what is there, as notices tell of it: wrote it, read it, deleted it, changed
// its attributes. A violation whatever comes of it, so it is judged at once; what was done twice is
// told once. Asks a file system only for what has attributes. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "guardd/sources/source.h"
#include "guardd/who/acting_process.h"
#include "policy/policy_set.h"
#include "policy/record/record.h"

namespace guard {

class InstantViolations {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // A process that goes on doing it is told of again after this long.
  static constexpr auto kSame = std::chrono::seconds(10);
  static constexpr std::size_t kMost = 4'000;

  // Which notices tell of nothing else, and need not be asked for where no policy minds.
  static bool is_act(Notice::Kind kind);

  // `is_new`: whoever made it is still at it, so that all of this is about making it. Its path is
  // that in the tree.
  std::optional<Violation> judge(const PolicySet& set, const Notice& notice,
                                 const ActingProcess& who, bool is_new, Time now);

 private:
  bool was_told(const std::string& what, Time now);

  std::unordered_map<std::string, Time> told_;
};

}  // namespace guard
