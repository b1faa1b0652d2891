#include "guardd/publish/publishers.h"

namespace guard {

void Publishers::incident_opened(const Incident& incident) noexcept {
  for (auto* each : all_) each->incident_opened(incident);
}

void Publishers::violation(const Violation& violation, const Incident& incident) noexcept {
  for (auto* each : all_) each->violation(violation, incident);
}

void Publishers::incident_closed(const Incident& incident) noexcept {
  for (auto* each : all_) each->incident_closed(incident);
}

void Publishers::ready(const ReadyNews& news) noexcept {
  for (auto* each : all_) each->ready(news);
}

void Publishers::reload(const ReloadNews& news) noexcept {
  for (auto* each : all_) each->reload(news);
}

void Publishers::health(const HealthNews& news) noexcept {
  for (auto* each : all_) each->health(news);
}

void Publishers::excuse(const ExcuseNews& news) noexcept {
  for (auto* each : all_) each->excuse(news);
}

void Publishers::manual_repair(const ManualRepairNews& news) noexcept {
  for (auto* each : all_) each->manual_repair(news);
}

void Publishers::stop(const StopNews& news) noexcept {
  for (auto* each : all_) each->stop(news);
}

}  // namespace guard
