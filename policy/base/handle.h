// Owners for what the kernel and C libraries hand out: moved, never copied, released exactly once.
#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

namespace guard {

// A file descriptor. Whoever opens one says O_CLOEXEC; this type only sees to its end.
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

  // The result of close(2) is left alone on purpose: Linux has freed the descriptor whatever it
  // says, and trying again could close one that another thread was just given.
  void reset() {
    if (fd_ >= 0) (void)::close(release());
  }

 private:
  int fd_ = -1;
};

// Handle<sd_bus, sd_bus_unref>: a C object with the function that ends it, at no cost in size.
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
