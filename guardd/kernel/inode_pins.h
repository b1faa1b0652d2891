// Keeps the inodes of tree roots in memory, so that their tags stay, without keeping their file
// systems from being unmounted: by marks that are never asked about. One thread: the daemon's loop.
#pragma once

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

class InodePins {
 public:
  static Result<InodePins> create();

  Status pin(int directory) const;
  void unpin(int directory) const;
  // Whoever holds this keeps them pinned.
  int fd() const { return group_.get(); }

 private:
  explicit InodePins(Fd group) : group_(std::move(group)) {}

  Fd group_;
};

}  // namespace guard
