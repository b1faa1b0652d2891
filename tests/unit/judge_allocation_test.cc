// Permission events wait for the judge, so it never allocates. A program of its own, because it
// counts every allocation.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "policy/judge.h"
#include "tests/unit/judging.h"

namespace {
std::atomic<int> allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
}  // namespace

// All of them are replaced together, but g++ checks them one by one and warns that they do not
// match.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace guard {
namespace {

using testing::kRootGroup;
using testing::leaving;
using testing::lying;
using testing::policy_text;
using testing::root;
using testing::World;

template <typename Work>
int allocations_of(Work work) {
  const int before = allocations;
  work();
  return allocations - before;
}

TEST(Allocations, AreCounted) {
  EXPECT_GE(allocations_of([] { delete new std::string(100, 'x'); }), 2);
}

TEST(Allocations, JudgingAPathMakesNone) {
  World world;
  world.files.put("/usr/bin/dpkg");
  std::string text = policy_text(R"(action = "deny"
only = "interactive"
file_mode = "0640"
guard = ["ownership", "content", "delete", "attributes", "read"]
exclude = ["cache/**", "**/*.{tmp,bak}", "{a,b}*[!x-z]?.log"]
rule = [{match = ["conf/*.key", "**/{x,y}/**/z*"], owner = "root"}]
allow = [{exe = "/usr/bin/dpkg"}, {unit = "apt-*.service"}, {user = "alice", login = "alice"}]
)");
  for (int i = 0; i < 50; ++i)
    text += policy_text("", "p" + std::to_string(i), "/srv/p" + std::to_string(i));
  const auto set = world.load_good(text).set;
  ASSERT_TRUE(set);

  auto who = root();
  std::array ancestors{who.self, who.self, who.self};
  who.ancestors = ancestors;
  who.self.unit = "apt-daily.timer";
  const std::string path = "/srv/shop/" + std::string(200, 'd') + "/x/\xff/conf.key";
  int violations = 0;
  const int made = allocations_of([&] {
    for (std::size_t i = 0; i < Words<Operation>::kAll.size(); ++i) {
      const auto* tree = set->tree_of(path);
      const auto& policy = set->policy_of(*tree);
      auto change = leaving(static_cast<Operation>(i), kRoot, kRootGroup);
      change.path = PolicySet::relative(*tree, path);
      violations += judge(policy, who, change).violation() ? 1 : 0;
      violations += judge(policy, change.path, lying(kRoot, kRootGroup)).violation() ? 1 : 0;
    }
  });
  EXPECT_EQ(made, 0);
  EXPECT_EQ(violations, 40) << "every path reached the end";
}

}  // namespace
}  // namespace guard
