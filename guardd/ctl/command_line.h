// The command line of guardctl: which verb, on what, shown how.
#pragma once

namespace guard::ctl {

// Parses it and runs the verb. The exit status.
int run_command_line(int argc, char** argv);

}  // namespace guard::ctl
