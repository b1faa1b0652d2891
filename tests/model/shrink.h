// Makes a script that breaks the promise shorter: leaves out what is not needed for that, and
// replays the rest. A race needs several tries.
#pragma once

#include <chrono>

#include "tests/model/world.h"

namespace guard::test {

struct Shrunk {
  Script script;
  Outcome outcome;
  int replays = 0;
  bool is_confirmed = false;  // it happened again at least once
};

Shrunk shrink(World& world, Script script, Outcome outcome, std::chrono::seconds time);

}  // namespace guard::test
