// Publishes on the bus. Never waits. Runs on the daemon's loop.
#pragma once

#include "dbus/service/service.h"
#include "guardd/publish/publisher.h"
#include "guardd/publish/sentences.h"
#include "policy/base/overloaded.h"

namespace guard {

class BusPublisher final : public Publisher {
 public:
  explicit BusPublisher(bus::Service& service) : service_(service) {}

  void incident_opened(const Incident& incident) noexcept override { publish(incident, false); }
  void violation(const Violation& violation, const Incident& /*incident*/) noexcept override {
    service_.violation(violation);
  }
  void fixed_files(const Violation& first, const FixedFiles& /*files*/,
                   const Incident& /*incident*/) noexcept override {
    service_.counted(first);
  }
  void incident_closed(const Incident& incident) noexcept override { publish(incident, true); }
  void news(News news) noexcept override {
    std::visit(Overloaded{[this](const ReloadNews* reload) {
                            if (reload->done) service_.reloaded();
                          },
                          [this](const StopNews*) { service_.stop(); },
                          [this](const ReadyNews*) { service_.changed(); },
                          [this](const HealthNews*) { service_.changed(); },
                          [](const ExcuseNews*) {}, [](const ManualRepairNews*) {}},
               news);
  }

 private:
  void publish(const Incident& incident, bool is_closed) noexcept {
    service_.publish({incident, is_closed, public_sentence(incident, is_closed), {}});
  }

  bus::Service& service_;
};

}  // namespace guard
