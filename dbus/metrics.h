// How guardd stands, as OpenMetrics text: for Prometheus and whatever else reads it. Pure; any
// thread.
#pragma once

#include <string>
#include <vector>

#include "dbus/facts.h"

namespace guard::bus {

std::string open_metrics(const Facts& facts, const std::vector<PolicyFacts>& policies);

}  // namespace guard::bus
