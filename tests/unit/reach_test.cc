#include "policy/reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::policy_text;
using testing::World;

EffectiveAction effective(std::string_view guard, std::string_view action, Backend backend,
                          const TreeLimits& limits = {}, std::string_view more = "") {
  const auto loaded =
      World().load_good(policy_text("guard = [" + std::string(guard) + "]\naction = \"" +
                                    std::string(action) + "\"\n" + std::string(more)));
  return effective_action(loaded.policy(), backend, limits);
}

TEST(Reach, TheLsmSeesAndDeniesEverything) {
  for (std::size_t i = 0; i < Words<Operation>::kAll.size(); ++i) {
    const auto [sees, denies] = reach(Backend::kLsm, static_cast<Operation>(i));
    EXPECT_TRUE(sees && denies) << Words<Operation>::kAll[i];
  }
}

TEST(Reach, FanotifyDeniesOpensOnly) {
  const EnumSet<Operation> opens{Operation::kCreate, Operation::kWrite, Operation::kMap,
                                 Operation::kRead};
  for (std::size_t i = 0; i < Words<Operation>::kAll.size(); ++i) {
    const auto operation = static_cast<Operation>(i);
    const auto [sees, denies] = reach(Backend::kFanotify, operation);
    EXPECT_EQ(sees, operation != Operation::kSetflags) << word(operation);
    EXPECT_EQ(denies, opens.has(operation)) << word(operation);
  }
}

struct Case {
  std::string_view guard;
  std::string_view action;
  Action lsm;
  Action fanotify;
};

TEST(Reach, ComputesTheActionOfEachGuard) {
  using A = Action;
  for (const auto& [guard, action, lsm, fanotify] : {
           Case{"\"ownership\"", "off", A::kOff, A::kOff},
           Case{"\"ownership\"", "log", A::kLog, A::kLog},
           Case{"\"ownership\"", "fix", A::kFix, A::kFix},
           Case{"\"ownership\"", "deny", A::kDeny, A::kFix},
           Case{"\"content\"", "log", A::kLog, A::kLog},
           Case{"\"content\"", "fix", A::kFix, A::kFix},
           Case{"\"content\"", "deny", A::kDeny, A::kDeny},
           Case{"\"delete\"", "log", A::kLog, A::kLog},
           Case{"\"delete\"", "deny", A::kDeny, A::kLog},
           Case{"\"attributes\"", "log", A::kLog, A::kLog},
           Case{"\"attributes\"", "deny", A::kDeny, A::kLog},
           Case{"\"read\"", "log", A::kLog, A::kLog},
           Case{"\"read\"", "deny", A::kDeny, A::kDeny},
           Case{"\"ownership\", \"read\"", "deny", A::kDeny, A::kFix},
           Case{"\"ownership\", \"delete\"", "deny", A::kDeny, A::kLog},
       }) {
    EXPECT_EQ(effective(guard, action, Backend::kLsm).got, lsm) << guard << action;
    EXPECT_EQ(effective(guard, action, Backend::kFanotify).got, fanotify) << guard << action;
  }
}

TEST(Reach, GetsWhatIsWantedIfNothingPreventsIt) {
  for (const auto* action : {"off", "log"})
    EXPECT_THAT(effective("\"ownership\"", action, Backend::kFanotify).differences, IsEmpty());
  EXPECT_THAT(effective("\"ownership\"", "fix", Backend::kLsm).differences, IsEmpty());
  for (const auto* guard : {"\"ownership\"", "\"content\"", "\"delete\"", "\"attributes\""})
    EXPECT_THAT(effective(guard, "deny", Backend::kLsm).differences, IsEmpty()) << guard;
  EXPECT_THAT(effective("\"read\"", "deny", Backend::kFanotify).differences, IsEmpty());
}

TEST(Reach, ReportsEveryDifference) {
  EXPECT_THAT(effective("\"ownership\"", "deny", Backend::kFanotify).differences,
              ElementsAre("ownership: mkdir, symlink, rename, chown and chmod are fixed "
                          "afterwards, not denied",
                          "ownership: mknod, link and mount are logged, not denied",
                          "ownership: a file that is moved into the tree, and that its owner could "
                          "not read before, is reported, not fixed"));
  EXPECT_THAT(effective("\"content\"", "deny", Backend::kFanotify).differences,
              ElementsAre("content: truncate is logged, not denied"));
  EXPECT_THAT(effective("\"delete\"", "deny", Backend::kFanotify).differences,
              ElementsAre("delete: rename, unlink and rmdir are logged, not denied"));
  EXPECT_THAT(effective("\"attributes\"", "log", Backend::kFanotify).differences,
              ElementsAre("attributes: setflags is not seen"));
  EXPECT_THAT(effective("\"content\"", "fix", Backend::kLsm).differences,
              ElementsAre("content: this cannot be fixed afterwards, so it is only logged"));
}

TEST(Reach, NothingIsFixedIfNothingCanBeChowned) {
  const TreeLimits limits{true, "/srv/shop is on vfat, which does not store owners"};
  for (const auto backend : {Backend::kLsm, Backend::kFanotify}) {
    const auto fix = effective("\"ownership\"", "fix", backend, limits);
    EXPECT_EQ(fix.got, Action::kLog);
    EXPECT_THAT(fix.differences, ElementsAre(limits.why));
    EXPECT_THAT(effective("\"ownership\"", "log", backend, limits).differences, IsEmpty());
  }
  const auto deny = effective("\"ownership\"", "deny", Backend::kFanotify, limits);
  EXPECT_EQ(deny.got, Action::kLog);
  EXPECT_THAT(deny.differences, ElementsAre(HasSubstr("logged, not denied"), limits.why));
  EXPECT_EQ(effective("\"ownership\"", "deny", Backend::kLsm, limits).got, Action::kDeny);
}

TEST(Reach, ARuleThatGetsLessThanItWantsIsADifference) {
  constexpr auto kRule = "rule = [{match = [\"x\"], action = \"deny\"}]";
  const auto got = effective("\"ownership\"", "log", Backend::kFanotify, {}, kRule);
  EXPECT_EQ(got.wanted, Action::kLog);
  EXPECT_EQ(got.got, Action::kLog);
  EXPECT_THAT(got.differences, ElementsAre(HasSubstr("are fixed afterwards, not denied"),
                                           HasSubstr("are logged, not denied"),
                                           HasSubstr("is moved into the tree")));
  EXPECT_THAT(effective("\"ownership\"", "off", Backend::kFanotify, {}, kRule).differences,
              IsEmpty())
      << "the policy turns its rules off";
}

}  // namespace
}  // namespace guard
