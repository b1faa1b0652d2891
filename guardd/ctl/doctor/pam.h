// The session part of a PAM stack as pam(8) runs it, with included files.
#pragma once

#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"

namespace guard::doctor {

using machine::Machine;

struct PamLine {
  std::string module;  // "pam_loginuid.so"
  std::string file;
  std::size_t line = 0;

  std::string place() const { return file + ':' + std::to_string(line); }
};

// Fails if the service's own file cannot be read; with ENOENT if there is none.
Result<std::vector<PamLine>> pam_session(const Machine& machine, const std::string& service);

// Null if the module is not in the stack.
const PamLine* find_module(const std::vector<PamLine>& stack, std::string_view module);

}  // namespace guard::doctor
