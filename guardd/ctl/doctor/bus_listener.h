// Listens on the bus for the violations that guardd reports of the probes. Has a thread of its own.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dbus/client/client.h"
#include "policy/base/handle.h"

namespace guard::doctor {

class BusListener {
 public:
  struct Violation {
    std::string path;
    std::string action;
    std::string reason;
  };

  // Only for files whose names have this beginning. Returns once it is listening.
  static bus::Answer<std::unique_ptr<BusListener>> begin(const std::string& address,
                                                         std::string beginning);
  ~BusListener();
  BusListener(const BusListener&) = delete;
  BusListener& operator=(const BusListener&) = delete;

  // The latest report of a file of this name.
  std::optional<Violation> about(const std::string& name) const;

 private:
  BusListener(bus::Client client, std::string beginning);
  bool take(const bus::Event& event);

  bus::Client client_;
  std::string beginning_;
  Fd stop_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::vector<Violation> reported_;  // under the mutex
};

}  // namespace guard::doctor
