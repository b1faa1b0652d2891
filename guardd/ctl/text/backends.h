// What each backend can do on this machine, for check and explain.
#pragma once

#include <array>
#include <string>

#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/terminal.h"
#include "policy/words.h"

namespace guard::ctl {

struct BackendSupport {
  Backend backend = Backend::kLsm;
  bool usable = false;
  bool tried = true;   // false: not known yet
  std::string state;   // one or two words: "works", "refused"
  std::string text;    // one sentence with the reason
  std::string repair;  // what to do about it, or empty
};

// Tries the backends, as far as the caller is permitted. Indexed by Backend.
std::array<BackendSupport, 2> probe_backends();

std::string backends_text(const Terminal& terminal, const std::array<BackendSupport, 2>& backends);
Json backends_json(const std::array<BackendSupport, 2>& backends);

}  // namespace guard::ctl
