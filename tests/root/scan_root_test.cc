#include "guardd/sources/scan.h"
#include <gtest/gtest.h>
