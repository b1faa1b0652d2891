// One function a verb: takes what was asked, prints the answer, returns the exit status.
#pragma once

#include "guardd/ctl/command_line.h"

namespace guard::ctl {

int check(const Options& options, const CheckOptions& asked);
int list(const Options& options, const ListOptions& asked);
int show(const Options& options, const ShowOptions& asked);
int explain(const Options& options, const ExplainOptions& asked);
int export_trail(const Options& options, const ExportOptions& asked);

}  // namespace guard::ctl
