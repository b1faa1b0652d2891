// The smallest io_uring that runs one operation at a time, by system calls alone.
#pragma once

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "policy/base/handle.h"

namespace guard::test {

class Uring {
 public:
  Uring() {
    ring_ = Fd(static_cast<int>(::syscall(SYS_io_uring_setup, kEntries, &parameters_)));
    if (!ring_) return;
    submissions_ =
        map(parameters_.sq_off.array + kEntries * sizeof(std::uint32_t), IORING_OFF_SQ_RING);
    completions_ =
        map(parameters_.cq_off.cqes + 2 * kEntries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    entries_ = map(kEntries * sizeof(io_uring_sqe), IORING_OFF_SQES);
  }
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;
  ~Uring() = default;  // what is mapped goes with the test

  bool works() const { return ring_ && submissions_ && completions_ && entries_; }

  // Each returns what the kernel did: a result, or an error below zero.
  int openat(const char* path, int flags, unsigned mode) {
    io_uring_sqe wanted{};
    wanted.opcode = IORING_OP_OPENAT;
    wanted.addr = address(path);
    wanted.open_flags = static_cast<std::uint32_t>(flags);
    wanted.len = mode;
    return run(wanted);
  }
  int mkdirat(const char* path, unsigned mode) {
    io_uring_sqe wanted{};
    wanted.opcode = IORING_OP_MKDIRAT;
    wanted.addr = address(path);
    wanted.len = mode;
    return run(wanted);
  }
  int renameat(const char* from, const char* to) {
    io_uring_sqe wanted{};
    wanted.opcode = IORING_OP_RENAMEAT;
    wanted.addr = address(from);
    wanted.len = static_cast<std::uint32_t>(AT_FDCWD);
    wanted.addr2 = address(to);
    return run(wanted);
  }

 private:
  static constexpr unsigned kEntries = 4;

  static std::uint64_t address(const char* text) { return reinterpret_cast<std::uint64_t>(text); }

  char* map(std::size_t size, std::uint64_t what) const {
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_.get(),
                      static_cast<off_t>(what));
    return at == MAP_FAILED ? nullptr : static_cast<char*>(at);
  }
  static std::uint32_t& number(char* ring, std::uint32_t offset) {
    return *reinterpret_cast<std::uint32_t*>(ring + offset);
  }

  int run(io_uring_sqe wanted) {
    wanted.fd = AT_FDCWD;
    const auto tail = number(submissions_, parameters_.sq_off.tail);
    const auto slot = tail & number(submissions_, parameters_.sq_off.ring_mask);
    reinterpret_cast<io_uring_sqe*>(entries_)[slot] = wanted;
    (&number(submissions_, parameters_.sq_off.array))[slot] = slot;
    std::atomic_ref(number(submissions_, parameters_.sq_off.tail)).store(tail + 1);
    if (::syscall(SYS_io_uring_enter, ring_.get(), 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) < 0)
      return -errno;
    const auto head = number(completions_, parameters_.cq_off.head);
    if (head == std::atomic_ref(number(completions_, parameters_.cq_off.tail)).load())
      return -EAGAIN;
    const auto at = head & number(completions_, parameters_.cq_off.ring_mask);
    const int result =
        reinterpret_cast<io_uring_cqe*>(completions_ + parameters_.cq_off.cqes)[at].res;
    std::atomic_ref(number(completions_, parameters_.cq_off.head)).store(head + 1);
    return result;
  }

  io_uring_params parameters_{};
  Fd ring_;
  char* submissions_ = nullptr;
  char* completions_ = nullptr;
  char* entries_ = nullptr;
};

}  // namespace guard::test
