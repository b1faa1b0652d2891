// A fix of one file, with its ownership before and after: what an undo needs. A value.
#pragma once

#include <chrono>
#include <string>

#include "policy/base/ids.h"
#include "policy/record/record.h"

namespace guard {

struct Fix {
  std::chrono::system_clock::time_point time;
  std::string incident{};
  std::string policy{};
  std::string path;  // absolute
  InodeId object;
  Ownership before;
  Ownership after;
};

}  // namespace guard
