// The tracing programs in the kernel: loads them, attaches them and hands over what they tell, in
// the order in which it happened. Knows no table and no policy. One thread; only catch_up() can
// wait, for a millisecond at most.
#pragma once

#include <cstdint>
#include <memory>

#include "bpf/wire/tracer_wire.h"
#include "policy/base/result.h"

namespace guard {

// Who wants to hear it. Called from within catch_up(), on its thread.
class TracerListener {
 public:
  TracerListener() = default;
  TracerListener(const TracerListener&) = delete;
  TracerListener& operator=(const TracerListener&) = delete;
  virtual ~TracerListener() = default;
  virtual void forked(const TracedFork& record) noexcept = 0;
  virtual void executed(const TracedExec& record) noexcept = 0;
  virtual void ended(const TracedExit& record) noexcept = 0;
  virtual void cgroup_made(const TracedCgroup& record) noexcept = 0;
};

class Tracer {
 public:
  // Loaded and attached: every process of this process namespace is traced from here on. The
  // error's first line is one sentence that says what to do; libbpf's log follows it.
  static Result<Tracer> load();

  Tracer(Tracer&& other) noexcept;
  Tracer& operator=(Tracer&& other) noexcept;
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;
  ~Tracer();

  // Readable when the ring fills up, not for each record.
  int fd() const;

  // Hands over all that was begun before the call, and returns how much that was. Costs two reads
  // of memory when there is nothing. A record that another processor is still writing is waited
  // for; if that takes longer than a millisecond the call ends without it, and the next one has it.
  std::size_t catch_up(TracerListener& listener) noexcept;

  // Records that found no room, since load().
  std::uint64_t dropped() const;

 private:
  struct Programs;
  explicit Tracer(std::unique_ptr<Programs> programs);

  std::unique_ptr<Programs> programs_;
};

}  // namespace guard
