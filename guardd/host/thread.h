// Starts a thread that receives no signals: they are for the event loop. The caller joins or
// detaches it. `what` names the thread in an error.
#pragma once

#include <pthread.h>

#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include "policy/base/result.h"

namespace guard {

template <typename Run>
Result<std::thread> start_without_signals(const char* what, Run run) {
  sigset_t all;
  sigset_t before;
  (void)::sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  int code = 0;
  try {
    thread = std::thread(std::move(run));
  } catch (const std::system_error& failure) {
    code = failure.code().value();
  }
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!thread.joinable()) return Error::from_errno(code, what);
  return thread;
}

}  // namespace guard
