// Policies for the verbs that need them, and the complaints where there are none to be had.
#pragma once

#include <memory>

#include "guardd/ctl/screen/complaint.h"
#include "guardd/ctl/screen/options.h"
#include "guardd/host/policy_directories.h"

namespace guard::ctl {

// Errors, and unless quiet warnings, on standard error; with a count at the end if there were
// errors.
void print_diagnostics(const Loaded& loaded, bool quiet);

// From the directories of the options. Null after its errors were printed.
std::shared_ptr<const PolicySet> load_valid(const Options& options);

// "/etc/guardd/policies.d/shop.toml:3", or "default".
std::string place_text(const PolicySet& set, Place place);

}  // namespace guard::ctl
