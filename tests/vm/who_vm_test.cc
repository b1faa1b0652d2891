// Identifies processes on each kernel.
#include "tests/root/who_cases.h"
