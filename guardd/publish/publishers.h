// Several publishers as one: whatever is told is told to each, in the order they were added. Owns
// none of them. The daemon's thread only.
#pragma once

#include <vector>

#include "guardd/publish/publisher.h"

namespace guard {

class Publishers final : public Publisher {
 public:
  void add(Publisher& publisher) { all_.push_back(&publisher); }

  void incident_opened(const Incident& incident) noexcept override;
  void violation(const Violation& violation, const Incident& incident) noexcept override;
  void incident_closed(const Incident& incident) noexcept override;
  void ready(const ReadyNews& news) noexcept override;
  void reload(const ReloadNews& news) noexcept override;
  void health(const HealthNews& news) noexcept override;
  void excuse(const ExcuseNews& news) noexcept override;
  void manual_repair(const ManualRepairNews& news) noexcept override;
  void stop(const StopNews& news) noexcept override;

 private:
  std::vector<Publisher*> all_;
};

}  // namespace guard
