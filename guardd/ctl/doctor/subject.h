// Who this program is, as guardd will see it: for foretelling what becomes of what it does. Labels
// are not known here: they follow from programs that only guardd knows.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "policy/change.h"

namespace guard::doctor {

class OwnSubject {
 public:
  OwnSubject();
  OwnSubject(const OwnSubject&) = delete;
  OwnSubject& operator=(const OwnSubject&) = delete;

  // Good as long as this lives.
  Subject view() const;

 private:
  Process process(const std::string& pid);

  std::vector<Gid> groups_;
  std::deque<std::string> units_;
  std::vector<Process> processes_;  // itself first
  bool has_terminal_ = false;
};

}  // namespace guard::doctor
