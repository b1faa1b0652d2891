#include "guardd/evidence/evidence.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "guardd/evidence/access.h"
#include "guardd/evidence/inode_history.h"

namespace guard {
namespace {

constexpr Uid kShop{4242};
constexpr Uid kOther{4343};
constexpr Gid kShopGroup{4242};
constexpr Gid kTeam{500};
constexpr Gid kWebGroup{33};

WantedState shop() {
  WantedState wanted;
  wanted.owner = {kShop, "shop"};
  wanted.group = {kWebGroup, "www-data"};  // the owner is not a member
  wanted.owner_groups = {kShopGroup, kTeam};
  return wanted;
}

ObjectState object(Uid uid, Gid gid, std::uint32_t mode, FileType type = FileType::kRegular) {
  return {type, uid, gid, Mode{mode}, 1};
}

bool can_read(const ObjectState& state, const AccessList& list = AccessList::none()) {
  return could_read(shop(), state, list);
}

TEST(Access, ModesDecideAsInTheKernel) {
  EXPECT_TRUE(can_read(object(kRoot, Gid{0}, 0644)));
  EXPECT_FALSE(can_read(object(kRoot, Gid{0}, 0600)));
  EXPECT_FALSE(can_read(object(kRoot, Gid{0}, 0640)));
  EXPECT_TRUE(can_read(object(kRoot, kTeam, 0640)));
  EXPECT_FALSE(can_read(object(kRoot, kTeam, 0604)));
  EXPECT_TRUE(can_read(object(kShop, kShopGroup, 0)));
}

// A rule can want a file to be root's.
TEST(Access, RootNeedsNoPermission) {
  WantedState root;
  root.owner = {kRoot, "root"};
  const auto closed = object(kShop, kShopGroup, 0700, FileType::kDirectory);
  EXPECT_TRUE(could_enter(root, closed, AccessList::none()));
  EXPECT_TRUE(could_read(root, object(kShop, kShopGroup, 0600), AccessList::unknown()));
}

TEST(Access, TheWantedGroupIsNoGroupOfTheOwner) {
  EXPECT_FALSE(can_read(object(kRoot, kWebGroup, 0640)));
}

// Perhaps not all groups are known: one of them could deny what all others may.
TEST(Access, AGroupThatMayDenyCountsAgainst) {
  EXPECT_FALSE(can_read(object(kRoot, Gid{77}, 0604)));
}

TEST(Access, ADirectoryIsReadableIfItCanBeEnteredToo) {
  const auto directory = [](std::uint32_t mode) {
    return object(kRoot, Gid{0}, mode, FileType::kDirectory);
  };
  EXPECT_TRUE(can_read(directory(0755)));
  EXPECT_FALSE(can_read(directory(0754)));
  EXPECT_FALSE(can_read(directory(0751)));
  EXPECT_TRUE(could_enter(shop(), directory(0751), AccessList::none()));
  EXPECT_FALSE(could_enter(shop(), directory(0754), AccessList::none()));
  EXPECT_TRUE(can_read(object(kRoot, Gid{0}, 0, FileType::kSymlink)));
}

std::string list(std::initializer_list<AccessList::Entry> entries) {
  std::string bytes("\2\0\0\0", 4);
  for (const auto& entry : entries)
    bytes.append(reinterpret_cast<const char*>(&entry), sizeof entry);
  return bytes;
}

TEST(Access, ListsDecideAsInTheKernel) {
  const auto state = object(kRoot, Gid{0}, 0640);
  const auto reads = [&](std::initializer_list<AccessList::Entry> entries) {
    return can_read(state, AccessList::parse(list(entries)));
  };
  EXPECT_TRUE(reads({{1, 6, 0}, {2, 4, 4242}, {4, 0, 0}, {16, 4, 0}, {32, 0, 0}}));
  EXPECT_FALSE(reads({{1, 6, 0}, {2, 4, 4242}, {4, 0, 0}, {16, 0, 0}, {32, 4, 0}}));
  EXPECT_FALSE(reads({{1, 6, 0}, {2, 4, 4343}, {4, 0, 0}, {16, 4, 0}, {32, 0, 0}}));
  EXPECT_TRUE(reads({{1, 6, 0}, {4, 0, 0}, {8, 4, 500}, {16, 4, 0}, {32, 0, 0}}));
  EXPECT_FALSE(reads({{1, 6, 0}, {4, 4, 0}, {8, 0, 500}, {16, 4, 0}, {32, 4, 0}}));
  EXPECT_FALSE(reads({{1, 6, 0}, {4, 4, 0}, {8, 4, 33}, {16, 4, 0}, {32, 0, 0}}));
}

TEST(Access, AnUnknownListGrantsNothing) {
  const auto state = object(kRoot, Gid{0}, 0644);
  for (const auto& bytes :
       {std::string("\2\0\0\0\1", 5), std::string("\1\0\0\0", 4), std::string()})
    EXPECT_FALSE(can_read(state, AccessList::parse(bytes)));
  EXPECT_FALSE(can_read(state, AccessList::unknown()));
}

// The owner can read it, but the members of the wanted group cannot.
TEST(Access, AWantedGroupMustNotLearnAnythingEither) {
  const auto is_free = [](const WantedState& wanted, const ObjectState& state,
                          const AccessList& list = AccessList::none()) {
    return nothing_is_revealed(wanted, state, list).has_value();
  };
  auto wanted = shop();
  EXPECT_FALSE(is_free(wanted, object(kRoot, kTeam, 0640)));
  EXPECT_TRUE(is_free(wanted, object(kRoot, kTeam, 0644)));
  EXPECT_TRUE(is_free(wanted, object(kRoot, kTeam, 0777, FileType::kSymlink)));
  EXPECT_FALSE(is_free(wanted, object(kRoot, kTeam, 0751, FileType::kDirectory)));
  // Those of its group could not read it, and would be among all others.
  EXPECT_FALSE(is_free(wanted, object(kShop, kTeam, 0604)));
  const auto shared = [&](std::uint16_t bits) {
    return AccessList::parse(
        list({{1, 6, 0}, {4, 4, 0}, {8, bits, kWebGroup.value}, {16, 4, 0}, {32, 0, 0}}));
  };
  EXPECT_TRUE(is_free(wanted, object(kRoot, kTeam, 0640), shared(4)));
  EXPECT_FALSE(is_free(wanted, object(kRoot, kTeam, 0640), shared(0)));
  EXPECT_FALSE(is_free(wanted, object(kShop, kTeam, 0644), AccessList::unknown()));

  wanted.is_alone_in_group = true;
  EXPECT_TRUE(is_free(wanted, object(kRoot, kTeam, 0640)));
  EXPECT_FALSE(is_free(wanted, object(kRoot, Gid{0}, 0640)));
}

TEST(Access, TheOwnerOfTheTreeDecidesWhoReadsItsOwnFiles) {
  auto wanted = shop();
  EXPECT_FALSE(nothing_is_revealed(wanted, object(kShop, kTeam, 0640), AccessList::none()));
  wanted.has_the_tree = true;
  EXPECT_TRUE(nothing_is_revealed(wanted, object(kShop, kTeam, 0640), AccessList::none()));
  EXPECT_FALSE(nothing_is_revealed(wanted, object(kRoot, kTeam, 0640), AccessList::none()));
}

// A rule that wants root's files to have the service's group: the service can give any file the
// name that the rule is about.
TEST(Access, WhatIsRootsIsNotForEveryGroup) {
  WantedState wanted;
  wanted.owner = {kRoot, "root"};
  wanted.group = {kShopGroup, "shop"};
  EXPECT_FALSE(nothing_is_revealed(wanted, object(kRoot, Gid{0}, 0640), AccessList::none()));
  EXPECT_TRUE(nothing_is_revealed(wanted, object(kRoot, Gid{0}, 0600), AccessList::none()));
  EXPECT_TRUE(nothing_is_revealed(wanted, object(kRoot, Gid{0}, 0644), AccessList::none()));
}

TEST(KernelWitness, CountsOnlyUnderTheTermsOfTheAct) {
  const auto tag = [](std::uint32_t kind) {
    return WitnessTag{1, 0, kShop.value, kWebGroup.value, kind, 0};
  };
  const OwnerIds wanted{kShop, kWebGroup};
  ASSERT_TRUE(evidence_of(tag(kWitnessBrought), wanted));
  EXPECT_EQ(evidence_of(tag(kWitnessBrought), wanted)->kind(), Evidence::Kind::kBroughtByRoot);
  EXPECT_FALSE(evidence_of(tag(kWitnessBrought), {kOther, kWebGroup}));
  EXPECT_FALSE(evidence_of(tag(kWitnessBrought), {kShop, kTeam}));
  EXPECT_FALSE(evidence_of(tag(kWitnessNone), wanted));
  EXPECT_FALSE(evidence_of(tag(99), wanted));
}

class InodeHistoryTest : public testing::Test {
 protected:
  static constexpr std::int64_t kNow = 1'000'000;

  InodePlace at(std::uint64_t directory = 1, Uid owner = kShop, Gid group = kShopGroup) const {
    return {file_, directory, {owner, group}};
  }
  void created(Uid uid, std::uint32_t mode = 0600, std::int64_t born = kNow) {
    const auto group = uid == kShop ? kShopGroup : Gid{0};
    history_.created(at(), {object(uid, group, mode), born, born}, terms_);
  }
  std::optional<Evidence::Kind> kind(const InodePlace& place) const {
    const auto evidence = history_.evidence_for(place);
    return evidence ? std::optional(evidence->kind()) : std::nullopt;
  }

  FileId file_{"filesystem", 1, "file"};
  BirthTerms terms_{kNow, true};
  InodeHistory history_{{1, 2}};
};

TEST_F(InodeHistoryTest, ABirthByAnotherUserIsEvidence) {
  created(kRoot);
  EXPECT_EQ(kind(at()), Evidence::Kind::kBornHere);
}

TEST_F(InodeHistoryTest, ABirthByTheOwnerIsNot) {
  created(kShop);
  EXPECT_FALSE(kind(at()));
}

TEST_F(InodeHistoryTest, ALinkIsNoBirth) {
  created(kRoot, 0600, kNow - 1);
  EXPECT_FALSE(kind(at()));
}

// git writes a pack under a temporary name, and links it to the final one.
TEST_F(InodeHistoryTest, ALinkOfANewFileInItsDirectoryEndsNothing) {
  created(kRoot);
  created(kRoot, 0600, kNow - 1);
  EXPECT_EQ(kind(at()), Evidence::Kind::kBornHere);
  terms_.links_are_protected = false;
  created(kRoot, 0600, kNow - 1);
  EXPECT_FALSE(kind(at()));
}

TEST_F(InodeHistoryTest, AnOwnFileWithAnotherNameIsNotRemembered) {
  auto state = object(kShop, kShopGroup, 0600);
  state.links = 2;
  history_.created(at(), {state, kNow, kNow}, terms_);
  EXPECT_EQ(history_.size(), 0U);
}

TEST_F(InodeHistoryTest, WithoutATimeOfBirthThereIsNoEvidence) {
  history_.created(at(), {object(kRoot, Gid{0}, 0600), std::nullopt, kNow}, terms_);
  EXPECT_FALSE(kind(at()));
}

TEST_F(InodeHistoryTest, WhereLinksAreNotProtectedOnlyDirectoriesAreBorn) {
  terms_.links_are_protected = false;
  created(kRoot);
  EXPECT_FALSE(kind(at()));
  history_.created(at(), {object(kRoot, Gid{0}, 0700, FileType::kDirectory), 1, kNow}, terms_);
  EXPECT_EQ(kind(at()), Evidence::Kind::kBornHere);
}

TEST_F(InodeHistoryTest, WhatTheOwnerHadAndAnotherTookIsEvidence) {
  created(kShop);
  history_.changed(at(), object(kRoot, Gid{0}, 0600));
  EXPECT_EQ(kind(at()), Evidence::Kind::kWasTheOwners);
  history_.changed(at(), object(kShop, kShopGroup, 0600));
  EXPECT_FALSE(kind(at()));
}

TEST_F(InodeHistoryTest, AFileThatAllCanReadIsNotRemembered) {
  created(kShop, 0644);
  EXPECT_EQ(history_.size(), 0U);
  history_.changed(at(), object(kShop, kShopGroup, 0600));
  EXPECT_EQ(history_.size(), 1U);
}

TEST_F(InodeHistoryTest, AChangeOfAForeignFileIsNoEvidence) {
  history_.changed(at(), object(kRoot, Gid{0}, 0600));
  EXPECT_FALSE(kind(at()));
}

TEST_F(InodeHistoryTest, WhatLeavesIsForgotten) {
  created(kRoot);
  history_.left(at());
  history_.arrived(at(), object(kRoot, Gid{0}, 0600));
  EXPECT_FALSE(kind(at()));

  created(kShop);
  history_.left(at());
  history_.arrived(at(), object(kRoot, Gid{0}, 0600));
  history_.changed(at(), object(kRoot, Gid{0}, 0600));
  EXPECT_FALSE(kind(at()));
}

TEST_F(InodeHistoryTest, AnArrivalEndsWhatIsKnownEvenIfTheDepartureWasNotSeen) {
  created(kRoot);
  history_.arrived(at(), object(kRoot, Gid{0}, 0600));
  EXPECT_FALSE(kind(at()));
}

TEST_F(InodeHistoryTest, EvidenceMovesWithTheFile) {
  created(kRoot);
  history_.moved(at(1), at(2));
  EXPECT_FALSE(kind(at(1)));
  EXPECT_EQ(kind(at(2)), Evidence::Kind::kBornHere);
}

// A rule wants root's files to have the service's group.
TEST_F(InodeHistoryTest, AGroupNeedsEvidenceToo) {
  const auto place = at(1, kRoot, kShopGroup);
  const InodeState made{object(kRoot, Gid{0}, 0640), kNow, kNow};
  history_.created(place, made, terms_);
  EXPECT_EQ(kind(place), Evidence::Kind::kBornHere);
  EXPECT_FALSE(kind(at(1, kRoot, kTeam)));
  history_.changed(place, object(kRoot, kShopGroup, 0640));
  EXPECT_FALSE(kind(place));
  history_.changed(place, object(kRoot, Gid{0}, 0640));
  EXPECT_EQ(kind(place), Evidence::Kind::kWasTheOwners);

  history_.arrived(place, made.state);
  EXPECT_FALSE(kind(place));
  history_.changed(place, object(kRoot, Gid{0}, 0600));
  EXPECT_FALSE(kind(place));
}

TEST_F(InodeHistoryTest, WhatTheOwnerCreatesWithAnotherGroupIsRememberedIfItIsHidden) {
  history_.created(at(), {object(kShop, kTeam, 0644), kNow, kNow}, terms_);
  EXPECT_EQ(history_.size(), 0U);
  history_.created(at(), {object(kShop, kTeam, 0600), kNow, kNow}, terms_);
  history_.changed(at(), object(kRoot, Gid{0}, 0600));
  EXPECT_TRUE(kind(at()));
}

// A rule wants a key to be root's: a new name does not make it the owner's.
TEST_F(InodeHistoryTest, OtherTermsEndWhatIsKnown) {
  created(kRoot);
  history_.moved(at(1, kShop), at(1, kRoot));
  history_.moved(at(1, kRoot), at(1, kShop));
  EXPECT_FALSE(kind(at()));
}

TEST_F(InodeHistoryTest, AfterALossNothingCounts) {
  created(kRoot);
  history_.forget_all();
  EXPECT_FALSE(kind(at()));
}

TEST_F(InodeHistoryTest, BeyondTheBoundThereIsNoEvidence) {
  InodeHistory small({1, 2}, 1, 1);
  const FileId other("filesystem", 1, "other");
  small.found(at());
  small.found({other, 1, {kShop, kShopGroup}});
  EXPECT_TRUE(small.evidence_for(at()));
  EXPECT_FALSE(small.evidence_for({other, 1, {kShop, kShopGroup}}));
  EXPECT_EQ(small.dropped(), 1U);
}

TEST(InodeSet, HoldsWhatWasInsertedAndNotErased) {
  InodeSet set(100'000);
  std::set<std::uint64_t> expected;
  std::uint64_t random = 1;
  for (int i = 0; i < 300'000; ++i) {
    random = random * 6364136223846793005 + 1442695040888963407;
    const auto key = (random >> 40) * 0x9e3779b97f4a7c15;
    if ((random >> 20 & 3) == 0) {
      EXPECT_EQ(set.erase(key), expected.erase(key) > 0);
    } else if (set.insert(key)) {
      expected.insert(key);
    }
  }
  EXPECT_EQ(set.size(), expected.size());
  for (const auto key : expected) EXPECT_TRUE(set.contains(key));
}

TEST(InodeSet, TakesElevenBytesForAnInode) {
  InodeSet set(2'000'000);
  const InodeKey key({3, 4});
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    ASSERT_TRUE(set.insert(key("file", i, 0)));
    ASSERT_TRUE(i <= 10'000 || set.bytes() <= set.size() * 11);
  }
}

TEST(InodeKey, DependsOnAllItsParts) {
  const InodeKey key({1, 2});
  const std::set<std::uint64_t> keys{key("a", 1, 1),        key("b", 1, 1),
                                     key("a", 2, 1),        key("a", 1, 2),
                                     key({"a\0", 2}, 1, 1), InodeKey({1, 3})("a", 1, 1)};
  EXPECT_EQ(keys.size(), 6U);
}

}  // namespace
}  // namespace guard
