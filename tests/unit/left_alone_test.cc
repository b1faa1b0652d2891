// A file that guardd must leave alone is recognised until it changes.
#include "guardd/repair/left_alone.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

class LeftAloneTest : public ::testing::Test {
 protected:
  Object object(const std::string& name) {
    const auto root = open_tree(directory_.directory("tree"));
    EXPECT_TRUE(root) << root.error().text();
    auto opened = open_object(*root, name);
    EXPECT_TRUE(opened) << opened.error().text();
    return *std::move(opened);
  }
  FileVersion made(const std::string& name) {
    (void)directory_.directory("tree");
    directory_.write("tree/" + name, name);
    const auto opened = object(name);
    auto id = FileId::of(opened.fd.get());
    if (!id) return {};
    return {*std::move(id), opened.changed};
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(LeftAloneTest, ContainsAFileUntilItChanges) {
  LeftAlone left_alone;
  const auto file = made("file");
  if (!file.object.known()) GTEST_SKIP() << "this file system has no file handles";
  EXPECT_FALSE(left_alone.contains(object("file")));
  left_alone.add(file);
  EXPECT_TRUE(left_alone.contains(object("file")));
  (void)made("another");
  EXPECT_FALSE(left_alone.contains(object("another")));
  auto changed = object("file");
  ++changed.changed;
  EXPECT_FALSE(left_alone.contains(changed));
  left_alone.add({file.object, changed.changed});
  EXPECT_TRUE(left_alone.contains(changed));
}

TEST_F(LeftAloneTest, ForgetsTheOldestFirst) {
  std::vector<FileVersion> remembered;
  for (const char* name : {"first", "second"}) remembered.push_back(made(name));
  if (!remembered[0].object.known()) GTEST_SKIP() << "this file system has no file handles";
  std::vector<FileVersion> saved;
  LeftAlone left_alone(
      remembered, [&](FileVersion file) { saved.push_back(std::move(file)); }, 2);
  EXPECT_TRUE(saved.empty());
  left_alone.add(made("third"));
  ASSERT_EQ(saved.size(), 1U);
  EXPECT_EQ(saved[0].changed, object("third").changed);
  EXPECT_FALSE(left_alone.contains(object("first")));
  EXPECT_TRUE(left_alone.contains(object("second")));
  EXPECT_TRUE(left_alone.contains(object("third")));
  left_alone.stop_saving();
  left_alone.add(made("fourth"));
  EXPECT_EQ(saved.size(), 1U);
}

TEST_F(LeftAloneTest, ContainsNoFileWithoutAnIdentity) {
  LeftAlone left_alone;
  left_alone.add({});
  (void)made("file");
  EXPECT_FALSE(left_alone.contains(object("file")));
}

}  // namespace
}  // namespace guard
