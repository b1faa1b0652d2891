// Three actors act on a real file system that a real guardd guards: the service, another user, and
// root. Nobody may read a secret of root's that root has not given away, and what root creates in
// the tree must become the service's.
//
//   GUARD_MODEL_SECONDS=3600 model_root_test --gtest_filter=*AtRandom*
//   GUARD_MODEL_SEED=4711 model_root_test --gtest_filter=*AtRandom*ext4
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>

#include "tests/model/episodes.h"
#include "tests/model/generator.h"
#include "tests/model/loops.h"
#include "tests/model/shrink.h"

namespace guard::test {
namespace {

constexpr unsigned kSecondsToShrink = 60;
constexpr unsigned kEpisodesAGroup = 12;  // with the same guardd, whose start takes long

std::optional<std::uint64_t> setting(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  if (!value) return std::nullopt;
  return std::stoull(value);
}

// Of one test at random.
unsigned seconds_to_run() {
  return static_cast<unsigned>(setting("GUARD_MODEL_SECONDS").value_or(30));
}

}  // namespace

unsigned extra_seconds();

// The main program ends everything after its own deadline and this one.
unsigned extra_seconds() {
  return static_cast<unsigned>(slowness()) * (seconds_to_run() + kSecondsToShrink + 60);
}

namespace {

const int kTries = slowness() > 1 ? 1 : 3;

std::string name_of_case(FsType type, const char* name) {
  return std::string(name) + "_" + name_of(type);
}

class Episodes : public testing::TestWithParam<std::tuple<FsType, std::size_t>> {};

TEST_P(Episodes, HoldThePromise) {
  const auto& [type, number] = GetParam();
  const auto& episode = episodes().at(number);
  if (const auto why = why_no_scratch_fs(type); !why.empty()) GTEST_SKIP() << why;
  if (episode.backend && backend_under_test() != episode.backend) GTEST_SKIP() << "another backend";
  auto world = World::make(type, episode.options);
  ASSERT_TRUE(world) << world.error().text();
  const auto script = script_of(episode.script);
  const bool is_race = std::any_of(script.begin(), script.end(), is_loop);
  for (int i = 0; i < kTries; ++i) {
    // First with files that were there before guardd, then with files that it has seen.
    const auto outcome = (*world)->run(script, i == 0);
    ASSERT_EQ(outcome.failure, "") << "try " << i + 1 << ", after step " << outcome.steps << " of\n"
                                   << text_of(script);
    for (std::size_t step = 0; step < script.size() && !is_race; ++step)
      EXPECT_EQ(outcome.errors[step], 0)
          << "an attack that fails is none: " << text_of(script[step]);
  }
}

INSTANTIATE_TEST_SUITE_P(Model, Episodes,
                         testing::Combine(testing::Values(FsType::kTmpfs, FsType::kExt4),
                                          testing::Range(std::size_t{0}, episodes().size())),
                         [](const auto& each) {
                           return name_of_case(std::get<0>(each.param),
                                               episodes().at(std::get<1>(each.param)).name);
                         });

class AtRandom : public testing::TestWithParam<FsType> {
 protected:
  // Of all episodes of a group.
  static World::Options options_of(std::uint64_t seed) {
    std::mt19937_64 random(seed / kEpisodesAGroup);
    World::Options options;
    if (random() % 3 == 0) options.guardd.group = "5555";
    options.guardd.has_tracer = random() % 4 != 0;
    options.protects_hard_links = random() % 3 != 0;
    return options;
  }

  void run(const std::string& action, std::chrono::seconds time) {
    if (const auto why = why_no_scratch_fs(GetParam()); !why.empty()) GTEST_SKIP() << why;
    const auto replayed = setting("GUARD_MODEL_SEED");
    auto seed = replayed.value_or(std::random_device()() * std::uint64_t{kEpisodesAGroup});
    std::cout << "The first seed is " << seed << std::endl;
    std::unique_ptr<World> world;
    for (; Clock::now() < start_ + time && !HasFailure(); seed += replayed ? 0U : 1U) {
      if (!world || seed % kEpisodesAGroup == 0) {
        world.reset();
        auto options = options_of(seed);
        options.guardd.action = action;
        auto made = World::make(GetParam(), options);
        ASSERT_TRUE(made) << made.error().text();
        world = *std::move(made);
      }
      run_one(*world, seed);
    }
    std::cout << episodes_ << " episodes, " << steps_ << " steps" << std::endl;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void run_one(World& world, std::uint64_t seed) {
    const auto script = Generator(seed).script();
    const auto outcome = world.run(script, false);
    ++episodes_;
    steps_ += outcome.steps;
    if (outcome.failure.empty()) return;
    const auto after = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start_);
    const auto shrunk = shrink(world, script, outcome, std::chrono::seconds(kSecondsToShrink));
    ADD_FAILURE() << outcome.failure << "\nSeed " << seed << ", in episode " << episodes_
                  << ", after " << after.count() << " s"
                  << (options_of(seed).protects_hard_links ? "" : ", protected_hardlinks = 0")
                  << ". After " << shrunk.replays << " replays "
                  << (shrunk.is_confirmed ? "this is left" : "it has not happened again") << ": "
                  << shrunk.outcome.failure << "\n"
                  << text_of(shrunk.script);
  }

  Clock::time_point start_ = Clock::now();
  int episodes_ = 0;
  std::size_t steps_ = 0;
};

TEST_P(AtRandom, ThePromiseHolds) {
  run("fix", std::chrono::seconds(seconds_to_run()));
}

// Otherwise the test would take for guardd's doing what the adversaries can do anyway.
TEST_P(AtRandom, NothingIsReadThatGuarddDoesNotHandOver) {
  run("log", std::chrono::seconds(seconds_to_run() / 3));
}

INSTANTIATE_TEST_SUITE_P(Model, AtRandom, testing::Values(FsType::kTmpfs, FsType::kExt4),
                         [](const auto& each) { return name_of(each.param); });

}  // namespace
}  // namespace guard::test
