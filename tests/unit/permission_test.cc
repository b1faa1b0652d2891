// The parts of an answer: the open's flags, the opener, whether the file is new, the decision.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <thread>

#include "guardd/permission/decision.h"
#include "guardd/permission/open_flags.h"
#include "guardd/permission/opener.h"
#include "tests/unit/judging.h"

namespace guard {
namespace {

using testing::kRootGroup;
using testing::kShop;
using testing::kShopGroup;
using testing::root;
using testing::subject;

// ---- the flags

std::optional<Intent> intent_in(std::string_view syscall) {
  return open_call_from(syscall).intent;
}

TEST(Intent, FollowsTheFlags) {
  EXPECT_EQ(intent_of(O_RDONLY), (Intent{.reads = true}));
  EXPECT_EQ(intent_of(O_WRONLY), (Intent{.writes = true}));
  EXPECT_EQ(intent_of(O_RDWR), (Intent{.reads = true, .writes = true}));
  EXPECT_EQ(intent_of(O_ACCMODE), (Intent{.writes = true}));
  EXPECT_EQ(intent_of(O_RDONLY | O_TRUNC), (Intent{.reads = true, .truncates = true}));
  EXPECT_EQ(intent_of(O_WRONLY | O_CREAT), (Intent{.writes = true, .creates = true}));
  EXPECT_EQ(intent_of(O_WRONLY | O_CREAT | O_EXCL),
            (Intent{.writes = true, .creates = true, .is_exclusive = true}));
  // O_EXCL means nothing without O_CREAT; O_DIRECTORY alone, whose bit O_TMPFILE includes, makes no
  // file.
  EXPECT_FALSE(intent_of(O_WRONLY | O_EXCL).is_exclusive);
  EXPECT_FALSE(intent_of(O_DIRECTORY).is_nameless);
  EXPECT_EQ(intent_of(O_WRONLY | O_TMPFILE),
            (Intent{.writes = true, .creates = true, .is_nameless = true}));
}

#if defined(__x86_64__)
TEST(Intent, IsReadFromTheSystemCall) {
  const Intent writes{.writes = true};
  EXPECT_EQ(intent_in("257 0xffffff9c 0x7ffe 0x1 0x0 0x0 0x0 0x7ffc 0x7f0a\n"), writes);
  EXPECT_EQ(intent_in("2 0x7ffe 0x1 0x1b6 0x0 0x0 0x0 0x7ffc 0x7f0a\n"), writes);
  EXPECT_EQ(intent_in("304 0x5 0x7ffe 0x1 0x0 0x0 0x0 0x7ffc 0x7f0a\n"), writes);
  EXPECT_EQ(intent_in("85 0x7ffe 0x1b6 0x0 0x0 0x0 0x0 0x7ffc 0x7f0a\n"),
            (Intent{.writes = true, .truncates = true, .creates = true}));
  EXPECT_EQ(intent_in("59 0x7ffe 0x7ffe 0x7ffe 0x0 0x0 0x0 0x7ffc 0x7f0a\n"),
            (Intent{.reads = true}));
  // The upper 32 bits of the argument have no meaning.
  EXPECT_EQ(intent_in("257 0xffffff9c 0x7ffe 0xdead00000001 0x0 0x0 0x0 0x7ffc 0x7f0a\n"), writes);
}

TEST(Intent, IsReadFromThe32BitSystemCall) {
  EXPECT_EQ(intent_in("5 0x7ffe 0x1 0x1b6 0x0 0x0 0x0 0xffc 0xf7f\n"), (Intent{.writes = true}));
  EXPECT_EQ(intent_in("295 0xffffff9c 0x7ffe 0x2 0x0 0x0 0x0 0xffc 0xf7f\n"),
            (Intent{.reads = true, .writes = true}));
  EXPECT_EQ(intent_in("11 0x7ffe 0x7ffe 0x7ffe 0x0 0x0 0x0 0xffc 0xf7f\n"),
            (Intent{.reads = true}));
}

TEST(Intent, OfOpenat2IsReadFromMemory) {
  const auto call = open_call_from("437 0xffffff9c 0x7ffe 0xabc0 0x18 0x0 0x0 0x7ffc 0x7f0a\n");
  EXPECT_EQ(call.flags_at, 0xabc0U);
  EXPECT_EQ(call.intent, std::nullopt);
  EXPECT_EQ(intent_in_memory(O_RDWR | O_CREAT),
            (Intent{.reads = true, .writes = true, .creates = true, .can_change = true}));
}
#endif

TEST(Intent, IsUnknownForOtherCallsAndBrokenText) {
  for (const auto* text : {"426 0x5 0x1 0x1 0x1 0x0 0x8 0x7ffc 0x7f0a\n", "running\n", "",
                           "-1 0x7ff 0x0\n", "257", "257 0xffffff9c 0x7ffe", "257 x y z 0 0 0 0 0",
                           "99999999999999999999 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0", "\xff\xfe"})
    EXPECT_EQ(open_call_from(text), OpenCall()) << text;
}

// ---- the opener

TEST(Opener, IsReadFromTheStatus) {
  const auto opener = opener_from(
      "Name:\tsh\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t77\nNgid:\t0\nPid:\t78\nPPid:\t1\n"
      "TracerPid:\t0\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nFDSize:\t64\n");
  ASSERT_TRUE(opener);
  EXPECT_EQ(opener->process, 77);
  EXPECT_EQ(opener->uid, Uid{4});
  EXPECT_EQ(opener->gid, Gid{8});
}

TEST(Opener, IsUnknownIfTheStatusIsIncomplete) {
  for (const auto* text :
       {"", "Name:\tsh\n", "Name:\tx\nTgid:\t77\nUid:\t1\t2\t3\nGid:\t5\t6\t7\t8\n",
        "Name:\tx\nTgid:\t77\nUid:\t1\t2\t3\tx\nGid:\t5\t6\t7\t8\n",
        "Name:\tx\nTgid:\t77\nUid:\t1\t2\t3\t4"})
    EXPECT_FALSE(opener_from(text)) << text;
}

TEST(Opener, IsTheProcessOfTheThread) {
  OpenerTable openers;
  for (int times = 0; times < 2; ++times) {
    const auto self = openers.find(::gettid());
    ASSERT_TRUE(self);
    EXPECT_EQ(self->process, ::getpid());
    EXPECT_EQ(self->uid, Uid{::geteuid()});
  }
  EXPECT_FALSE(openers.find(0));
  EXPECT_FALSE(openers.find(-1));
  EXPECT_FALSE(openers.find(1 << 30));
  ASSERT_TRUE(openers.find(::gettid()));
}

// Ids can change between two opens, and each thread has its own.
TEST(Opener, HasTheCurrentIds) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can change its ids";
  OpenerTable openers;
  std::thread other([&] {
    for (const uid_t user : {0U, 4242U, 0U}) {
      ::setfsuid(user);
      const auto opener = openers.find(::gettid());
      ASSERT_TRUE(opener);
      EXPECT_EQ(opener->uid, Uid{user});
      EXPECT_EQ(opener->process, ::getpid());
    }
  });
  other.join();
}

// ---- whether the file is new

constexpr std::int64_t kNow = 1'700'000'000'000'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;

OpenedFile new_file() {
  OpenedFile opened;
  opened.state = testing::lying(kRoot, kRootGroup);
  opened.born = opened.changed = opened.modified = kNow - 1000;
  opened.now = kNow;
  return opened;
}

const Intent kCreates{.writes = true, .creates = true};

TEST(NoveltyOf, AFileThatTheOpenMadeIsNew) {
  EXPECT_EQ(novelty_of(new_file(), kCreates, kRoot), Novelty::kNew);
  EXPECT_EQ(novelty_of(new_file(), std::nullopt, kRoot), Novelty::kNew);
  auto nameless = new_file();
  nameless.state.links = 0;
  EXPECT_EQ(novelty_of(nameless, intent_of(O_TMPFILE | O_WRONLY), kRoot), Novelty::kNew);
}

TEST(NoveltyOf, AFileWithoutABirthTimeIsUnclear) {
  auto opened = new_file();
  opened.born.reset();
  EXPECT_EQ(novelty_of(opened, kCreates, kRoot), Novelty::kUnclear);
  EXPECT_EQ(novelty_of(opened, intent_of(O_WRONLY | O_CREAT | O_EXCL), kRoot), Novelty::kNew);
}

TEST(NoveltyOf, AFileThatTheOpenFoundIsOld) {
  EXPECT_EQ(novelty_of(new_file(), Intent{.writes = true}, kRoot), Novelty::kOld);
  const auto is_old = [](auto change) {
    auto opened = new_file();
    change(opened);
    EXPECT_EQ(novelty_of(opened, kCreates, kRoot), Novelty::kOld);
  };
  is_old([](OpenedFile& opened) { opened.size = 1; });
  is_old([](OpenedFile& opened) { opened.state.links = 2; });
  is_old([](OpenedFile& opened) { opened.state.uid = kShop; });
  is_old([](OpenedFile& opened) { opened.state.type = FileType::kDirectory; });
  is_old([](OpenedFile& opened) { opened.now += 10 * kSecond; });
  is_old([](OpenedFile& opened) { opened.changed += kSecond; });
  is_old([](OpenedFile& opened) { opened.modified -= kSecond; });
  is_old([](OpenedFile& opened) { opened.born = kNow - 100 * kSecond; });
}

// Another thread can change openat2's flags after the open.
TEST(NoveltyOf, FlagsThatCanChangeProveNothing) {
  auto intent = intent_of(O_WRONLY | O_CREAT | O_EXCL);
  intent.can_change = true;
  auto old = new_file();
  old.born = kNow - 100 * kSecond;
  EXPECT_EQ(novelty_of(old, intent, kRoot), Novelty::kOld);
  old.born.reset();
  EXPECT_EQ(novelty_of(old, intent, kRoot), Novelty::kUnclear);
  auto linked = new_file();
  linked.state.links = 2;
  EXPECT_EQ(novelty_of(linked, intent_of(O_WRONLY | O_CREAT | O_EXCL), kRoot), Novelty::kOld);
}

// ---- the decision

class Decide : public testing::Judge {
 protected:
  static OpenedFile old() {
    auto opened = new_file();
    opened.state = testing::lying(kShop, kShopGroup);
    opened.size = 5;
    return opened;
  }
  Decision created(std::string_view more, const Subject& by = root(),
                   Novelty novelty = Novelty::kNew) {
    return decide(policy(more), "new", new_file(), novelty, kCreates, UnknownIntent::kWrite, by);
  }
  Decision opened(std::string_view more, std::optional<Intent> intent, const Subject& by = root(),
                  UnknownIntent unknown = UnknownIntent::kWrite) {
    return decide(policy(more), "conf", old(), Novelty::kOld, intent, unknown, by);
  }
};

constexpr auto kDeny = "action = \"deny\"\n";
constexpr auto kContent = "action = \"deny\"\nguard = [\"content\"]\n";
constexpr auto kReading = "action = \"deny\"\nguard = [\"read\"]\n";
constexpr auto kAtOpen = "action = \"fix\"\nfix_at = \"open\"\n";

TEST_F(Decide, AFileWithTheWrongOwnerIsDenied) {
  EXPECT_EQ(created(kDeny).answer, OpenAnswer::kDeny);
  EXPECT_EQ(created(kDeny).operation, Operation::kCreate);
  EXPECT_EQ(created(kDeny, subject(kShop, kShopGroup)).answer, OpenAnswer::kAllow);
  EXPECT_EQ(created("action = \"fix\"\n").answer, OpenAnswer::kAllow);
  EXPECT_EQ(created(kContent).answer, OpenAnswer::kAllow);
}

TEST_F(Decide, AFileThatMayBeOldIsNotDenied) {
  EXPECT_EQ(created(kDeny, root(), Novelty::kUnclear).answer, OpenAnswer::kAllow);
  EXPECT_EQ(created(kAtOpen, root(), Novelty::kUnclear).answer, OpenAnswer::kAllow);
}

TEST_F(Decide, ANewFileIsFixedAtOpenIfThePolicySaysSo) {
  EXPECT_EQ(created(kAtOpen).answer, OpenAnswer::kFix);
  EXPECT_EQ(created("action = \"log\"\nfix_at = \"open\"\n").answer, OpenAnswer::kAllow);
  EXPECT_EQ(created("action = \"deny\"\nfix_at = \"open\"\n").answer, OpenAnswer::kDeny);
  EXPECT_EQ(
      created("action = \"deny\"\nfix_at = \"open\"\n[[policy.allow]]\nuser = \"root\"\n").answer,
      OpenAnswer::kFix);
  EXPECT_EQ(created(kAtOpen, subject(kShop, kShopGroup)).answer, OpenAnswer::kAllow);
}

TEST_F(Decide, TheContentGuardDeniesWriters) {
  EXPECT_EQ(opened(kContent, intent_of(O_RDONLY)).answer, OpenAnswer::kAllow);
  EXPECT_FALSE(opened(kContent, intent_of(O_RDONLY)).operation);
  EXPECT_EQ(opened(kContent, intent_of(O_WRONLY)).answer, OpenAnswer::kDeny);
  EXPECT_EQ(opened(kContent, intent_of(O_RDWR)).operation, Operation::kWrite);
  EXPECT_EQ(opened(kContent, intent_of(O_RDONLY | O_TRUNC)).operation, Operation::kTruncate);
  EXPECT_EQ(opened(kContent, intent_of(O_WRONLY), subject(kShop, kShopGroup)).answer,
            OpenAnswer::kAllow);
  EXPECT_EQ(opened(kDeny, intent_of(O_WRONLY | O_CREAT | O_TRUNC)).answer, OpenAnswer::kAllow);
}

TEST_F(Decide, TheReadGuardDeniesReaders) {
  EXPECT_EQ(opened(kReading, intent_of(O_RDONLY)).answer, OpenAnswer::kDeny);
  EXPECT_EQ(opened(kReading, intent_of(O_RDWR)).operation, Operation::kRead);
  EXPECT_EQ(opened(kReading, intent_of(O_WRONLY)).answer, OpenAnswer::kAllow);
}

TEST_F(Decide, AnUnknownIntentIsJudgedAsConfigured) {
  EXPECT_EQ(opened(kContent, std::nullopt).answer, OpenAnswer::kDeny);
  EXPECT_EQ(opened(kContent, std::nullopt, root(), UnknownIntent::kRead).answer,
            OpenAnswer::kAllow);
  // Fails safe: an unknown open always counts as a read.
  EXPECT_EQ(opened(kReading, std::nullopt, root(), UnknownIntent::kRead).answer, OpenAnswer::kDeny);
  EXPECT_EQ(opened(kReading, std::nullopt).answer, OpenAnswer::kDeny);
}

TEST_F(Decide, AnAllowedViolationIsReported) {
  const auto decision =
      opened("action = \"deny\"\nguard = [\"content\"]\n[[policy.allow]]\nuser = \"root\"\n",
             intent_of(O_WRONLY));
  EXPECT_EQ(decision.answer, OpenAnswer::kAllow);
  EXPECT_EQ(decision.operation, Operation::kWrite);
}

TEST_F(Decide, OnlySomePoliciesNeedAnswers) {
  const auto needs = [&](std::string_view more, bool lsm) {
    return needs_answers(policy(more), lsm);
  };
  for (const bool lsm : {false, true}) {
    EXPECT_FALSE(needs("action = \"fix\"\n", lsm));
    EXPECT_FALSE(needs("action = \"log\"\nguard = [\"content\", \"read\"]\n", lsm));
    EXPECT_FALSE(needs("action = \"deny\"\nguard = [\"delete\", \"attributes\"]\n", lsm));
    EXPECT_FALSE(needs("action = \"log\"\nfix_at = \"open\"\n", lsm));
    EXPECT_TRUE(needs(kAtOpen, lsm));
    EXPECT_EQ(needs(kDeny, lsm), !lsm);
    EXPECT_EQ(needs(kContent, lsm), !lsm);
    EXPECT_EQ(needs(kReading, lsm), !lsm);
  }
  EXPECT_TRUE(is_same_for_all(policy(kDeny)));
  EXPECT_FALSE(is_same_for_all(policy(kContent)));
  EXPECT_FALSE(is_same_for_all(policy(kReading)));
}

}  // namespace
}  // namespace guard
