// How other programs reach guardd: the bus service with its requests and signals, and the metrics
// file. Runs on the daemon's loop.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "dbus/metrics.h"
#include "dbus/service/service.h"
#include "guardd/control/bus_publisher.h"
#include "guardd/control/metrics_file.h"
#include "guardd/control/requests.h"

namespace guard {

class BusEndpoint {
 public:
  // Without an address, guardd is on no bus.
  BusEndpoint(sd_event* loop, const std::optional<std::string>& address,
              BusRequests::Context context, Shortcomings& shortcomings)
      : is_on_bus_(address.has_value()),
        shortcomings_(shortcomings),
        metrics_(context.quick),
        requests_(std::move(context)),
        service_(loop, address.value_or(""), requests_),
        publisher_(service_) {}

  void open(Dispatcher& dispatcher) {
    dispatcher.add(publisher_);
    if (is_on_bus_) service_.start();
  }
  void write_metrics_to(const std::string& path) { metrics_.set_path(path); }
  // Properties on the bus have changed.
  void changed() { service_.changed(); }

  std::optional<SteadyTime> next() const {
    std::optional<SteadyTime> next;
    for (const auto& due : {requests_.excuse_grants().next(), metrics_.next(),
                            is_on_bus_ ? service_.next() : std::optional<SteadyTime>()})
      if (due && (!next || *due < *next)) next = due;
    return next;
  }

  void work(SteadyTime now) {
    requests_.excuse_grants().work(now);
    metrics_.work(now,
                  [this] { return bus::prometheus_text(requests_.facts(), service_.policies()); });
    if (is_on_bus_) service_.tick(now);
    shortcomings_.set("bus", service_.trouble());
    shortcomings_.set("metrics", metrics_.trouble());
  }

 private:
  const bool is_on_bus_;
  Shortcomings& shortcomings_;
  MetricsFile metrics_;
  BusRequests requests_;
  bus::Service service_;
  BusPublisher publisher_;
};

}  // namespace guard
