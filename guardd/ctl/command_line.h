// The command line of guardctl: verbs, arguments and options.
#pragma once

namespace guard::ctl {

// Parses it and runs the verb. Returns the exit status.
int run_command_line(int argc, char** argv);

}  // namespace guard::ctl
