// How others reach guardd: the desk, the bus that brings people to it, the publisher that tells
// them what happens, and the file for who collects metrics. One thread: the daemon's loop.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dbus/metrics.h"
#include "dbus/service/service.h"
#include "guardd/control/bus_publisher.h"
#include "guardd/control/metrics_file.h"
#include "guardd/control/requests.h"

namespace guard {

class BusEndpoint {
 public:
  // Without an address it is on no bus.
  BusEndpoint(sd_event* loop, const std::optional<std::string>& address,
              BusRequests::Context context)
      : is_on_bus_(address.has_value()),
        metrics_(context.quick),
        desk_(std::move(context)),
        service_(loop, address.value_or(""), desk_),
        publisher_(service_) {}

  void open(Dispatcher& dispatcher) {
    dispatcher.tell_also(publisher_);
    if (is_on_bus_) service_.start();
  }
  void write_metrics_to(const std::string& path) { metrics_.set_path(path); }
  // What it tells by itself is not what it was before.
  void changed() { service_.changed(); }

  std::optional<SteadyTime> next() const {
    std::optional<SteadyTime> next;
    for (const auto& due : {desk_.excuse_grants().next(), metrics_.next(),
                            is_on_bus_ ? service_.next() : std::optional<SteadyTime>()})
      if (due && (!next || *due < *next)) next = due;
    return next;
  }

  // True: the troubles are not what they were before.
  bool attend(SteadyTime now) {
    desk_.excuse_grants().work(now);
    const bool metrics = metrics_.work(
        now, [this] { return bus::prometheus_text(desk_.facts(), service_.policies()); });
    if (is_on_bus_) service_.tick(now);
    return std::exchange(trouble_, service_.trouble()) != service_.trouble() || metrics;
  }
  // Why nobody can find us, and why no metrics are written.
  std::vector<std::string> troubles() const {
    std::vector<std::string> troubles;
    for (const auto* trouble : {&trouble_, &metrics_.trouble()})
      if (!trouble->empty()) troubles.push_back(*trouble);
    return troubles;
  }

 private:
  const bool is_on_bus_;
  MetricsFile metrics_;
  BusRequests desk_;
  bus::Service service_;
  BusPublisher publisher_;
  std::string trouble_;
};

}  // namespace guard
