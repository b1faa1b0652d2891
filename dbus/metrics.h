// The state of guardd as text for Prometheus and compatible tools. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "dbus/facts.h"

namespace guard::bus {

std::string open_metrics(const Facts& facts, const std::vector<PolicyFacts>& policies);
// The same in the older text format, the only one that node_exporter accepts from a file.
std::string prometheus_text(const Facts& facts, const std::vector<PolicyFacts>& policies);

}  // namespace guard::bus
