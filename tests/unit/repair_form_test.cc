// What the main process and the repair process say to each other arrives as it was said; what is
// not whole, or cannot be, does not.
#include "guardd/repair_process/repair_form.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "guardd/helpers/message.h"
#include "guardd/host/remembered_users.h"
#include "tests/unit/fakes.h"

namespace guard {
namespace {

constexpr auto kPolicies =
    "[[policy]]\nname = \"shop\"\npaths = [\"/srv/shop\"]\nowner = \"shop\"\naction = \"fix\"\n"
    "file_mode = \"0640\"\n"
    "[[policy.rule]]\nmatch = [\"keys/**\"]\ngroup = \"ops\"\n"
    "[[policy.allow]]\nexe = \"/usr/bin/backup\"\neffect = \"ignore\"\n";

RepairRules rules_of(const PolicySet& set, const KnownAccounts& accounts) {
  RepairRules rules;
  rules.number = 7;
  rules.generation = set.generation();
  rules.identity = set.identity();
  rules.texts = {{"shop.toml", kPolicies}};
  rules.accounts = accounts.text();
  return rules;
}

class RepairFormTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const testing::FakeUsers fakes;
    const RecordedUsers users(fakes);
    set_ = load_again({{"shop.toml", kPolicies}}, 3, users, testing::FakeFiles()).set;
    ASSERT_TRUE(set_);
    accounts_ = users.known();
  }

  std::shared_ptr<const PolicySet> set_of(std::uint64_t number) const {
    return number == 7 ? set_ : nullptr;
  }
  RepairOutcome fixed() const {
    RepairOutcome outcome;
    outcome.what = RepairResult::kFixed;
    outcome.id = {1, 2};
    outcome.before.mode = Mode{0644};
    outcome.before.times = {3, 4, 5, 6};
    outcome.after = outcome.before;
    outcome.after.uid = set_->policies()[0].wanted.owner.id;
    outcome.verdict = judge(set_->policies()[0], "file", outcome.before);
    return outcome;
  }
  std::optional<std::vector<OrderReport>> read(std::string_view contents) const {
    return read_reports(contents, [this](std::uint64_t order) {
      return order == 9 ? &set_->policies()[0] : nullptr;
    });
  }
  std::optional<std::vector<ScanFinding>> read_found(std::string_view contents) const {
    const ScanOrder order{9, set_, 0, "fs"};
    return read_findings(contents,
                         [&](std::uint64_t number) { return number == 9 ? &order : nullptr; });
  }

  std::shared_ptr<const PolicySet> set_;
  KnownAccounts accounts_;
};

TEST_F(RepairFormTest, TheOtherEndMakesTheSamePolicies) {
  auto rules = rules_of(*set_, accounts_);
  rules.excuses["shop"] = "paused: by ops";
  const auto read = read_rules_of(write_rules(rules));
  ASSERT_TRUE(read);
  const auto made = make_set(*read);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ((*made)->identity(), set_->identity());
  EXPECT_EQ((*made)->generation(), 3U);
  EXPECT_EQ((*made)->policies()[0].excuse, "paused: by ops");
  const auto& wanted = (*made)->policies()[0].wanted;
  EXPECT_EQ(wanted.owner_groups, set_->policies()[0].wanted.owner_groups);
  EXPECT_EQ(wanted.is_alone_in_group, set_->policies()[0].wanted.is_alone_in_group);
}

TEST_F(RepairFormTest, OtherPoliciesAreNotTaken) {
  auto rules = rules_of(*set_, accounts_);
  rules.texts[0].text += "exclude = [\"x\"]\n";  // an allow has no such key
  EXPECT_FALSE(make_set(rules));
  rules = rules_of(*set_, accounts_);
  rules.identity[0] = rules.identity[0] == '0' ? '1' : '0';
  EXPECT_FALSE(make_set(rules));
  rules = rules_of(*set_, KnownAccounts());
  EXPECT_FALSE(make_set(rules));
}

TEST_F(RepairFormTest, AnOrderArrives) {
  RepairOrder order;
  order.number = 9;
  order.tree = 0;
  order.path = "a/b\n\xff";
  order.look = true;
  order.directory = FileId(std::string("12\000045678", 8), 1, "above");
  order.object = FileId("12345678", 1, "handle");
  order.operation = Operation::kRename;
  order.subject = Standing{Uid{5}, true};
  order.is_excused = true;
  order.war = true;
  ContentsWriter out;
  write_order(out, order, 7);
  write_order(out, {}, 7);
  const auto read =
      read_orders(out.take(), [this](std::uint64_t number) { return set_of(number); });
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  const auto& first = read->front();
  EXPECT_EQ(first.number, 9U);
  EXPECT_EQ(first.set, set_);
  EXPECT_EQ(first.path, order.path);
  EXPECT_EQ(first.look, true);
  EXPECT_EQ(first.directory, order.directory);
  EXPECT_EQ(first.object, order.object);
  EXPECT_EQ(first.operation, Operation::kRename);
  EXPECT_EQ(first.subject->user, Uid{5});
  EXPECT_TRUE(first.subject->is_ignored && first.is_excused && first.war);
  EXPECT_FALSE(read->back().subject);
}

TEST_F(RepairFormTest, AnOrderForAnotherSetOrTreeDoesNot) {
  const auto read = [this](const RepairOrder& order, std::uint64_t set) {
    ContentsWriter out;
    write_order(out, order, set);
    return read_orders(out.take(), [this](std::uint64_t number) { return set_of(number); });
  };
  RepairOrder order;
  EXPECT_TRUE(read(order, 7));
  EXPECT_FALSE(read(order, 8));
  order.tree = 1;
  EXPECT_FALSE(read(order, 7));
}

TEST_F(RepairFormTest, AResultIsJudgedAgain) {
  ContentsWriter out;
  write_report(out, {9, "file", fixed(), "", true});
  const auto contents = out.take();
  const auto reports = read(contents);
  ASSERT_TRUE(reports);
  const auto& outcome = reports->front().outcome;
  EXPECT_TRUE(outcome.verdict.violation());
  EXPECT_EQ(outcome.verdict.wanted, &set_->policies()[0].wanted);
  EXPECT_EQ(outcome.after.uid, set_->policies()[0].wanted.owner.id);
  EXPECT_EQ(outcome.before.times, fixed().before.times);
  EXPECT_EQ(outcome.id, fixed().id);
  EXPECT_TRUE(reports->front().is_end);
  for (std::size_t size = 1; size < contents.size(); ++size)
    EXPECT_FALSE(read(std::string_view(contents).substr(0, size))) << size;
}

TEST_F(RepairFormTest, AResultThatCannotBeIsNotTaken) {
  const auto write = [](const OrderReport& report) {
    ContentsWriter out;
    write_report(out, report);
    return out.take();
  };
  EXPECT_FALSE(read(write({8, "file", fixed(), "", true}))) << "there is no such order";
  auto right = fixed();
  right.before = right.after;
  right.before.gid = set_->policies()[0].wanted.group.id;
  right.before.mode = Mode{0640};
  EXPECT_FALSE(read(write({9, "file", right, "", true}))) << "it was right before";
  auto contents = write({9, "file", fixed(), "", true});
  contents[8 + 4 + 4] = 4;  // no such result
  EXPECT_FALSE(read(contents));
}

TEST_F(RepairFormTest, AListOfFixedFilesArrives) {
  ScanFinding finding;
  finding.order = 9;
  finding.path = "file";
  finding.outcome = fixed();
  for (const char* name : {"file", "other"}) {
    FixedFile file;
    file.before = {Uid{0}, Gid{0}, Mode{0644}};
    file.after = {Uid{5}, Gid{5}, Mode{0640}};
    finding.files.add(std::string("/srv/shop/") + name, file);
  }
  ContentsWriter out;
  write_finding(out, finding);
  ScanFinding end;
  end.order = 9;
  end.is_end = end.is_complete = true;
  end.objects = 12;
  write_finding(out, end);
  const auto found = read_found(out.take());
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ(found->front().set, set_);
  EXPECT_EQ(found->front().files.bytes(), finding.files.bytes());
  EXPECT_TRUE(found->back().is_end && found->back().is_complete);
  EXPECT_EQ(found->back().objects, 12U);

  finding.files.add("/etc/shadow", {});
  write_finding(out, finding);
  EXPECT_FALSE(read_found(out.take())) << "it is not in the tree";
}

TEST(HelperMessageTest, AreOfAnySize) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Fd from(ends[0]);
  const Fd to(ends[1]);
  std::string text(1'000'000, 'x');
  text += "end";
  MessageQueue queue;
  queue.add(1, text);
  queue.add(2, {});
  MessageReader reader;
  std::vector<HelperMessage> all;
  while (all.size() < 2) {
    ASSERT_TRUE(queue.send(from.get()));
    auto message = reader.receive(to.get(), Patience::kNone);
    ASSERT_TRUE(message);
    if (*message) all.push_back(*std::move(*message));
  }
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(all[0].contents, text);
  EXPECT_EQ(all[1].kind, 2U);
  ASSERT_TRUE(send_message(from.get(), 3, "with it", from.get()));
  auto message = reader.receive(to.get(), Patience::kNone);
  ASSERT_TRUE(message && *message);
  EXPECT_TRUE((*message)->descriptor);
}

}  // namespace
}  // namespace guard
