// Keeps a file up to date for who collects metrics from files: node_exporter, above all. It is
// written by an errand, for a disk may be slow, and never seen half written. One thread: the
// daemon's loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "guardd/base/background_jobs.h"
#include "guardd/host/clock.h"
#include "policy/base/result.h"

namespace guard {

// What is at the path is replaced, whatever it is; readable by everybody.
Status replace_file(const std::string& path, const std::string& text);

class MetricsFile {
 public:
  static constexpr auto kEvery = std::chrono::seconds(15);  // as often as Prometheus usually asks

  explicit MetricsFile(BackgroundJobs& jobs) : jobs_(jobs) {}

  // Empty: there is none any more. What was written before stays, for whoever wants it gone.
  void set_path(const std::string& path);
  std::optional<SteadyTime> next() const { return due_; }
  void work(SteadyTime now, const std::function<std::string()>& text);
  // Why it could not be written the last time; empty: it could.
  const std::string& trouble() const { return state_->trouble; }

 private:
  // Outlives this while it is being written.
  struct State {
    bool is_writing = false;
    std::string trouble;
  };

  BackgroundJobs& jobs_;
  std::string path_;
  std::optional<SteadyTime> due_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace guard
