// What each backend can do on this machine, for check and explain.
#pragma once

#include <array>
#include <string>

#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/terminal.h"
#include "policy/words.h"

namespace guard::ctl {

struct BackendHere {
  Backend backend = Backend::kLsm;
  bool usable = false;
  bool tried = true;   // false: nobody can say yet
  std::string state;   // one word or two: "works", "refused"
  std::string text;    // one sentence: why
  std::string repair;  // what to do about it; may be empty
};

// By Backend. Tries them, as far as the rights of the caller go.
std::array<BackendHere, 2> probe_backends();

std::string backends_text(const Terminal& terminal, const std::array<BackendHere, 2>& backends);
Json backends_json(const std::array<BackendHere, 2>& backends);

}  // namespace guard::ctl
