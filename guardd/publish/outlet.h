// The destination of a queue's lines: a descriptor or the journal's socket. Owns its own copy of
// the descriptor. Never waits. The queue's thread only.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string_view>

#include "policy/base/result.h"

namespace guard {

class Outlet {
 public:
  Outlet() = default;
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;
  virtual ~Outlet() = default;

  // The descriptor to poll() for room; -1: there is none now.
  virtual int descriptor() const noexcept = 0;

  // Like write(2), can write only a part. EAGAIN: no room; EMSGSIZE: too long for ever; any other
  // error can pass. After EPIPE, the line starts again.
  virtual ssize_t write(std::string_view text) noexcept = 0;
};

// `out` remains the caller's: it is duplicated, or opened again so that it can be nonblocking
// without affecting others that share it.
Result<std::unique_ptr<Outlet>> open_outlet(int out);

}  // namespace guard
