#include "guardd/host/remembered_users.h"

#include <gtest/gtest.h>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

using testing::FakeUsers;
using testing::kOps;
using testing::kShop;
using testing::kShopGroup;

KnownAccounts known_of_shop() {
  const FakeUsers users;
  const RecordedUsers recorded(users);
  (void)recorded.user("shop");
  (void)recorded.user("none");
  (void)recorded.group("ops");
  return KnownAccounts::parse(recorded.known().text());
}

TEST(RememberedUsers, AnswersWhenADirectoryServiceDoesNot) {
  FakeUsers users;
  users.fail();
  const RememberedUsers remembered(users, known_of_shop());
  EXPECT_EQ((*remembered.user("shop"))->uid, kShop);
  EXPECT_EQ((*remembered.user(kShop))->gid, kShopGroup);
  EXPECT_EQ(**remembered.group("ops"), kOps);
  EXPECT_EQ(**remembered.group_name(kOps), "ops");
  EXPECT_FALSE(remembered.user("none"));
  EXPECT_FALSE(remembered.group("none"));
}

TEST(RememberedUsers, WhatIsKnownNowCounts) {
  FakeUsers users;
  auto known = known_of_shop();
  known.users["shop"].uid = Uid{7};
  known.users["gone"] = {"gone", Uid{8}, Gid{9}};
  const RememberedUsers remembered(users, known);
  EXPECT_EQ((*remembered.user("shop"))->uid, kShop);
  EXPECT_EQ((*remembered.user("gone"))->uid, Uid{8});
}

TEST(KnownAccounts, NamesMayContainSpacesAndBadLinesAreSkipped) {
  const auto known =
      KnownAccounts::parse("user 1 2 web team\ngroup 3 domain users\nuser x 2 a\n\n");
  ASSERT_EQ(known.users.size(), 1U);
  EXPECT_EQ(known.users.at("web team").uid, Uid{1});
  EXPECT_EQ(known.groups.at("domain users"), Gid{3});
}

}  // namespace
}  // namespace guard
