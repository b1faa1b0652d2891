// Loads policies for verbs, and prints their errors.
#pragma once

#include <memory>

#include "guardd/ctl/screen/complaint.h"
#include "guardd/ctl/screen/options.h"
#include "guardd/host/policy_directories.h"

namespace guard::ctl {

// Prints errors on standard error; unless quiet, also warnings and the number of errors.
void print_diagnostics(const LoadResult& loaded, bool quiet);

// Loads the directories of the options. Returns null after printing errors.
std::shared_ptr<const PolicySet> load_valid(const Options& options);

// "/etc/guardd/policies.d/shop.toml:3", or "default".
std::string place_text(const PolicySet& set, Place place);

}  // namespace guard::ctl
