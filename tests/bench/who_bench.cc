// The cost of identifying processes: look-ups, memory, and starting a process with and without the
// tracer.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guardd/who/actor_lookup.h"
#include "guardd/who/describe.h"
#include "guardd/who/processes.h"
#include "tests/unit/direct_port.h"

namespace {

using guard::DirectPort;
using guard::Processes;

pid_t spawn_true() {
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, environ) != 0) return -1;
  return ::waitpid(child, nullptr, 0);
}

void BM_FindOneThatLives(benchmark::State& state) {
  DirectPort port;
  Processes who(port);
  for (auto _ : state) benchmark::DoNotOptimize(who.find(::getpid()));
}
BENCHMARK(BM_FindOneThatLives);

void BM_FindOneThatHasEnded(benchmark::State& state) {
  DirectPort port;
  Processes who(port);
  const pid_t pid = spawn_true();
  for (auto _ : state) benchmark::DoNotOptimize(who.find(pid));
}
BENCHMARK(BM_FindOneThatHasEnded);

void BM_ReadProc(benchmark::State& state) {
  guard::Proc proc;
  const auto start = proc.read_ids(::getpid())->start;
  for (auto _ : state) {
    benchmark::DoNotOptimize(proc.read_ids(::getpid()));
    benchmark::DoNotOptimize(proc.read_facts(::getpid(), start, true));
  }
}
BENCHMARK(BM_ReadProc);

// Only dispatch() reads the ring, as in an idle daemon.
void BM_ForkExecExit(benchmark::State& state) {
  DirectPort port;
  std::optional<Processes> who;
  if (state.range(0) != 0) {
    who.emplace(port);
    if (who->tracer_error()) state.SkipWithError("the tracer cannot be loaded");
  }
  int count = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(spawn_true());
    if (who && ++count % 100 == 0) (void)who->dispatch();
  }
  if (who) state.counters["lost"] = static_cast<double>(who->dropped());
}
BENCHMARK(BM_ForkExecExit)->ArgName("tracer")->Arg(0)->Arg(1)->Arg(0)->Arg(1)->UseRealTime();

// Eight nested processes, and one below them that waits.
class Family {
 public:
  Family() {
    int ends[2];
    if (::pipe(ends) != 0) return;
    top_ = ::fork();
    if (top_ == 0) below(ends[1], 8);
    ::close(ends[1]);
    if (::read(ends[0], &last_, sizeof last_) != sizeof last_) last_ = -1;
    ::close(ends[0]);
  }
  ~Family() {
    ::kill(-top_, SIGKILL);
    ::waitpid(top_, nullptr, 0);
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  pid_t last() const { return last_; }

 private:
  [[noreturn]] static void below(int end, int depth) {
    if (depth == 8) ::setpgid(0, 0);
    if (depth > 0 && ::fork() == 0) below(end, depth - 1);
    const pid_t self = ::getpid();
    if (depth == 0 && ::write(end, &self, sizeof self) != sizeof self) ::_exit(1);
    for (;;) ::pause();
  }

  pid_t top_ = -1;
  pid_t last_ = -1;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The process and its ancestors are unknown: all are read and described.
void BM_DescribeUnknown(benchmark::State& state) {
  const Family family;
  std::string name = "/tmp/guard-who-bench-XXXXXX";
  const std::filesystem::path directory = ::mkdtemp(name.data());
  const auto proc = directory / "proc";
  guard::ProcessesOptions options;
  options.tracer = false;
  options.proc = proc;
  std::vector<double> took;
  std::size_t ancestors = 0;
  DirectPort port({proc, "/etc/passwd", {}});
  for (auto _ : state) {
    std::filesystem::create_directory(proc);  // the first scan finds no process
    guard::Processes who(port, options);
    std::filesystem::remove(proc);
    std::filesystem::create_symlink("/proc", proc);
    const auto before = guard::boot_time_now();
    const auto found = who.find(family.last());
    benchmark::DoNotOptimize(found->actor());
    took.push_back(static_cast<double>(guard::boot_time_now() - before) / 1e9);
    state.SetIterationTime(took.back());
    ancestors = found->actor().lineage.size();
    std::filesystem::remove(proc);
  }
  std::filesystem::remove_all(directory);
  state.counters["median_us"] = median(took) * 1e6;
  state.counters["ancestors"] = static_cast<double>(ancestors);
}
BENCHMARK(BM_DescribeUnknown)->UseManualTime();

// A new process with known ancestors, without a tracer.
void BM_DescribeNew(benchmark::State& state) {
  guard::ProcessesOptions options;
  options.tracer = false;
  DirectPort port;
  guard::Processes who(port, options);
  std::vector<double> took;
  std::size_t ancestors = 0;
  for (auto _ : state) {
    const pid_t child = ::fork();
    if (child == 0)
      for (;;) ::pause();
    const auto before = guard::boot_time_now();
    const auto found = who.find(child);
    benchmark::DoNotOptimize(found->actor());
    took.push_back(static_cast<double>(guard::boot_time_now() - before) / 1e9);
    state.SetIterationTime(took.back());
    ancestors = found->actor().lineage.size();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  state.counters["median_us"] = median(took) * 1e6;
  state.counters["ancestors"] = static_cast<double>(ancestors);
}
BENCHMARK(BM_DescribeNew)->UseManualTime();

// With a tracer: everything is known, nothing is described yet.
void BM_DescribeTraced(benchmark::State& state) {
  const Family family;
  guard::ProcessesOptions options;
  options.tracer = false;
  DirectPort port;
  guard::Processes who(port, options);
  const auto found = who.find(family.last());
  for (auto _ : state)
    benchmark::DoNotOptimize(guard::describe(found->snapshot(), found->lineage().get()));
}
BENCHMARK(BM_DescribeTraced);

// The second violation of a process: everything is described, the names are known.
void BM_DescribeKnown(benchmark::State& state) {
  const Family family;
  guard::ProcessesOptions options;
  options.tracer = false;
  DirectPort port;
  guard::Processes who(port, options);
  guard::ActorLookup lookup(port);
  const auto found = who.find(family.last());
  auto actor = found->actor();
  actor.login_uid = guard::kRoot;
  for (int i = 0; i < 1000 && !lookup.complete(actor); ++i) ::usleep(1000);
  for (auto _ : state) {
    benchmark::DoNotOptimize(found->actor());
    benchmark::DoNotOptimize(lookup.complete(actor));
  }
}
BENCHMARK(BM_DescribeKnown);

void BM_Take(benchmark::State& state) {
  guard::ProcessTable table({.living = 20000, .ended = 20000}, "/nowhere");
  guard::TracedExec exec{};
  exec.process.kind = guard::kRecordExec;
  exec.process.parent = 1;
  std::memcpy(exec.exe.names, "touch\0bin\0usr", 14);
  exec.exe.length = 14;
  exec.exe.whole = 1;
  std::memset(exec.arguments, 'x', 60);
  exec.arguments_size = 61;
  guard::TracedExit end{};
  const auto before = mallinfo2().uordblks;
  std::uint64_t taken = 0;
  for (auto _ : state) {
    exec.process.pid = static_cast<std::int32_t>(taken % 30000) + 2;
    exec.process.start = exec.process.time = ++taken * 1'000'000;
    table.on_exec(exec);
    end.process = exec.process;
    end.process.time += 500'000;
    table.on_exit(end);
    if (taken == 15000)
      state.counters["bytes/process"] = static_cast<double>(mallinfo2().uordblks - before) / 15000;
  }
}
BENCHMARK(BM_Take)->Iterations(100000);

}  // namespace
