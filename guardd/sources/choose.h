// Chooses the backend on this machine: tries the wanted one and says why it is not available. One
// thread: the daemon's loop, at its start.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "guardd/base/config.h"
#include "guardd/permission/responder.h"
#include "guardd/sources/permission_marks.h"
#include "guardd/sources/source.h"
#include "guardd/who/processes.h"

namespace guard {

struct ChosenSource {
  Backend backend = Backend::kFanotify;
  // Once chosen, neither of these two is null.
  std::unique_ptr<PermissionResponder> responder;
  std::unique_ptr<ChangeSource> source;
  std::unique_ptr<PermissionMarks> marks;  // null: the source places them itself
  std::string why_not_lsm;  // one sentence and what to do about it; empty: it was not tried
};

// kAuto takes the best backend that works. Any other choice is that backend, or an error that says
// what is missing. Asks for the processes only after it has tried the LSM. `queues`: see
// FanotifySource.
Result<ChosenSource> choose_source(BackendChoice choice, std::uint32_t queues,
                                   const std::function<Processes&()>& processes);

}  // namespace guard
