// Where an object in a tree comes from: the evidence that the programs keep on its inode.
#include <sys/socket.h>
#include <sys/un.h>

#include <functional>
#include <thread>

#include "tests/vm/lsm_witness.h"

namespace guard {
namespace {

class LsmWitness : public LsmOnEveryFs {
 protected:
  void SetUp() override {
    LsmOnEveryFs::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    for (const auto* directory : {&tree_, &outside_, &source_})
      ASSERT_EQ(::fchmod(directory->get(), 0777), 0);
    tag(tree_, kOwner, kTreeActionLog);
  }
};
GUARD_ON_EVERY_FS(LsmWitness);
GUARD_ON_BTRFS_TOO(LsmWitness);

// ---- born here

const std::vector<std::pair<const char*, int (*)(const Fd& in)>> kCreations{
    {"open", [](const Fd& in) { return create(in, "open"); }},
    {"reader",
     [](const Fd& in) {
       return errno_of(
           Fd(::openat(in.get(), "reader", O_CREAT | O_RDONLY | O_CLOEXEC, 0600)).get());
     }},
    {"mkdir", [](const Fd& in) { return errno_of(::mkdirat(in.get(), "mkdir", 0700)); }},
    {"mknod",
     [](const Fd& in) { return errno_of(::mknodat(in.get(), "mknod", S_IFREG | 0600, 0)); }},
    {"fifo", [](const Fd& in) { return errno_of(::mknodat(in.get(), "fifo", S_IFIFO | 0600, 0)); }},
    {"symlink", [](const Fd& in) { return errno_of(::symlinkat("target", in.get(), "symlink")); }},
    {"socket",
     [](const Fd& in) {
       const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
       sockaddr_un address{};
       address.sun_family = AF_UNIX;
       (void)std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/socket",
                           in.get());
       const void* untyped = &address;
       return errno_of(::bind(socket.get(), static_cast<const sockaddr*>(untyped), sizeof address));
     }},
};

TEST_P(LsmWitness, WhatRootCreatesIsBornHere) {
  for (const auto& [name, run] : kCreations) {
    ASSERT_EQ(run(tree_), 0) << name;
    const auto witness = witness_of(*lsm_, tree_, name);
    ASSERT_TRUE(witness) << name;
    EXPECT_EQ(witness->kind, kWitnessBorn) << name;
    EXPECT_EQ(witness->owner, kOwner) << name;
    EXPECT_EQ(witness->departures, lsm_->departures(witness->tree)) << name;
  }
}

TEST_P(LsmWitness, WhatAThirdUserCreatesIsBornHere) {
  for (const auto& [name, run] : kCreations) {
    as(kOther, [&, name = name, run = run] { ASSERT_EQ(run(tree_), 0) << name; });
    EXPECT_EQ(KIND_OF(tree_, name), kWitnessBorn) << name;
  }
}

TEST_P(LsmWitness, WhatTheOwnerCreatesHasNoEvidence) {
  for (const auto& [name, run] : kCreations) {
    as(kOwner, [&, name = name, run = run] { ASSERT_EQ(run(tree_), 0) << name; });
    EXPECT_EQ(KIND_OF(tree_, name), kWitnessNone) << name;
  }
}

TEST_P(LsmWitness, WhatIsCreatedOutsideHasNoEvidence) {
  for (const auto& [name, run] : kCreations) {
    ASSERT_EQ(run(outside_), 0) << name;
    EXPECT_EQ(KIND_OF(outside_, name), kWitnessNone) << name;
  }
}

TEST_P(LsmWitness, TheUserOfTheThreadDecides) {
  std::thread owner([&] {
    const ActingAs acting(kOwner);
    std::thread root([&] {
      const ActingAs acting_too(0);
      EXPECT_EQ(create(tree_, "of_root"), 0);
    });
    root.join();
    EXPECT_EQ(create(tree_, "of_owner"), 0);
  });
  owner.join();
  EXPECT_EQ(KIND_OF(tree_, "of_owner"), kWitnessNone);
  EXPECT_EQ(KIND_OF(tree_, "of_root"), kWitnessBorn);
}

TEST_P(LsmWitness, OpeningAnExistingFileProvesNothing) {
  make_file(outside_, "file", "");
  ASSERT_EQ(::linkat(outside_.get(), "file", tree_.get(), "file", 0), 0);
  EXPECT_TRUE(Fd(::openat(tree_.get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
  EXPECT_EQ(KIND_OF(tree_, "file"), kWitnessNone);
}

// The memory of the creation must not wait for the next object with this name.
TEST_P(LsmWitness, AFailedCreationProvesNothing) {
  make_file(outside_, "file", "");
  const std::string target(4095, 'x');
  if (::symlinkat(target.c_str(), tree_.get(), "new") == 0)
    GTEST_SKIP() << "no target is too long for this file system";
  ASSERT_EQ(::linkat(outside_.get(), "file", tree_.get(), "new", 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "new"), kWitnessNone);
}

TEST_P(LsmWitness, ANamelessFileIsBornWithItsName) {
  const auto nameless = [](const Fd& in) {
    return Fd(::openat(in.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  };
  const auto link = [](const Fd& file, const Fd& to, const char* name) {
    const auto path = "/proc/self/fd/" + std::to_string(file.get());
    return errno_of(::linkat(AT_FDCWD, path.c_str(), to.get(), name, AT_SYMLINK_FOLLOW));
  };
  const auto file = nameless(tree_);
  const auto other = nameless(tree_);
  const auto foreign = nameless(outside_);
  ASSERT_TRUE(file && other && foreign);
  EXPECT_FALSE(lsm_->witness(file.get()));
  ASSERT_EQ(link(file, tree_, "file"), 0);
  EXPECT_EQ(KIND_OF(tree_, "file"), kWitnessBorn);
  ASSERT_EQ(link(other, outside_, "other"), 0);
  EXPECT_EQ(KIND_OF(outside_, "other"), kWitnessNone);
  ASSERT_EQ(link(foreign, tree_, "foreign"), 0);
  EXPECT_EQ(KIND_OF(tree_, "foreign"), kWitnessBorn);
  // A second name is none of a new file.
  ASSERT_EQ(::linkat(outside_.get(), "other", tree_.get(), "other", 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "other"), kWitnessNone);
  // Root's file does not become the owner's because the owner names it.
  const auto roots = nameless(outside_);
  const ActingAs owner(kOwner);
  if (link(roots, tree_, "roots") == 0) {
    EXPECT_EQ(KIND_OF(tree_, "roots"), kWitnessNone);
  }
}

TEST_P(LsmWitness, OnlyAGuardOfOwnershipKeepsEvidence) {
  tag(tree_, kOwner, kTreeActionLog, kContentBit);
  ASSERT_EQ(create(tree_, "content"), 0);
  EXPECT_EQ(KIND_OF(tree_, "content"), kWitnessNone);
  tag(tree_, kOwner, kTreeActionOff);
  ASSERT_EQ(create(tree_, "off"), 0);
  EXPECT_EQ(KIND_OF(tree_, "off"), kWitnessNone);
}

TEST_P(LsmWitness, TooDeepIsNoEvidence) {
  std::string path = "tree";
  for (int i = 1; i < kWitnessDepth; ++i) path += "/d";
  const auto deep = make_directory_as_owner(path);
  ASSERT_EQ(::mkdirat(deep.get(), "last", 0700), 0);
  EXPECT_EQ(KIND_OF(deep, "last"), kWitnessBorn);
  const auto deeper = open_directory(fs::path(kScratch) / path / "last");
  ASSERT_EQ(create(deeper, "file"), 0);
  EXPECT_EQ(KIND_OF(deeper, "file"), kWitnessNone);
}

// ---- changes of attributes

TEST_P(LsmWitness, WhatIsTakenFromTheOwnerWasTheOwners) {
  make_file_as_owner(tree_, "own", "");
  ASSERT_EQ(::fchownat(tree_.get(), "own", kOther, 0, 0), 0);
  const auto witness = witness_of(*lsm_, tree_, "own");
  ASSERT_TRUE(witness);
  EXPECT_EQ(witness->kind, kWitnessTaken);
  EXPECT_EQ(witness->owner, kOwner);
  // Not from the owner, so that the first is still what happened.
  ASSERT_EQ(::fchownat(tree_.get(), "own", 0, 0, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "own"), kWitnessTaken);
  ASSERT_EQ(::fchownat(tree_.get(), "own", kOwner, 0, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "own"), kWitnessTaken);
  ASSERT_EQ(::fchownat(tree_.get(), "own", kOwner, kOwner, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "own"), kWitnessNone);
}

TEST_P(LsmWitness, WhatIsTakenFromTheGroupIsEvidenceToo) {
  make_file_as_owner(tree_, "own", "");
  ASSERT_EQ(::fchownat(tree_.get(), "own", static_cast<uid_t>(-1), 0, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "own"), kWitnessTaken);
  EXPECT_EQ(witness_of(*lsm_, tree_, "own")->group, kOwner);
  ASSERT_EQ(::fchownat(tree_.get(), "own", static_cast<uid_t>(-1), kOwner, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "own"), kWitnessNone);
}

// What a policy wants to be root's, for the service's group: root creates it with the wrong group.
TEST_P(LsmWitness, WhatIsRootsIsBornAndBroughtForAGroup) {
  auto wanted = tag_for(0, kTreeActionLog);
  wanted.terms.group = kOwner;
  const auto roots = make_directory("roots", kOwner);
  tag(roots, wanted);
  ASSERT_EQ(create(roots, "born"), 0);
  EXPECT_EQ(KIND_OF(roots, "born"), kWitnessBorn);
  ASSERT_EQ(::fchownat(roots.get(), "born", 0, kOwner, 0), 0);
  EXPECT_EQ(KIND_OF(roots, "born"), kWitnessNone);
  make_file(outside_, "brought", "");
  ASSERT_EQ(move(outside_, "brought", roots, "brought"), 0);
  EXPECT_EQ(KIND_OF(roots, "brought"), kWitnessBrought);
  make_file(outside_, "planted", "");
  as(kOwner, [&] { ASSERT_EQ(move(outside_, "planted", roots, "planted"), 0); });
  EXPECT_EQ(KIND_OF(roots, "planted"), kWitnessNone);
  ASSERT_EQ(::fchownat(roots.get(), "planted", 0, 0, 0), 0);
  EXPECT_EQ(KIND_OF(roots, "planted"), kWitnessNone);
}

TEST_P(LsmWitness, OnlyTheOwnersObjectsCanBeTaken) {
  make_file(outside_, "file", "");
  ASSERT_EQ(::linkat(outside_.get(), "file", tree_.get(), "file", 0), 0);
  ASSERT_EQ(::fchownat(tree_.get(), "file", kOther, 0, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "file"), kWitnessNone);
  make_file_as_owner(outside_, "own", "");
  ASSERT_EQ(::fchownat(outside_.get(), "own", 0, 0, 0), 0);
  EXPECT_EQ(KIND_OF(outside_, "own"), kWitnessNone);
  // It had another group.
  ASSERT_EQ(::mknodat(tree_.get(), "grouped", S_IFREG | 0600, 0), 0);
  ASSERT_EQ(::fchownat(tree_.get(), "grouped", kOwner, kOther, 0), 0);
  lsm_->forget_witness(path_of(tree_, "grouped").get());
  ASSERT_EQ(::fchownat(tree_.get(), "grouped", 0, 0, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "grouped"), kWitnessNone);
}

TEST_P(LsmWitness, WhatTheOwnerGetsNeedsNoEvidence) {
  ASSERT_EQ(create(tree_, "born"), 0);
  as(kOther,
     [&] { EXPECT_EQ(errno_of(::fchownat(tree_.get(), "born", kOwner, kOwner, 0)), EPERM); });
  EXPECT_EQ(KIND_OF(tree_, "born"), kWitnessBorn);
  ASSERT_EQ(::fchownat(tree_.get(), "born", kOwner, kOwner, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "born"), kWitnessNone);
}

TEST_P(LsmWitness, ADirectoryThatOthersMayWriteLosesIt) {
  const auto born = [&](const char* name) {
    EXPECT_EQ(::mkdirat(tree_.get(), name, 0700), 0);
    EXPECT_EQ(KIND_OF(tree_, name), kWitnessBorn);
  };
  for (const char* name : {"mode", "group_mode", "user", "group"}) born(name);
  ASSERT_EQ(::fchmodat(tree_.get(), "mode", 0755, 0), 0);
  ASSERT_EQ(::fchownat(tree_.get(), "mode", 0, 0, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "mode"), kWitnessBorn);
  ASSERT_EQ(::fchmodat(tree_.get(), "mode", 0757, 0), 0);
  ASSERT_EQ(::fchmodat(tree_.get(), "group_mode", 0775, 0), 0);
  ASSERT_EQ(::fchownat(tree_.get(), "user", kOther, 0, 0), 0);
  ASSERT_EQ(::fchownat(tree_.get(), "group", 0, kOther, 0), 0);
  for (const char* name : {"mode", "group_mode", "user", "group"})
    EXPECT_EQ(KIND_OF(tree_, name), kWitnessNone) << name;
  ASSERT_EQ(create(tree_, "file"), 0);
  ASSERT_EQ(::fchmodat(tree_.get(), "file", 0666, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "file"), kWitnessBorn);
}

TEST_P(LsmWitness, ADirectoryIsTakenOnlyByRoot) {
  (void)make_directory_as_owner("tree/a");
  (void)make_directory_as_owner("tree/b");
  ASSERT_EQ(::fchownat(tree_.get(), "a", 0, 0, 0), 0);
  ASSERT_EQ(::fchownat(tree_.get(), "b", kOther, 0, 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "a"), kWitnessTaken);
  EXPECT_EQ(KIND_OF(tree_, "b"), kWitnessNone);
}

TEST_P(LsmWitness, WhatIsDeniedProvesNothing) {
  make_file_as_owner(tree_, "own", "");
  tag(tree_, kOwner);
  EXPECT_EQ(errno_of(::fchownat(tree_.get(), "own", 0, 0, 0)), EPERM);
  EXPECT_EQ(KIND_OF(tree_, "own"), kWitnessNone);
  EXPECT_EQ(move(source_, "file", tree_, "file"), EPERM);
  EXPECT_EQ(KIND_OF(source_, "file"), kWitnessNone);
}

// ---- moved in

TEST_P(LsmWitness, WhatRootMovesInIsBrought) {
  for (const char* name : {"file", "dir"}) {
    ASSERT_EQ(move(source_, name, tree_, name), 0);
    const auto witness = witness_of(*lsm_, tree_, name);
    ASSERT_TRUE(witness) << name;
    EXPECT_EQ(witness->kind, kWitnessBrought);
    EXPECT_EQ(witness->owner, kOwner);
  }
  as(kOther, [&] { make_file(outside_, "others", ""); });
  ASSERT_EQ(move(outside_, "others", tree_, "others"), 0);
  EXPECT_EQ(KIND_OF(tree_, "others"), kWitnessBrought);
  make_file_as_owner(outside_, "own", "");
  ASSERT_EQ(move(outside_, "own", tree_, "own"), 0);
  EXPECT_EQ(KIND_OF(tree_, "own"), kWitnessNone);
}

TEST_P(LsmWitness, WhatItsOwnUserMovesInIsBrought) {
  as(kOther, [&] {
    make_file(outside_, "others", "");
    ASSERT_EQ(move(outside_, "others", tree_, "others"), 0);
  });
  EXPECT_EQ(KIND_OF(tree_, "others"), kWitnessBrought);
}

TEST_P(LsmWitness, WhatSomebodyElseMovesInHasNoEvidence) {
  for (const auto user : {kOwner, kOther}) {
    make_file(outside_, "roots", "");
    as(user, [&] { ASSERT_EQ(move(outside_, "roots", tree_, "roots"), 0); });
    EXPECT_EQ(KIND_OF(tree_, "roots"), kWitnessNone) << user;
    // Not even if it had some, from a move that failed.
    make_file(outside_, "marked", "");
    const auto witness = WitnessTag{1, lsm_->departures(1), kOwner, kOwner, kWitnessBrought, 0};
    ASSERT_TRUE(lsm_->bear_witness(path_of(outside_, "marked").get(), witness));
    as(user, [&] { ASSERT_EQ(move(outside_, "marked", tree_, "marked"), 0); });
    EXPECT_EQ(KIND_OF(tree_, "marked"), kWitnessNone) << user;
    make_file(outside_, "linked", "");
    ASSERT_TRUE(lsm_->bear_witness(path_of(outside_, "linked").get(), witness));
    ASSERT_EQ(::linkat(outside_.get(), "linked", tree_.get(), "linked", 0), 0);
    EXPECT_EQ(KIND_OF(tree_, "linked"), kWitnessNone) << user;
    for (const char* name : {"roots", "marked", "linked"})
      ASSERT_EQ(::unlinkat(tree_.get(), name, 0), 0);
    ASSERT_EQ(::unlinkat(outside_.get(), "linked", 0), 0);
  }
}

TEST_P(LsmWitness, EachDirectionOfAnExchangeCounts) {
  for (const bool from_outside : {false, true}) {
    ASSERT_EQ(create(tree_, "inner"), 0);
    make_file(outside_, "outer", "");
    ASSERT_EQ(from_outside ? move(outside_, "outer", tree_, "inner", RENAME_EXCHANGE)
                           : move(tree_, "inner", outside_, "outer", RENAME_EXCHANGE),
              0);
    EXPECT_EQ(KIND_OF(tree_, "inner"), kWitnessBrought) << from_outside;
    EXPECT_EQ(KIND_OF(outside_, "outer"), kWitnessNone) << from_outside;
    as(kOwner, [&] {
      ASSERT_EQ(move(tree_, "inner", outside_, "outer", RENAME_EXCHANGE), 0) << from_outside;
    });
    EXPECT_EQ(KIND_OF(tree_, "inner"), kWitnessNone) << from_outside;
    EXPECT_EQ(KIND_OF(outside_, "outer"), kWitnessNone) << from_outside;
    ASSERT_EQ(::unlinkat(tree_.get(), "inner", 0), 0);
    ASSERT_EQ(::unlinkat(outside_.get(), "outer", 0), 0);
  }
}

// ---- moved out, and within

TEST_P(LsmWitness, WhatLeavesHasNoEvidenceWhenItReturns) {
  for (const auto user : {kOwner, kOther}) {
    ASSERT_EQ(create(tree_, "born"), 0);
    as(user, [&] {
      ASSERT_EQ(move(tree_, "born", outside_, "born"), 0);
      EXPECT_EQ(KIND_OF(outside_, "born"), kWitnessNone) << user;
      ASSERT_EQ(move(outside_, "born", tree_, "born"), 0);
    });
    EXPECT_EQ(KIND_OF(tree_, "born"), kWitnessNone) << user;
    ASSERT_EQ(::unlinkat(tree_.get(), "born", 0), 0);
  }
}

TEST_P(LsmWitness, LinksAndUnlinksAreNoWayAround) {
  make_file(tree_, "born", "");
  EXPECT_EQ(KIND_OF(tree_, "born"), kWitnessBorn);
  ASSERT_EQ(::linkat(tree_.get(), "born", tree_.get(), "link", 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "born"), kWitnessBorn);
  ASSERT_EQ(::linkat(tree_.get(), "born", outside_.get(), "link", 0), 0);
  EXPECT_EQ(KIND_OF(tree_, "born"), kWitnessNone);
}

TEST_P(LsmWitness, ADirectoryThatLeavesTakesTheEvidenceOfItsContents) {
  const auto directory = make_directory_as_owner("tree/dir");
  ASSERT_EQ(create(directory, "inside"), 0);
  ASSERT_EQ(create(tree_, "beside"), 0);
  const auto tree = witness_of(*lsm_, tree_, "beside")->tree;
  const auto before = lsm_->departures(tree);
  as(kOwner, [&] { ASSERT_EQ(move(tree_, "dir", outside_, "dir"), 0); });
  EXPECT_EQ(lsm_->departures(tree), before + 1);
  EXPECT_EQ(KIND_OF(directory, "inside"), kWitnessNone);
  as(kOwner, [&] { ASSERT_EQ(move(outside_, "dir", tree_, "dir"), 0); });
  EXPECT_EQ(KIND_OF(directory, "inside"), kWitnessNone);
  EXPECT_EQ(KIND_OF(tree_, "beside"), kWitnessNone);
  ASSERT_EQ(create(directory, "new"), 0);
  EXPECT_EQ(KIND_OF(directory, "new"), kWitnessBorn);
}

// The hook that counts a departure runs before it: something can be created in between.
TEST_P(LsmWitness, ADirectoryThatArrivesEndsTheEvidenceUnlessRootMovesIt) {
  as(kOther, [&] { ASSERT_EQ(::mkdirat(outside_.get(), "dir", 0700), 0); });
  ASSERT_EQ(create(tree_, "first"), 0);
  ASSERT_EQ(move(source_, "dir", tree_, "roots"), 0);
  EXPECT_EQ(KIND_OF(tree_, "first"), kWitnessBorn);
  EXPECT_EQ(KIND_OF(tree_, "roots"), kWitnessBrought);
  as(kOther, [&] { ASSERT_EQ(move(outside_, "dir", tree_, "dir"), 0); });
  EXPECT_EQ(KIND_OF(tree_, "first"), kWitnessNone);
  EXPECT_EQ(KIND_OF(tree_, "dir"), kWitnessBrought);
}

TEST_P(LsmWitness, ARenameInATreeWithoutPatternsKeepsIt) {
  const auto directory = make_directory_as_owner("tree/dir");
  ASSERT_EQ(create(directory, "born"), 0);
  as(kOwner, [&] {
    ASSERT_EQ(move(directory, "born", tree_, "moved"), 0);
    ASSERT_EQ(move(tree_, "dir", tree_, "renamed"), 0);
  });
  EXPECT_EQ(KIND_OF(tree_, "moved"), kWitnessBorn);
}

// Else its departure from below the limit of the walk would go unnoticed.
TEST_P(LsmWitness, ADirectoryThatMovesFurtherDownEndsIt) {
  const auto directory = make_directory_as_owner("tree/dir");
  const auto below = make_directory_as_owner("tree/below");
  ASSERT_EQ(create(directory, "born"), 0);
  ASSERT_EQ(move(tree_, "dir", below, "dir"), 0);
  EXPECT_EQ(KIND_OF(directory, "born"), kWitnessBorn);
  as(kOwner, [&] { ASSERT_EQ(move(below, "dir", tree_, "dir"), 0); });
  EXPECT_EQ(KIND_OF(directory, "born"), kWitnessBorn);
  as(kOwner, [&] { ASSERT_EQ(move(tree_, "dir", below, "dir"), 0); });
  EXPECT_EQ(KIND_OF(directory, "born"), kWitnessNone);
}

TEST_P(LsmWitness, TreesInsideOfATreeAreOthers) {
  const auto inner = make_directory_as_owner("tree/inner");
  ASSERT_EQ(::fchmod(inner.get(), 0777), 0);
  tag(inner, kOther, kTreeActionLog);
  ASSERT_EQ(create(tree_, "a"), 0);
  const auto outer_tree = witness_of(*lsm_, tree_, "a")->tree;
  ASSERT_EQ(move(tree_, "a", inner, "a"), 0);
  const auto witness = witness_of(*lsm_, inner, "a");
  ASSERT_TRUE(witness);
  EXPECT_EQ(witness->kind, kWitnessBrought);
  EXPECT_EQ(witness->owner, kOther);
  EXPECT_NE(witness->tree, outer_tree);
  as(kOwner, [&] { ASSERT_EQ(move(inner, "a", tree_, "a"), 0); });
  EXPECT_EQ(KIND_OF(tree_, "a"), kWitnessNone);
}

// ---- what guardd does

TEST_P(LsmWitness, GuarddCanMarkContentsUnlessADirectoryHasLeftMeanwhile) {
  (void)make_directory_as_owner("tree/dir");
  ASSERT_EQ(move(source_, "dir", tree_, "roots"), 0);
  const auto tree = witness_of(*lsm_, tree_, "roots")->tree;
  const auto before = lsm_->departures(tree);
  make_file(outside_, "file", "");
  const auto file = path_of(outside_, "file");
  ASSERT_TRUE(lsm_->bear_witness(file.get(), {tree, before, kOwner, kOwner, kWitnessBrought, 0}));
  EXPECT_EQ(lsm_->witness(file.get()).value_or(WitnessTag{}).kind, kWitnessBrought);
  lsm_->forget_witness(file.get());
  EXPECT_FALSE(lsm_->witness(file.get()));
  as(kOwner, [&] { ASSERT_EQ(move(tree_, "dir", outside_, "dir"), 0); });
  ASSERT_TRUE(lsm_->bear_witness(file.get(), {tree, before, kOwner, kOwner, kWitnessBrought, 0}));
  EXPECT_FALSE(lsm_->witness(file.get()));
}

TEST_P(LsmWitness, ItEndsWithTheTree) {
  auto same = tag_for(kOwner, kTreeActionLog);
  static std::uint64_t number = 1'000;
  same.tree = ++number;  // a tree that was retired does not come back
  tag(tree_, same);
  ASSERT_EQ(create(tree_, "born"), 0);
  tag(tree_, same);
  EXPECT_EQ(KIND_OF(tree_, "born"), kWitnessBorn);
  untag(tree_);
  EXPECT_EQ(KIND_OF(tree_, "born"), kWitnessNone);
  tag(tree_, same);
  EXPECT_EQ(KIND_OF(tree_, "born"), kWitnessNone);
  ASSERT_EQ(create(tree_, "other"), 0);
  auto off = same;
  off.terms.action = kTreeActionOff;
  tag(tree_, off);
  EXPECT_EQ(KIND_OF(tree_, "other"), kWitnessNone);
  tag(tree_, same);
  EXPECT_EQ(KIND_OF(tree_, "other"), kWitnessNone);
  ASSERT_EQ(create(tree_, "last"), 0);
  lsm_->set_guards_in_use(0);
  lsm_->set_guards_in_use(kOwnershipBit);
  EXPECT_EQ(KIND_OF(tree_, "last"), kWitnessNone);
  ASSERT_EQ(create(tree_, "retired"), 0);
  EXPECT_EQ(KIND_OF(tree_, "retired"), kWitnessBorn);
  lsm_->retire(same.tree);
  EXPECT_EQ(KIND_OF(tree_, "retired"), kWitnessNone);
}

}  // namespace
}  // namespace guard
