// What was undone is known again until it changes.
#include "guardd/undone.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

class UndoneTest : public ::testing::Test {
 protected:
  Object object(const std::string& name) {
    const auto root = open_tree(directory_.directory("tree"));
    EXPECT_TRUE(root) << root.error().text();
    auto opened = open_object(*root, name);
    EXPECT_TRUE(opened) << opened.error().text();
    return *std::move(opened);
  }
  UndoneFile made(const std::string& name) {
    (void)directory_.directory("tree");
    directory_.write("tree/" + name, name);
    const auto opened = object(name);
    auto id = FileId::of(opened.fd.get());
    if (!id) return {};
    return {*std::move(id), opened.changed};
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(UndoneTest, IsKnownUntilItChanges) {
  Undone undone;
  const auto file = made("file");
  if (!file.object.known()) GTEST_SKIP() << "this file system has no file handles";
  EXPECT_FALSE(undone.is_untouched(object("file")));
  undone.add(file);
  EXPECT_TRUE(undone.is_untouched(object("file")));
  (void)made("another");
  EXPECT_FALSE(undone.is_untouched(object("another")));
  auto changed = object("file");
  ++changed.changed;
  EXPECT_FALSE(undone.is_untouched(changed));
  undone.add({file.object, changed.changed});
  EXPECT_TRUE(undone.is_untouched(changed));
}

TEST_F(UndoneTest, ForgetsTheOldestFirst) {
  std::vector<UndoneFile> remembered;
  for (const char* name : {"first", "second"}) remembered.push_back(made(name));
  if (!remembered[0].object.known()) GTEST_SKIP() << "this file system has no file handles";
  std::vector<UndoneFile> kept;
  Undone undone(
      remembered, [&](UndoneFile file) { kept.push_back(std::move(file)); }, 2);
  EXPECT_TRUE(kept.empty());
  undone.add(made("third"));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].changed, object("third").changed);
  EXPECT_FALSE(undone.is_untouched(object("first")));
  EXPECT_TRUE(undone.is_untouched(object("second")));
  EXPECT_TRUE(undone.is_untouched(object("third")));
  undone.keep_no_more();
  undone.add(made("fourth"));
  EXPECT_EQ(kept.size(), 1U);
}

TEST_F(UndoneTest, WhatIsNotKnownIsNoFile) {
  Undone undone;
  undone.add({});
  (void)made("file");
  EXPECT_FALSE(undone.is_untouched(object("file")));
}

}  // namespace
}  // namespace guard
