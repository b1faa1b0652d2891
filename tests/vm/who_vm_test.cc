// Who a process was, on each kernel.
#include "tests/root/who_cases.h"
