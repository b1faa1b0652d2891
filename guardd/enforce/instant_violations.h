// Judges notices that are violations whatever follows: a file was written, read, deleted, or its
// attributes were changed. Reports repeated acts once. Looks at the object only where it must. Runs
// on the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "guardd/host/clock.h"
#include "guardd/sources/source.h"
#include "guardd/who/acting_process.h"
#include "policy/policy_set.h"
#include "policy/record/record.h"

namespace guard {

class InstantViolations {
 public:
  // A process that repeats its act is reported again after this time.
  static constexpr auto kSame = std::chrono::seconds(10);
  static constexpr std::size_t kMost = 4'000;

  // Whether notices of this kind are needed for instant violations only.
  static bool is_instant(Notice::Kind kind);
  // Whether a guard of the policy covers what the notice says.
  static bool is_guarded(const Notice& notice, const Policy& policy);

  // The path of the violation is relative to the tree.
  std::optional<Violation> judge(const PolicySet& set, const Notice& notice,
                                 const ActingProcess& who, SteadyTime now);

 private:
  bool was_reported(const std::string& what, SteadyTime now);

  std::unordered_map<std::string, SteadyTime> reported_;
};

}  // namespace guard
