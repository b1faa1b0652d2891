// The repair process: it alone changes files by itself, and it may wait for their file systems. It
// makes the policies again from the texts that the main process has read, carries out orders, and
// says what came of them. Runs in a process of its own; see main.cc.
#pragma once

#include "guardd/helpers/process.h"

namespace guard {

extern const HelperRole kRepairRole;

// Runs until guardd closes the channel. Returns the exit status.
int serve_repairs();
Result<HelperProcess> start_repair_helper();

}  // namespace guard
