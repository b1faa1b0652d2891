// Keeps the LSM programs attached while guardd is down: after a crash, or during an update. Holds
// the descriptors of the previous process until this one enforces by itself, and stores those of
// this process before it drops the old ones. Runs on the daemon's loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guardd/host/clock.h"
#include "guardd/service/descriptor_store.h"
#include "policy/base/result.h"

namespace guard {

class Handover {
 public:
  // The name of the fanotify group that keeps the inodes of the trees' roots in memory, and with
  // them their tags. All other descriptors are BPF links.
  static constexpr std::string_view kPins = "pins";

  explicit Handover(std::vector<std::unique_ptr<DescriptorStore>> stores);
  // PID 1, or a directory on a BPF file system if PID 1 stores nothing; the directory may be empty.
  // FileDescriptorStoreMax= of PID 1 must have room for two sets.
  static Handover of_this_machine(const std::string& pin_directory);

  // Call it before the first thread starts: it changes the environment. Fails safe: if a descriptor
  // is not what guardd expects, all are dropped, and the error says so.
  Status take();
  // Whether programs of the previous process still enforce its policies.
  bool holds() const { return !old_.empty(); }

  // Stores the descriptors of this process, then drops all others, even if storing failed: this
  // process enforces now, and nothing may enforce older policies. Descriptors that are stored under
  // the same name stay: PID 1 does not store one twice. On error, they do not survive this process.
  Status store(std::span<const std::pair<std::string, int>> named);
  // Whether programs of the previous process may still enforce its policies, for a few seconds at
  // most. They do not know this process: they deny what it repairs.
  bool is_under_way(SteadyTime now);
  // Drops everything, except from PID 1: that drops it if guardd stops, but not on a restart.
  void release();

 private:
  struct Entry {
    DescriptorStore* store;
    std::string name;
    Fd fd;         // of the previous process
    int own = -1;  // of this process, which stays open elsewhere
  };

  DescriptorStore* store_for(std::size_t count) const;
  void drop(std::vector<Entry>& all);

  std::vector<std::unique_ptr<DescriptorStore>> stores_;
  std::vector<Entry> old_;  // of the previous process
  std::vector<Entry> own_;  // of this process
  std::uint64_t last_set_ = 0;
  Fd barrier_;  // hangs up once the old ones are gone; empty: they are
  SteadyTime barrier_at_;
};

}  // namespace guard
