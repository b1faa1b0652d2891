// The request process itself: carries out one request of a user, a scan, a fix or an undo, and
// ends.
#pragma once

#include "guardd/helpers/process.h"
#include "guardd/helpers/role.h"

namespace guard {

extern const HelperRole kRequestRole;

// The whole of the process: returns its exit status.
int serve_request();

Result<HelperProcess> start_request_helper();

}  // namespace guard
