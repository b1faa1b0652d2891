// Attacks that once worked, or that the design names: always run first.
#pragma once

#include <string>
#include <vector>

#include "tests/model/world.h"

namespace guard::test {

struct Episode {
  const char* name;
  const char* script;
  World::Options options = {};
  const char* backend = nullptr;  // only with this one; null: with every one
};

const std::vector<Episode>& episodes();

}  // namespace guard::test
