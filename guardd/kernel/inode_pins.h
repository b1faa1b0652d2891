// Keeps the inodes of tree roots in memory, and so their tags, by fanotify marks whose events are
// never read. Their file systems can still be unmounted. One thread: the daemon's loop.
#pragma once

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

class InodePins {
 public:
  static Result<InodePins> create();

  Status pin(int directory) const;
  void unpin(int directory) const;
  // The inodes stay pinned while any process holds this descriptor.
  int fd() const { return group_.get(); }

 private:
  explicit InodePins(Fd group) : group_(std::move(group)) {}

  Fd group_;
};

}  // namespace guard
