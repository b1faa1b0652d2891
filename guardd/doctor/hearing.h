// What guardd tells of the probes while they lie there, heard on a thread of its own.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dbus/client.h"
#include "policy/base/handle.h"

namespace guard::doctor {

class Hearing {
 public:
  struct Told {
    std::string path;
    std::string action;
    std::string reason;
  };

  // Hears only of files whose names begin so. Returns when it listens.
  static bus::Answer<std::unique_ptr<Hearing>> begin(const std::string& address,
                                                     std::string beginning);
  ~Hearing();
  Hearing(const Hearing&) = delete;
  Hearing& operator=(const Hearing&) = delete;

  // The last of what was told of a file of this name.
  std::optional<Told> about(const std::string& name) const;

 private:
  Hearing(bus::Client client, std::string beginning);
  bool hear(const bus::Event& event);

  bus::Client client_;
  std::string beginning_;
  Fd stop_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::vector<Told> told_;  // under the mutex
};

}  // namespace guard::doctor
