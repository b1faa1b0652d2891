// The memory that guardd's start takes and what follows does not need.
#pragma once

namespace guard {

// Gives free memory, and pages of programs and libraries, back to the kernel. What is needed again
// is still in the page cache.
void release_memory_of_start();

}  // namespace guard
