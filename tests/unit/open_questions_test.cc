// What guardd asks the helpers for opens arrives as it was said; what is not whole does not. A
// helper changes only what is still as it was.
#include "guardd/permission/open_questions.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guardd/permission/open_helper.h"
#include "policy/base/handle.h"
#include "tests/unit/fakes.h"

namespace guard {
namespace {

TEST(OpenQuestions, AFixArrives) {
  const NewFileFix fix{Uid{1}, {Uid{2}, Gid{3}}, Mode{0640}};
  const auto read = read_fix(write_question(fix));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->maker, Uid{1});
  EXPECT_EQ(read->wanted, fix.wanted);
  EXPECT_EQ(read->mode, Mode{0640});
  EXPECT_FALSE(read_fix(write_question(NewFileFix()))->mode);
  EXPECT_FALSE(read_fix(write_question(fix) + "x"));
  EXPECT_FALSE(read_fix(""));
}

TEST(OpenQuestions, ARemovalArrives) {
  const MadeFileRemoval removal{"/srv/shop", "a\n/b", {7, 8}, {Uid{2}, Gid{3}}, {Gid{3}, Gid{4}}};
  const auto text = write_question(removal);
  const auto read = read_removal(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->tree, "/srv/shop");
  EXPECT_EQ(read->path, "a\n/b");
  EXPECT_EQ(read->file, removal.file);
  EXPECT_EQ(read->owner, removal.owner);
  EXPECT_EQ(read->groups, removal.groups);
  EXPECT_FALSE(read_removal(text.substr(0, text.size() - 1)));
}

// What a helper is asked, and answers as it is told.
class AnsweringPort final : public HelperPort {
 public:
  void ask(HelperQuestion question, HelperReply reply) override {
    asked_ = std::move(question);
    reply(HelperRecord{1, asked_.kind, true, answer_});
  }
  HelperQuestion asked_;
  std::string answer_;
};

TEST(OpenQuestions, OneFileSystemDelaysOneHelper) {
  AnsweringPort port;
  port.answer_ = write_failure({});
  bool is_done = false;
  ask_to_fix(port, {}, 5, 77, std::chrono::milliseconds(500),
             [&](const Status& done) { is_done = static_cast<bool>(done); });
  EXPECT_TRUE(is_done);
  EXPECT_EQ(port.asked_.descriptor, 5);
  EXPECT_EQ(port.asked_.limit, std::chrono::milliseconds(500));
  const auto delayed_by = port.asked_.delayed_by;
  EXPECT_NE(delayed_by, 0U);
  ask_to_remove(port, {"/srv", "x", {77, 1}, {}, {}}, [](const Status& /*done*/) {});
  EXPECT_EQ(port.asked_.delayed_by, delayed_by);
  ask_to_remove(port, {"/srv", "x", {0, 1}, {}, {}}, [](const Status& /*done*/) {});
  EXPECT_NE(port.asked_.delayed_by, 0U) << "a device without a number";
}

TEST(OpenQuestions, AFailureIsTold) {
  AnsweringPort port;
  std::string why;
  const auto note = [&](const Status& done) { why = done ? "done" : done.error().text(); };
  port.answer_ = write_failure(Error("the file has changed"));
  ask_to_remove(port, {}, note);
  EXPECT_EQ(why, "the file has changed");
  port.answer_ = "x";
  ask_to_remove(port, {}, note);
  EXPECT_EQ(why, "a helper process answered what was not asked");
}

class NewFile : public ::testing::Test {
 protected:
  NewFile() : path_(directory_.write("file", "")), file_(::open(path_.c_str(), O_RDWR)) {}

  Status fix(Uid maker) const {
    return fix_new_file(file_.get(), {maker, {Uid{::geteuid()}, Gid{::getegid()}}, Mode{0600}});
  }
  unsigned mode() const {
    struct stat facts {};
    EXPECT_EQ(::fstat(file_.get(), &facts), 0);
    return facts.st_mode & 07777U;
  }

  testing::TemporaryDirectory directory_;
  std::string path_;
  Fd file_;
};

TEST_F(NewFile, IsHandedOver) {
  EXPECT_TRUE(fix(Uid{::geteuid()}));
  EXPECT_EQ(mode(), 0600U);
}

TEST_F(NewFile, IsNotWhenItHasContent) {
  ASSERT_EQ(::write(file_.get(), "x", 1), 1);
  const auto before = mode();
  EXPECT_FALSE(fix(Uid{::geteuid()}));
  EXPECT_EQ(mode(), before);
}

TEST_F(NewFile, IsNotWhenItHasAnotherName) {
  ASSERT_EQ(::link(path_.c_str(), (path_ + ".other").c_str()), 0);
  EXPECT_FALSE(fix(Uid{::geteuid()}));
}

TEST_F(NewFile, IsNotWhenItIsAnothers) {
  EXPECT_FALSE(fix(Uid{::geteuid() + 1}));
}

}  // namespace
}  // namespace guard
