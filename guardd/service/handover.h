// What goes on judging while guardd does not run: after a crash, or from one version to the next.
// Holds what the process before left until this one judges by itself, and gives what this one has
// to somebody who keeps it: new before old, so that enforcement never pauses. One thread: the
// daemon's loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guardd/service/descriptor_store.h"
#include "policy/base/result.h"

namespace guard {

class Handover {
 public:
  // The name of the fanotify group that keeps the trees' roots in memory, and so their tags; all
  // others are links.
  static constexpr std::string_view kPins = "pins";

  explicit Handover(std::vector<std::unique_ptr<DescriptorStore>> stores);
  // PID 1, and where that keeps nothing, a directory on a BPF file system; may be empty. PID 1 is
  // to have FileDescriptorStoreMax= for two sets at a time.
  static Handover of_this_machine(const std::string& pin_directory);

  // To be called before the first thread: it changes the environment. All or nothing: where
  // anything is not what was expected, none is held and none kept any more, and the error says so.
  Status take();
  // Whether something goes on judging as the process before had it.
  bool holds() const { return !held_.empty(); }

  // Has the new ones kept, then lets go of all others, whatever became of the new ones: what this
  // process has judges now, and nothing may judge by what was before. What was kept by the same
  // name and number already stays as it is: PID 1 takes nothing that it has by another name. An
  // error: it will not outlive this process, or not all of it.
  Status keep(std::span<const std::pair<std::string, int>> named);
  // Nothing outlives this process any more, but what PID 1 has: that knows whether this is the end,
  // or whether guardd is only started again, in which case nothing pauses.
  void release();

 private:
  struct Held {
    DescriptorStore* store;
    std::string name;
    Fd fd;         // of the process before
    int own = -1;  // what this process has, and goes on having
  };

  DescriptorStore* store_for(std::size_t count) const;
  static void let_go(std::vector<Held>& all);

  std::vector<std::unique_ptr<DescriptorStore>> stores_;
  std::vector<Held> held_;   // from before
  std::vector<Held> given_;  // by this process
  std::uint64_t last_set_ = 0;
};

}  // namespace guard
