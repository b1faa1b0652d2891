// Where a queue's lines go: a descriptor of somebody's, or the journal's socket. Owns its own end
// of it. Never waits. The queue's thread only.
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

  // Which poll() says when there is room; -1: there is none now.
  virtual int descriptor() const noexcept = 0;

  // Like write(2), some of it or all. EAGAIN: there is no room; EMSGSIZE: there never will be; any
  // other error may pass. After EPIPE the line begins anew.
  virtual ssize_t write(std::string_view text) noexcept = 0;
};

// `out` stays the caller's: it is duplicated, or opened anew so that it can be written without
// waiting and without changing it for those who share it.
Result<std::unique_ptr<Outlet>> open_outlet(int out);

}  // namespace guard
