// Which way the kernel is asked on this machine: tries what is wanted and says why it is not had.
// One thread: the daemon's loop, at its start.
#pragma once

#include <memory>
#include <string>

#include "guardd/base/config.h"
#include "guardd/permission/responder.h"
#include "guardd/sources/lsm_source.h"
#include "guardd/sources/source.h"
#include "guardd/who/processes.h"

namespace guard {

struct ChosenSource {
  Backend backend = Backend::kFanotify;
  std::unique_ptr<PermissionResponder> answers;  // null: no open can be held up, or none has to be
  std::unique_ptr<ChangeSource> source;
  LsmSource* kernel = nullptr;  // the same, where it is one
  std::string why_not_lsm;      // one sentence and what to do about it; empty: it was not tried
};

// With kAuto what works; else the one that is asked for, or an error that says what is missing.
Result<ChosenSource> choose_source(BackendChoice choice, Processes& processes);

}  // namespace guard
