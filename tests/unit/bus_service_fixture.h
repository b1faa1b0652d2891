// guardd on a private bus, with a manager that the test controls, and a client.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dbus/client/client.h"
#include "dbus/service/service.h"
#include "tests/unit/fake_manager.h"
#include "tests/unit/private_bus.h"

namespace guard::testing {

// The output and exit status of a command.
inline std::pair<int, std::string> shell(const std::string& command) {
  std::string said;
  auto* pipe = ::popen((command + " 2>&1").c_str(), "r");  // NOLINT(cert-env33-c)
  if (!pipe) return {-1, ""};
  std::array<char, 4096> buffer{};
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    said.append(buffer.data(), got);
  return {::pclose(pipe), said};
}

class BusService : public ::testing::Test {
 protected:
  BusService() : house_(bus_.address()), client_(*bus::Client::open(bus_.address())) {
    constexpr std::chrono::seconds kPatience(5);
    client_.set_patience({kPatience, kPatience, kPatience});
    wait_for_name();
  }
  void wait_for_name() {
    for (int tries = 0; tries < 100; ++tries) {
      if (client_.status()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    FAIL() << "guardd does not get its name";
  }
  // The signals that any client receives, until `last` of them or a timeout.
  std::vector<bus::Event> heard(const std::function<void()>& manual_repair,
                                const std::function<bool(const std::vector<bus::Event>&)>& all) {
    std::vector<bus::Event> events;
    auto listener = *bus::Client::open(bus_.address());
    const Fd stop(::eventfd(0, EFD_CLOEXEC));
    std::promise<void> listening;
    std::atomic<bool> is_listening = false;
    std::thread thread([&] {
      (void)listener.watch(
          [&](const bus::Event& event) {
            if (event.kind == bus::Event::Kind::kReloaded && event.generation == 4'000'000'000) {
              if (!is_listening.exchange(true)) listening.set_value();
              return true;
            }
            events.push_back(event);
            return !all(events);
          },
          stop.get());
    });
    // It does not listen before it receives a first signal.
    const auto heard_it = listening.get_future();
    while (heard_it.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready) {
      house_.on_loop([](auto& service, FakeManager& manager) {
        const auto before = std::exchange(manager.facts_.generation, 4'000'000'000);
        service.reloaded();
        manager.facts_.generation = before;
      });
    }
    manual_repair();
    std::thread deadline([&] {
      pollfd end{stop.get(), POLLIN, 0};
      if (::poll(&end, 1, 8'000) == 0) {
        const std::uint64_t one = 1;
        (void)::write(stop.get(), &one, sizeof one);
      }
    });
    thread.join();
    const std::uint64_t one = 1;
    (void)::write(stop.get(), &one, sizeof one);
    deadline.join();
    return events;
  }
  // As a user other than root.
  std::pair<int, std::string> as_nobody(const std::string& call) const {
    const std::string nobody =
        ::geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : "";
    return shell(nobody + "busctl --address=" + bus_.address() + " call " + bus::kName + " " +
                 bus::kObject + " " + bus::kManager + " " + call);
  }

  PrivateBus bus_;
  House house_;
  bus::Client client_;
};

}  // namespace guard::testing
