// How guardd stands, as text for Prometheus and whatever else reads it. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "dbus/facts.h"

namespace guard::bus {

std::string open_metrics(const Facts& facts, const std::vector<PolicyFacts>& policies);
// The same in the format of before OpenMetrics, which is all that node_exporter takes from a file.
std::string prometheus_text(const Facts& facts, const std::vector<PolicyFacts>& policies);

}  // namespace guard::bus
