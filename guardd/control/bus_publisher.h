// Publishes on the bus. Never waits. Runs on the daemon's loop.
#pragma once

#include "dbus/service/service.h"
#include "guardd/publish/publisher.h"

namespace guard {

class BusPublisher final : public Publisher {
 public:
  explicit BusPublisher(bus::Service& service) : service_(service) {}

  void incident_opened(const Incident& incident) noexcept override {
    service_.incident_opened(incident);
  }
  void violation(const Violation& violation, const Incident& /*incident*/) noexcept override {
    service_.violation(violation);
  }
  void fixed_files(const Violation& first, const FixedFiles& /*files*/,
                   const Incident& /*incident*/) noexcept override {
    service_.counted(first);
  }
  void incident_closed(const Incident& incident) noexcept override {
    service_.incident_closed(incident);
  }
  void ready(const ReadyNews& /*news*/) noexcept override { service_.changed(); }
  void reload(const ReloadNews& news) noexcept override {
    if (news.done) service_.reloaded();
  }
  void health(const HealthNews& /*news*/) noexcept override { service_.changed(); }
  void stop(const StopNews& /*news*/) noexcept override { service_.stop(); }

 private:
  bus::Service& service_;
};

}  // namespace guard
