// guardd on the bus: the desk, the service that brings people to it, and the publisher that tells
// them what happens. One thread: the daemon's loop.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "dbus/service.h"
#include "guardd/desk.h"
#include "guardd/publish/bus.h"

namespace guard {

class Reception {
 public:
  Reception(sd_event* loop, std::string address, Desk::House house)
      : desk_(std::move(house)), service_(loop, std::move(address), desk_), publisher_(service_) {}

  Publisher& publisher() { return publisher_; }
  bus::Service& service() { return service_; }
  std::optional<SteadyTime> next() const {
    const auto of_pardons = desk_.pardons().next();
    const auto of_service = service_.next();
    return of_pardons && of_service ? std::min(*of_pardons, *of_service)
           : of_pardons             ? of_pardons
                                    : of_service;
  }

  // True: why nobody can find us is not what it was before.
  bool attend(SteadyTime now) {
    desk_.pardons().work(now);
    service_.tick(now);
    if (service_.trouble() == trouble_) return false;
    trouble_ = service_.trouble();
    return true;
  }
  const std::string& trouble() const { return trouble_; }

 private:
  Desk desk_;
  bus::Service service_;
  BusPublisher publisher_;
  std::string trouble_;
};

}  // namespace guard
