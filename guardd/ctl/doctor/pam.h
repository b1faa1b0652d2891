// The session part of a PAM stack as pam(8) would run it: what is included is in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guardd/ctl/doctor/machine.h"

namespace guard::doctor {

struct PamLine {
  std::string module;  // "pam_loginuid.so"
  std::string file;
  std::size_t line = 0;

  std::string place() const { return file + ':' + std::to_string(line); }
};

// An error: the service's own file cannot be read; ENOENT: it has none.
Result<std::vector<PamLine>> pam_session(const Machine& machine, const std::string& service);

// Null where the module is not in the stack.
const PamLine* find_module(const std::vector<PamLine>& stack, std::string_view module);

}  // namespace guard::doctor
