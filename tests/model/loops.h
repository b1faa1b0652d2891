// What an adversary of the model test goes on doing while others act: races.
#pragma once

#include <sys/types.h>

#include "tests/model/script.h"

namespace guard::test {

bool is_loop(const Step& step);

// Starts a process that does it until its time is over.
//   swap A B MS       exchanges two names
//   spin A B C MS     as soon as A exists: renames A to B and C to A
//   relink A B MS     makes B a symbolic link to A, and a hard link to A, and removes it
//   flip FILE MS      opens the file with openat2 while another thread changes the flags of the
//   call
pid_t start_loop(const Step& step);

}  // namespace guard::test
