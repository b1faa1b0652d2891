// The cost of a decision in the kernel, without that of entering an LSM program. No time makes this
// fail.
//
// Target: 120 ns for a write 8 levels deep outside of every tree, on a file system that has one,
// 150 ns for the owner's inside, 30 ns for an open for reading.
#include <benchmark/benchmark.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <optional>
#include <string>

#include "tests/bench/decision.h"

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kOwner = 4242;
constexpr std::uint32_t kTimes = 100'000;

// A tmpfs with a tree and a directory outside of it, each 8 levels deep.
struct World {
  std::optional<guard::Decisions> decisions;
  std::string why_not;

  World() {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("scratch", "/media", "tmpfs", 0, nullptr) != 0) {
      why_not = "mounting needs root";
      return;
    }
    for (const char* top : {"tree", "outside"})
      fs::create_directories(fs::path("/media") / top / "2/3/4/5/6/7/8");
    auto loaded = guard::Decisions::load();
    if (!loaded) {
      why_not = loaded.error().text();
      return;
    }
    decisions = *std::move(loaded);
    struct stat facts {};
    (void)::stat("/media/tree", &facts);
    guard::TreeTag tag{};
    tag.tree = 1;
    tag.terms = {kOwner, kOwner, guard::kAnyMode, guard::kAnyMode, guard::kTreeActionDeny};
    tag.guards = guard::kOwnershipBit | guard::kContentBit | guard::kDeleteBit;
    (void)decisions->tag({facts.st_ino, major(facts.st_dev) << 20U | minor(facts.st_dev), 0, 0},
                         tag);
    decisions->set_guards_in_use(tag.guards);
  }
};

World& world() {
  static World world;
  return world;
}

void decide(benchmark::State& state, guard::DecisionKind kind, const char* place, bool as_owner) {
  auto& here = world();
  if (!here.decisions) {
    state.SkipWithError(here.why_not.c_str());
    return;
  }
  fs::current_path(place);
  const auto before = ::setfsuid(as_owner ? kOwner : 0);
  const auto floor = here.decisions->decide(guard::kDecideNothing, kTimes);
  std::uint64_t nanoseconds = 0;
  std::uint64_t denied = 0;
  for (auto _ : state) {
    const auto decision = here.decisions->decide(kind, kTimes);
    if (!decision) break;
    nanoseconds += decision->nanoseconds;
    denied += decision->denied;
    state.SetIterationTime(static_cast<double>(decision->nanoseconds) * 1e-9);
  }
  (void)::setfsuid(static_cast<uid_t>(before));
  fs::current_path("/");
  const auto decided = static_cast<double>(state.iterations()) * kTimes;
  const auto of_floor = static_cast<double>(floor->nanoseconds) / kTimes;
  state.counters["floor_ns"] = of_floor;
  state.counters["decision_ns"] = static_cast<double>(nanoseconds) / decided - of_floor;
  state.counters["denied"] = static_cast<double>(denied) / decided;
}

constexpr auto kOutside = "/media/outside/2/3/4/5/6/7/8";
constexpr auto kInside = "/media/tree/2/3/4/5/6/7/8";

void BM_WriteOutside(benchmark::State& state) {
  decide(state, guard::kDecideWrite, kOutside, false);
}
void BM_CreationOutside(benchmark::State& state) {
  decide(state, guard::kDecideCreation, kOutside, false);
}
void BM_OwnersWriteInside(benchmark::State& state) {
  decide(state, guard::kDecideWrite, kInside, true);
}
void BM_OwnersCreationInside(benchmark::State& state) {
  decide(state, guard::kDecideCreation, kInside, true);
}
void BM_OpenForReading(benchmark::State& state) {
  decide(state, guard::kDecideOpen, kOutside, false);
}
// The most expensive case: matches patterns and exemptions, and reports an event.
void BM_Denial(benchmark::State& state) {
  decide(state, guard::kDecideWrite, kInside, false);
}
BENCHMARK(BM_WriteOutside)->UseManualTime();
BENCHMARK(BM_CreationOutside)->UseManualTime();
BENCHMARK(BM_OwnersWriteInside)->UseManualTime();
BENCHMARK(BM_OwnersCreationInside)->UseManualTime();
BENCHMARK(BM_OpenForReading)->UseManualTime();
BENCHMARK(BM_Denial)->UseManualTime();

}  // namespace
