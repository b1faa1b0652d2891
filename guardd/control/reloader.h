// Reloads settings and policies on request, one reload at a time, and reads them on a thread. A
// request that arrives during a reload gets the next one, because the files may have changed since.
// Runs on the daemon's loop.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "guardd/base/background_jobs.h"
#include "guardd/base/rules.h"
#include "guardd/publish/publisher.h"

namespace guard {

class Reloader {
 public:
  using Completion = std::function<void(const ReloadNews&)>;
  using Read = std::function<RulesRead()>;  // on a thread
  // On the loop; the completion is called then or later.
  using TakeOver = std::function<void(RulesRead, Completion)>;

  // `prepare` runs on the loop and returns the function that reads.
  Reloader(BackgroundJobs& jobs, std::function<Read()> prepare, TakeOver take_over)
      : jobs_(jobs), prepare_(std::move(prepare)), take_over_(std::move(take_over)) {}

  // Always calls `done`, with an error if too many requests wait.
  void ask(Completion done);

 private:
  void begin();
  void end(RulesRead read);

  BackgroundJobs& jobs_;
  std::function<Read()> prepare_;
  TakeOver take_over_;
  bool is_reading_ = false;
  std::vector<Completion> served_;   // requests of the current reload
  std::vector<Completion> waiting_;  // requests of the next one
};

}  // namespace guard
