// Reloads that were asked for: one after the other, read behind the loop's back. Whoever asks while
// one is being read is answered by the next, for what it has in mind may have been written since.
// One thread: the daemon's loop.
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
  using Read = std::function<RulesRead()>;                // on a thread
  using TakeOver = std::function<ReloadNews(RulesRead)>;  // on the loop
  using Done = std::function<void(const ReloadNews&)>;

  // `prepare`: makes on the loop what reads on a thread.
  Reloader(BackgroundJobs& jobs, std::function<Read()> prepare, TakeOver take_over)
      : jobs_(jobs), prepare_(std::move(prepare)), take_over_(std::move(take_over)) {}

  // `done` is always told, be it that there was no room.
  void ask(Done done);

 private:
  void begin();
  void end(RulesRead read);

  BackgroundJobs& jobs_;
  std::function<Read()> prepare_;
  TakeOver take_over_;
  bool is_reading_ = false;
  std::vector<Done> served_;  // by the one that is being read
  std::vector<Done> asked_;   // by the next
};

}  // namespace guard
