// Reads the state of guardd and its policies from their properties. A missing property has its
// default value, an unknown one is ignored, and one of another type is an error. Pure.
#pragma once

#include <vector>

#include "dbus/client/value.h"
#include "dbus/facts.h"
#include "policy/base/result.h"

namespace guard::bus {

Result<Facts> facts_in(const Map& properties);

// The policies among the objects of an ObjectManager, by name.
Result<std::vector<PolicyFacts>> policies_in(const Map& objects);

}  // namespace guard::bus
