// This process as guardd will see it, to predict what guardd does about its changes. Without
// labels: only guardd knows the programs that have them.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "policy/change.h"

namespace guard::doctor {

using machine::Machine;

class OwnSubject {
 public:
  explicit OwnSubject(const Machine& machine);
  OwnSubject(const OwnSubject&) = delete;
  OwnSubject& operator=(const OwnSubject&) = delete;

  // Valid as long as this object.
  Subject view() const;

 private:
  Process process(const Machine& machine, const std::string& pid);

  std::vector<Gid> groups_;
  std::deque<std::string> units_;
  std::vector<Process> processes_;  // itself first
  bool has_terminal_ = false;
};

}  // namespace guard::doctor
