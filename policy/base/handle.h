// Owners of descriptors and C objects: moved, never copied, released exactly once.
#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

namespace guard {

// A file descriptor. The opener must use O_CLOEXEC; this type only closes it.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }

  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

  // The result of close(2) is ignored on purpose: Linux frees the descriptor in any case, and
  // a second attempt could close a descriptor that another thread has just received.
  void reset() {
    if (fd_ >= 0) (void)::close(release());
  }

 private:
  int fd_ = -1;
};

// Handle<sd_bus, sd_bus_unref>: a C object with the function that releases it, at no extra size.
template <auto Release>
struct Releaser {
  template <typename T>
  void operator()(T* object) const noexcept {
    (void)Release(object);
  }
};

template <typename T, auto Release>
using Handle = std::unique_ptr<T, Releaser<Release>>;

}  // namespace guard
