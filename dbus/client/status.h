// How guardd and its policies are, as their properties say. A property that is not there has its
// default here, one that is not known is left out, one of another type is an error. Pure.
#pragma once

#include <vector>

#include "dbus/client/value.h"
#include "dbus/facts.h"
#include "policy/base/result.h"

namespace guard::bus {

Result<Facts> facts_in(const Map& properties);

// Of the objects that an ObjectManager tells of, by name.
Result<std::vector<PolicyFacts>> policies_in(const Map& objects);

}  // namespace guard::bus
