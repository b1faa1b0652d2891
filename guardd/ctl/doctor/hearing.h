// What guardd tells of the probes while they lie there, heard on a thread of its own.
#pragma once

#include <chrono>
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

  // Hears only of files whose names begin so. Returns when it listens.
  static bus::Answer<std::unique_ptr<BusListener>> begin(const std::string& address,
                                                         std::string beginning);
  ~BusListener();
  BusListener(const BusListener&) = delete;
  BusListener& operator=(const BusListener&) = delete;

  // The last of what was told of a file of this name.
  std::optional<Violation> about(const std::string& name) const;

 private:
  BusListener(bus::Client client, std::string beginning);
  bool hear(const bus::Event& event);

  bus::Client client_;
  std::string beginning_;
  Fd stop_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::vector<Violation> told_;  // under the mutex
};

}  // namespace guard::doctor
