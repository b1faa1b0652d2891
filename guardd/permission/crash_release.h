// Releases every waiting open when guardd crashes. A fatal signal closes all groups first: writing
// a core takes longer than an open should wait.
#pragma once

namespace guard {

void release_opens_on_fatal_signals();
[[noreturn]] void release_opens_and_die(const char* why) noexcept;

}  // namespace guard
