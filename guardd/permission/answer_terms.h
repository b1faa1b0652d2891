// What all threads that answer opens have to know. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "guardd/permission/decision.h"

namespace guard {

class AnswerTerms {
 public:
  explicit AnswerTerms(bool denies_opens) : denies_opens_(denies_opens) {}

  // Whether the LSM denies opens: then only files to be fixed at open wait for an answer.
  bool denies_opens() const { return denies_opens_; }

  void use_settings(const AnswerSettings& settings) {
    const std::lock_guard lock(mutex_);
    settings_ = settings;
  }
  AnswerSettings settings() const {
    const std::lock_guard lock(mutex_);
    return settings_;
  }

  // Files that denied opens have made. Until they are removed, only their owners may open them.
  void begin_removal() { ++removals_; }
  void end_removal() { --removals_; }
  bool has_removals() const { return removals_ > 0; }

 private:
  const bool denies_opens_;
  mutable std::mutex mutex_;  // of the settings
  AnswerSettings settings_;
  std::atomic<std::uint32_t> removals_ = 0;
};

}  // namespace guard
