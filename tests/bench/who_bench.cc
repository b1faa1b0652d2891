// What it costs to know who a process was: the question, the memory, and the life of a process with
// and without the tracer.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "guardd/who/processes.h"

namespace {

using guard::Processes;

pid_t spawn_true() {
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, environ) != 0) return -1;
  return ::waitpid(child, nullptr, 0);
}

void BM_FindOneThatLives(benchmark::State& state) {
  Processes who;
  for (auto _ : state) benchmark::DoNotOptimize(who.find(::getpid()));
}
BENCHMARK(BM_FindOneThatLives);

void BM_FindOneThatHasEnded(benchmark::State& state) {
  Processes who;
  const pid_t pid = spawn_true();
  for (auto _ : state) benchmark::DoNotOptimize(who.find(pid));
}
BENCHMARK(BM_FindOneThatHasEnded);

void BM_ReadProc(benchmark::State& state) {
  guard::Proc proc;
  guard::ControlGroups groups;
  for (auto _ : state) benchmark::DoNotOptimize(proc.read(::getpid(), groups));
}
BENCHMARK(BM_ReadProc);

// The ring is read by nobody but find(), as in a daemon that has nothing to do.
void BM_ForkExecExit(benchmark::State& state) {
  std::optional<Processes> who;
  if (state.range(0) != 0) {
    who.emplace();
    if (who->tracer_error()) state.SkipWithError("no tracer here");
  }
  int count = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(spawn_true());
    if (who && ++count % 100 == 0) (void)who->dispatch();
  }
  if (who) state.counters["lost"] = static_cast<double>(who->dropped());
}
BENCHMARK(BM_ForkExecExit)->ArgName("tracer")->Arg(0)->Arg(1)->Arg(0)->Arg(1)->UseRealTime();

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
    table.executed(exec);
    end.process = exec.process;
    end.process.time += 500'000;
    table.ended(end);
    if (taken == 15000)
      state.counters["bytes/process"] = static_cast<double>(mallinfo2().uordblks - before) / 15000;
  }
}
BENCHMARK(BM_Take)->Iterations(100000);

}  // namespace
