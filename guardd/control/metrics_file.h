// Keeps a metrics file up to date for collectors like node_exporter. A background job writes it,
// because a disk may be slow. Readers never see a half-written file. Runs on the daemon's loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "guardd/base/background_jobs.h"
#include "guardd/host/clock.h"
#include "policy/base/result.h"

namespace guard {

// Replaces whatever is at the path. All users can read the new file.
Status replace_file(const std::string& path, const std::string& text);

class MetricsFile {
 public:
  static constexpr auto kEvery = std::chrono::seconds(15);  // as often as Prometheus usually asks

  explicit MetricsFile(BackgroundJobs& jobs) : jobs_(jobs) {}

  // Empty: stops writing. The old file stays.
  void set_path(const std::string& path);
  std::optional<SteadyTime> next() const { return due_; }
  void work(SteadyTime now, const std::function<std::string()>& text);
  // Why the last write failed; empty if it worked.
  const std::string& trouble() const { return state_->trouble; }

 private:
  // Shared with the job that writes.
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
