#include "bpf/tracer.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "bpf/events.h"
#include "bpf/kernel_types.h"
#include "bpf/libbpf_log.h"
#include "bpf/tracer.skel.h"
#include "policy/base/handle.h"

namespace guard {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLongestWait = std::chrono::milliseconds(1);

// Reads a counter while the programs write it.
std::uint64_t read(const __u64& counter) noexcept {
  return __atomic_load_n(&counter, __ATOMIC_ACQUIRE);
}

Error no_tracer(const LibbpfLog& log, int code, const std::string& what) {
  const char* repair =
      "; guardd cannot identify processes that have ended: report this with the log";
  if (code == EPERM || code == EACCES)
    repair =
        "; guardd cannot identify processes that have ended, unless it runs as root, outside of "
        "any "
        "container, with CAP_BPF and CAP_PERFMON";
  if (code == ENOENT || code == ESRCH)
    repair =
        "; guardd cannot identify processes that have ended, unless the kernel has "
        "CONFIG_DEBUG_INFO_BTF";
  return log.error(code, what + repair);
}

}  // namespace

struct Tracer::Programs {
  Handle<tracer_bpf, tracer_bpf__destroy> skeleton;
  Handle<ring_buffer, ring_buffer__free> ring;  // destroyed first
  TracerListener* listener = nullptr;           // only during catch_up()
  std::uint64_t taken = 0;

  static int take(void* context, void* data, std::size_t size) noexcept;
};

int Tracer::Programs::take(void* context, void* data, std::size_t size) noexcept {
  auto& self = *static_cast<Programs*>(context);
  ++self.taken;
  deliver({static_cast<const char*>(data), size}, *self.listener);
  return 0;
}

Result<Tracer> Tracer::load() {
  const LibbpfLog log;
  auto programs = std::make_unique<Programs>();
  programs->skeleton.reset(tracer_bpf__open());
  auto* skeleton = programs->skeleton.get();
  if (!skeleton) return no_tracer(log, errno, "open the tracing programs");
  if (own_namespace("pid") == 0) return no_tracer(log, errno, "read /proc/self/ns/pid");
  set_own_view(*skeleton->rodata);
  if (const int failed = tracer_bpf__load(skeleton); failed != 0)
    return no_tracer(log, -failed, "load the tracing programs");
  programs->ring.reset(ring_buffer__new(bpf_map__fd(skeleton->maps.records), Programs::take,
                                        programs.get(), nullptr));
  if (!programs->ring) return no_tracer(log, errno, "map the tracing programs' ring");
  if (const int failed = tracer_bpf__attach(skeleton); failed != 0)
    return no_tracer(log, -failed, "attach the tracing programs");
  return Tracer(std::move(programs));
}

Tracer::Tracer(std::unique_ptr<Programs> programs) : programs_(std::move(programs)) {}
Tracer::Tracer(Tracer&& other) noexcept = default;
Tracer& Tracer::operator=(Tracer&& other) noexcept = default;
Tracer::~Tracer() = default;

int Tracer::fd() const {
  return ring_buffer__epoll_fd(programs_->ring.get());
}

std::size_t Tracer::catch_up(TracerListener& listener) noexcept {
  auto& self = *programs_;
  const auto& counters = *self.skeleton->bss;
  const auto begun = read(counters.guard_begun);
  const auto before = self.taken;
  const auto missing = [&] { return self.taken + read(counters.guard_lost) < begun; };
  if (!missing()) return 0;
  self.listener = &listener;
  (void)ring_buffer__consume(self.ring.get());
  // Missing records are being written right now, which takes microseconds.
  for (const auto deadline = Clock::now() + kLongestWait; missing() && Clock::now() < deadline;) {
    (void)::sched_yield();
    (void)ring_buffer__consume(self.ring.get());
  }
  self.listener = nullptr;
  return static_cast<std::size_t>(self.taken - before);
}

std::uint64_t Tracer::dropped() const {
  return read(programs_->skeleton->bss->guard_lost);
}

}  // namespace guard
