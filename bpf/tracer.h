// The tracing programs in the kernel: loads and attaches them, and delivers their records in the
// order of the events. Knows no process table and no policy. One thread. Only catch_up() can wait,
// for a millisecond at most.
#pragma once

#include <cstdint>
#include <memory>

#include "bpf/wire/tracer_wire.h"
#include "policy/base/result.h"

namespace guard {

// Receives records. Called from catch_up(), on its thread.
class TracerListener {
 public:
  TracerListener() = default;
  TracerListener(const TracerListener&) = delete;
  TracerListener& operator=(const TracerListener&) = delete;
  virtual ~TracerListener() = default;
  virtual void on_fork(const TracedFork& record) noexcept = 0;
  virtual void on_exec(const TracedExec& record) noexcept = 0;
  virtual void on_exit(const TracedExit& record) noexcept = 0;
  virtual void on_cgroup(const TracedCgroup& record) noexcept = 0;
};

class Tracer {
 public:
  // Loads and attaches the programs, which trace every process of this process namespace from now
  // on. The first line of an error says what to do, the rest is libbpf's log.
  static Result<Tracer> load();

  Tracer(Tracer&& other) noexcept;
  Tracer& operator=(Tracer&& other) noexcept;
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;
  ~Tracer();

  // Readable if the ring fills up, not for each record.
  int fd() const;

  // Delivers all records that were begun before the call, and returns their number. Without records
  // it only reads memory twice. Waits for a record that another processor is still writing, but no
  // longer than a millisecond; then the next call delivers it.
  std::size_t catch_up(TracerListener& listener) noexcept;

  // Records that did not fit in the ring since load().
  std::uint64_t dropped() const;

 private:
  struct Programs;
  explicit Tracer(std::unique_ptr<Programs> programs);

  std::unique_ptr<Programs> programs_;
};

}  // namespace guard
