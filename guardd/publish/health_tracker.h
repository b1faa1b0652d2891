// Tracks guardd's health and finds the sentences to publish when it changes: each shortcoming and
// each pause once when it begins and once when it ends. Pure; one thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guardd/publish/publisher.h"

namespace guard {

class HealthTracker {
 public:
  using Pauses = std::map<std::string, std::string>;  // policy name to sentence

  // `disabled`: why no policy is enforced. Returns the sentences to publish now; health() applies
  // to all of them.
  std::vector<std::string> update(const std::optional<std::string>& disabled,
                                  std::vector<std::string> shortcomings, Pauses pauses);

  Health health() const { return health_; }  // the worst that applies now
  std::vector<std::string> reasons() const;

 private:
  Health health_ = Health::kOk;
  std::set<std::string> shortcomings_;
  Pauses pauses_;
};

}  // namespace guard
