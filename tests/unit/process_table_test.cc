// The process table, with records as the tracer writes them.
#include "guardd/who/process_table.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace guard {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TracedProcess process(std::int32_t pid, std::uint64_t start, std::int32_t parent = 0,
                      std::uint64_t parent_start = 0) {
  TracedProcess record{};
  record.pid = pid;
  record.time = start;
  record.start = start;
  record.parent = parent;
  record.parent_start = parent_start;
  record.login = kUnset;
  record.session = kUnset;
  record.has_audit = 1;
  std::strcpy(record.comm, "name");
  return record;
}

class Table : public testing::Test {
 protected:
  void fork(TracedProcess record) {
    record.kind = kRecordFork;
    table_.on_fork({record});
  }

  void exec(TracedProcess record, const std::string& name, std::string arguments) {
    TracedExec traced{};
    record.kind = kRecordExec;
    traced.process = record;
    traced.exe_inode = 7;
    traced.exe_device = 8U << 20 | 1;
    traced.exe_mode = 0100755;
    std::memcpy(traced.exe.names, name.c_str(), name.size() + 1);
    std::memcpy(traced.exe.names + name.size() + 1, "bin\0usr", 8);
    traced.exe.length = static_cast<__u32>(name.size()) + 9;
    traced.exe.whole = 1;
    for (auto& c : arguments)
      if (c == ' ') c = '\0';
    arguments += '\0';
    std::memcpy(traced.arguments, arguments.data(), arguments.size());
    traced.arguments_size = static_cast<__u32>(arguments.size());
    table_.on_exec(traced);
  }

  void end(TracedProcess record, std::uint64_t when) {
    TracedExit traced{};
    record.kind = kRecordExit;
    record.time = when;
    traced.process = record;
    table_.on_exit(traced);
  }

  static TableLimits limits() {
    return {.living = 100, .ended = 10, .age = std::chrono::seconds(60)};
  }

  ProcessTable table_{limits(), "/nowhere"};
};

TEST_F(Table, KnowsAProcessFromItsForkToAfterItsEnd) {
  const auto shell = process(10, kSecond);
  exec(shell, "sh", "sh -c x");
  const auto child = process(11, 2 * kSecond, 10, kSecond);
  fork(child);
  EXPECT_EQ(table_.find(11, 2 * kSecond)->now.image->cmdline, "sh -c x") << "inherited at the fork";
  exec(child, "touch", "touch file");
  auto last = child;
  last.fsuid = 5;
  end(last, 3 * kSecond);
  const auto* entry = table_.find(11, 4 * kSecond);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->end, 3 * kSecond);
  EXPECT_EQ(entry->now.image->cmdline, "touch file");
  EXPECT_EQ(entry->now.image->exe, "/usr/bin/touch");
  EXPECT_EQ(entry->now.fsuid, Uid{5});
  EXPECT_EQ(entry->now.parent, 10);
  ASSERT_TRUE(entry->lineage);
  EXPECT_EQ(entry->lineage->front()->image->cmdline, "sh -c x");
}

std::shared_ptr<const Excuse> excuse(std::uint64_t until = UINT64_MAX) {
  return std::make_shared<const Excuse>(Excuse{"ticket 7", "alice", "make", 10, until});
}

TEST_F(Table, ExcusesAProcessWithItsChildren) {
  fork(process(10, kSecond));
  const auto before = process(20, kSecond + 1, 10, kSecond);
  fork(before);
  ASSERT_TRUE(table_.excuse(*table_.find_living(10), excuse()));
  fork(process(11, 2 * kSecond, 10, kSecond));
  fork(process(12, 3 * kSecond, 11, 2 * kSecond));
  end(process(11, 2 * kSecond, 10, kSecond), 4 * kSecond);
  exec(process(12, 3 * kSecond, 11, 2 * kSecond), "touch", "touch file");
  fork(process(13, 5 * kSecond, 12, 3 * kSecond));
  for (const auto pid : {10, 11, 12, 13}) {
    const auto* entry = table_.find(pid, 6 * kSecond);
    ASSERT_TRUE(entry->now.excuse) << pid;
    EXPECT_TRUE(excuse_of(ActingProcess(entry->now, entry->lineage))) << pid;
  }
  EXPECT_FALSE(table_.find(20, 6 * kSecond)->now.excuse) << "it started before the excuse";
  fork(process(11, 6 * kSecond, 20, kSecond + 1));
  EXPECT_FALSE(table_.find(11, 6 * kSecond)->now.excuse) << "another process with the same number";
}

TEST_F(Table, FindsAnExcuseThroughAnAncestor) {
  fork(process(10, kSecond));
  ASSERT_TRUE(table_.excuse(*table_.find_living(10), excuse()));
  ProcessTable other(limits(), "/nowhere");  // without any records
  Snapshot parent;
  parent.pid = 10;
  parent.start = kSecond + kTick / 2;  // as in /proc
  Snapshot child;
  child.pid = 30;
  child.start = 3 * kSecond;
  auto lineage = std::make_shared<Lineage>();
  lineage->push_back(std::make_shared<const Snapshot>(parent));
  EXPECT_TRUE(table_.excuses().of(ActingProcess(child, lineage)));
  EXPECT_TRUE(table_.excuses().of(ActingProcess(parent, nullptr)));
  EXPECT_FALSE(table_.excuses().of(ActingProcess(child, nullptr)));
  parent.start = 5 * kSecond;
  EXPECT_FALSE(table_.excuses().of(ActingProcess(parent, nullptr)))
      << "another process with this number";
  EXPECT_FALSE(table_.excuses().of(ActingProcess(10))) << "an unknown process";
}

TEST_F(Table, AnExcuseEnds) {
  fork(process(10, kSecond));
  ASSERT_TRUE(table_.excuse(*table_.find_living(10), excuse()));
  fork(process(11, 2 * kSecond, 10, kSecond));
  const auto all_alive = [](std::int32_t, std::uint64_t) { return true; };
  end(process(10, kSecond), 3 * kSecond);
  EXPECT_TRUE(table_.excuses().take_finished(all_alive).empty());
  end(process(11, 2 * kSecond, 10, kSecond), 4 * kSecond);
  EXPECT_EQ(table_.excuses().take_finished(all_alive).size(), 1U);
  EXPECT_TRUE(table_.excuses().take_finished(all_alive).empty());
  EXPECT_TRUE(table_.excuses().empty());
  // Its exit record was lost.
  fork(process(12, 5 * kSecond));
  ASSERT_TRUE(table_.excuse(*table_.find_living(12), excuse()));
  const auto none_alive = [](std::int32_t, std::uint64_t) { return false; };
  EXPECT_EQ(table_.excuses().take_finished(none_alive).size(), 1U);
  // It has expired.
  fork(process(13, 6 * kSecond));
  ASSERT_TRUE(table_.excuse(*table_.find_living(13), excuse(1)));
  const auto* entry = table_.find_living(13);
  EXPECT_FALSE(excuse_of(ActingProcess(entry->now, nullptr)));
  EXPECT_FALSE(table_.excuses().of(ActingProcess(entry->now, nullptr)));
  EXPECT_EQ(table_.excuses().take_finished(all_alive).size(), 1U);
}

TEST_F(Table, ExcusesAreBounded) {
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(Excuses::kMost); ++i) {
    fork(process(100 + i, kSecond));
    ASSERT_TRUE(table_.excuse(*table_.find_living(100 + i), excuse()));
  }
  fork(process(50, kSecond));
  EXPECT_FALSE(table_.excuse(*table_.find_living(50), excuse()));
  EXPECT_FALSE(table_.find_living(50)->now.excuse);
  Excuses all;
  const auto one = excuse();
  for (std::size_t i = 0; i < Excuses::kMostProcesses; ++i)
    ASSERT_TRUE(all.inherit(static_cast<std::int32_t>(i), kSecond, one));
  EXPECT_FALSE(all.inherit(-1, kSecond, one));
  EXPECT_FALSE(all.add(-1, kSecond, one));
}

TEST_F(Table, FindsAProcessByNumberAndTime) {
  exec(process(10, 1 * kSecond), "one", "one");
  end(process(10, 1 * kSecond), 2 * kSecond);
  exec(process(10, 3 * kSecond), "two", "two");
  EXPECT_EQ(table_.find(10, kSecond - 1), nullptr);
  EXPECT_EQ(table_.find(10, kSecond)->now.image->cmdline, "one");
  EXPECT_EQ(table_.find(10, 3 * kSecond - 1)->now.image->cmdline, "one");
  EXPECT_EQ(table_.find(10, 3 * kSecond)->now.image->cmdline, "two");
  EXPECT_EQ(table_.living().size(), 1U);
}

TEST_F(Table, KnowsTheEarlierUsersOfAProcess) {
  auto service = process(10, kSecond);
  service.uid = service.euid = service.fsuid = 4242;
  fork(service);
  EXPECT_TRUE(table_.find(10, kSecond)->now.earlier.empty());
  auto root = service;
  root.uid = root.euid = root.fsuid = 0;
  root.time = 2 * kSecond;
  exec(root, "su", "su");
  const auto& earlier = table_.find(10, kSecond)->now.earlier;
  ASSERT_EQ(earlier.size(), 1U);
  EXPECT_EQ(earlier[0].uid, Uid{4242});
  EXPECT_EQ(earlier[0].until, 2 * kSecond);
  exec(root, "sh", "sh");
  EXPECT_EQ(table_.find(10, kSecond)->now.earlier.size(), 1U) << "repeated records add none";
}

TEST_F(Table, KnowsTheUserOfThePreviousProcess) {
  auto service = process(10, kSecond);
  service.uid = service.euid = service.fsuid = 4242;
  fork(service);
  end(service, 2 * kSecond);
  fork(process(10, 3 * kSecond));
  ASSERT_EQ(table_.find(10, 3 * kSecond)->now.earlier.size(), 1U);
  EXPECT_EQ(table_.find(10, 3 * kSecond)->now.earlier[0].uid, Uid{4242});
  end(process(10, 3 * kSecond), 4 * kSecond);
  fork(process(10, 40 * kSecond));
  EXPECT_TRUE(table_.find(10, 40 * kSecond)->now.earlier.empty());
}

TEST_F(Table, AReusedNumberEndsThePreviousProcess) {
  exec(process(10, kSecond), "one", "one");
  fork(process(10, 3 * kSecond));
  EXPECT_EQ(table_.find(10, 2 * kSecond)->end, 3 * kSecond);
  EXPECT_FALSE(table_.find(10, 3 * kSecond)->end);
  EXPECT_EQ(table_.living().size(), 1U);
}

TEST_F(Table, KeepsTheLastProcessesThatEnded) {
  for (int i = 0; i < 25; ++i) end(process(100 + i, kSecond), 2 * kSecond);
  EXPECT_EQ(table_.counters().forgotten, 15U);
  EXPECT_EQ(table_.find(114, 3 * kSecond), nullptr);
  EXPECT_NE(table_.find(115, 3 * kSecond), nullptr);
}

TEST_F(Table, ForgetsProcessesThatEndedLongAgo) {
  end(process(10, kSecond), 2 * kSecond);
  end(process(11, kSecond), 63 * kSecond);
  EXPECT_EQ(table_.find(10, 63 * kSecond), nullptr);
  EXPECT_EQ(table_.counters().aged, 1U);
}

TEST_F(Table, ForgettingOneLeavesTheOthersWithItsNumber) {
  for (std::uint64_t i = 1; i <= 3; ++i) end(process(10, i * kSecond), i * kSecond + 1);
  for (int i = 0; i < 9; ++i) end(process(100 + i, 5 * kSecond), 6 * kSecond);
  EXPECT_EQ(table_.find(10, 2 * kSecond + 5), nullptr);
  EXPECT_EQ(table_.find(10, 3 * kSecond)->now.start, 3 * kSecond);
}

TEST_F(Table, LivingProcessesAreBounded) {
  for (int i = 0; i < 120; ++i) fork(process(100 + i, kSecond));
  EXPECT_EQ(table_.living().size(), 100U);
  EXPECT_EQ(table_.counters().rejected, 20U);
  end(process(100, kSecond), 2 * kSecond);
  fork(process(300, 2 * kSecond));
  EXPECT_NE(table_.find(300, 2 * kSecond), nullptr);
}

TEST_F(Table, AProcessKeepsItsFirstParent) {
  exec(process(10, kSecond), "sh", "sh");
  fork(process(11, 2 * kSecond, 10, kSecond));
  end(process(10, kSecond), 3 * kSecond);
  auto orphan = process(11, 2 * kSecond, 1, 1);
  exec(orphan, "touch", "touch");
  end(orphan, 4 * kSecond);
  const auto* entry = table_.find(11, 5 * kSecond);
  EXPECT_EQ(entry->now.parent, 10);
  EXPECT_EQ(entry->lineage->front()->image->cmdline, "sh");
}

TEST_F(Table, ALineageOutlivesItsProcesses) {
  exec(process(10, kSecond), "sh", "first");
  for (int i = 1; i < 40; ++i) {
    fork(process(10 + i, kSecond + 1, 9 + i, i == 1 ? kSecond : kSecond + 1));
    end(process(9 + i, i == 1 ? kSecond : kSecond + 1), kSecond + 2);
  }
  EXPECT_EQ(table_.find(10, 2 * kSecond), nullptr) << "forgotten";
  const auto* entry = table_.find(49, 2 * kSecond);
  ASSERT_TRUE(entry->lineage);
  EXPECT_EQ(entry->lineage->size(), kKnownAncestors);
  EXPECT_EQ(entry->lineage->back()->pid, 49 - 8);
  EXPECT_EQ(entry->now.image->cmdline, "first");
}

TEST_F(Table, TwoExitRecordsAreOneEnd) {
  fork(process(10, kSecond));
  end(process(10, kSecond), 2 * kSecond);
  end(process(10, kSecond), 3 * kSecond);
  EXPECT_EQ(table_.find(10, 4 * kSecond)->end, 2 * kSecond);
  EXPECT_TRUE(table_.living().empty());
}

TEST_F(Table, LostFactsAreNotGuessed) {
  end(process(10, kSecond, 5, 1), 2 * kSecond);
  const auto* entry = table_.find(10, 3 * kSecond);
  EXPECT_FALSE(entry->now.image);
  EXPECT_FALSE(entry->now.cwd);
  EXPECT_FALSE(entry->lineage);
  const ActingProcess found(entry->now, entry->lineage);
  EXPECT_FALSE(found.actor().exe);
  EXPECT_FALSE(found.actor().cmdline);
  EXPECT_TRUE(found.subject().self.labels.empty());
}

TEST_F(Table, AnUnsetLoginIsAbsent) {
  auto record = process(10, kSecond);
  fork(record);
  EXPECT_FALSE(table_.find(10, kSecond)->now.login);
  EXPECT_FALSE(table_.find(10, kSecond)->now.session);
  record.login = 0;
  record.session = 3;
  exec(record, "sh", "sh");
  EXPECT_EQ(table_.find(10, kSecond)->now.login, Uid{0});
  EXPECT_EQ(table_.find(10, kSecond)->now.session, 3U);
}

TEST_F(Table, ChildrenOfAPackageManagerAreKnownAsSuch) {
  exec(process(10, kSecond), "dpkg", "dpkg --configure -a");
  fork(process(11, 2 * kSecond, 10, kSecond));
  exec(process(11, 2 * kSecond, 10, kSecond), "touch", "touch x");
  const auto* entry = table_.find(11, 3 * kSecond);
  const ActingProcess found(entry->now, entry->lineage);
  EXPECT_FALSE(found.subject().self.labels.has(Label::kPackageManager));
  ASSERT_EQ(found.subject().ancestors.size(), 1U);
  EXPECT_TRUE(found.subject().ancestors[0].labels.has(Label::kPackageManager));
}

TEST_F(Table, ProcAddsToTheTracer) {
  exec(process(10, kSecond + 123, 5, 1), "sh", "sh -c x");
  Snapshot seen;
  seen.pid = 10;
  seen.start = kSecond;  // to the tick
  seen.parent = 1;
  seen.fsuid = Uid{33};
  seen.cwd = "/tmp";
  Image said;
  said.exe = "/usr/bin/sh";
  said.cmdline = "[renamed]";
  seen.image = std::make_shared<const Image>(said);
  ASSERT_NE(table_.update_from_proc(seen, 2 * kSecond), nullptr);
  const auto* entry = table_.find(10, 2 * kSecond);
  EXPECT_EQ(entry->now.start, kSecond + 123);
  EXPECT_EQ(entry->now.parent, 5);
  EXPECT_EQ(entry->now.fsuid, Uid{33});
  EXPECT_EQ(entry->now.cwd, "/tmp");
  EXPECT_EQ(entry->now.image->cmdline, "sh -c x");
}

TEST_F(Table, ALateForkRecordCompletesProc) {
  exec(process(5, kSecond), "sh", "sh");
  Snapshot seen;
  seen.pid = 10;
  seen.start = 2 * kSecond;
  table_.update_from_proc(seen, 2 * kSecond);
  fork(process(10, 2 * kSecond + 456, 5, kSecond));
  const auto* entry = table_.find(10, 3 * kSecond);
  EXPECT_EQ(entry->now.start, 2 * kSecond + 456);
  EXPECT_EQ(entry->now.parent, 5);
  EXPECT_TRUE(entry->lineage);
  EXPECT_EQ(table_.living().size(), 2U) << "not three";
}

}  // namespace
}  // namespace guard
