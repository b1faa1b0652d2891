// Three actors act on a real file system that a real guardd guards: the service, another user, and
// root. Nobody may read a secret of root's that root has not given away, and what root creates in
// the tree must become the service's.
#include <algorithm>

#include "tests/model/episodes.h"
#include "tests/model/loops.h"

namespace guard::test {

// The main program ends everything after its own deadline and this one.
unsigned extra_seconds() {
  return 60;
}

namespace {

constexpr int kTries = 3;

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

}  // namespace
}  // namespace guard::test
