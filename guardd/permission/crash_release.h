// The ways out on which nobody may be left waiting. Whoever dies by a signal closes all groups
// first: writing a core takes longer than anybody should wait.
#pragma once

namespace guard {

void release_opens_on_fatal_signals();
[[noreturn]] void release_opens_and_die(const char* why) noexcept;

}  // namespace guard
