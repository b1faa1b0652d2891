#include "bpf/events.h"

#include <gmock/gmock.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace guard {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct EventLog {
  std::vector<std::string> paths, old_paths;
  std::vector<bool> whole;
  std::vector<std::uint64_t> trees;
};

class Recorder : public LsmListener {
 public:
  void on_event(const LsmEvent& event) noexcept override {
    log.paths.push_back(event.path);
    log.whole.push_back(event.is_whole);
    log.old_paths.push_back(event.old_path.value_or("(none)"));
  }
  void on_close(const CloseRecord& closed) noexcept override { log.trees.push_back(closed.tree); }

  EventLog log;
};

// Writes names as a program does: the last first, each followed by a NUL.
template <typename Names>
void fill(Names& names, const std::vector<std::string>& from_the_last) {
  std::string bytes;
  for (const auto& name : from_the_last) bytes.append(name).push_back('\0');
  ASSERT_LE(bytes.size(), sizeof names.names);
  std::memcpy(names.names, bytes.data(), bytes.size());
  names.length = static_cast<std::uint32_t>(bytes.size());
  names.whole = 1;
}

template <typename Record>
std::unique_ptr<Record> record_of(std::uint32_t kind) {
  auto record = std::make_unique<Record>();
  std::memset(static_cast<void*>(record.get()), 0, sizeof *record);
  record->what.process.kind = kind;
  return record;
}

// In memory of the size of the record, so that the sanitizer detects reads beyond it.
EventLog log_of(const void* record, std::size_t size) {
  const std::vector<char> copy(static_cast<const char*>(record),
                               static_cast<const char*>(record) + size);
  Recorder recorder;
  deliver({copy.data(), copy.size()}, recorder);
  return recorder.log;
}
template <typename Record>
EventLog log_of(const Record& record) {
  return log_of(&record, sizeof record);
}

TEST(LsmEvent, NamesAreJoinedInPathOrder) {
  const auto record = record_of<ShallowEvent>(kRecordEvent);
  fill(record->names, {"c", "b", "a"});
  const auto log = log_of(*record);
  EXPECT_THAT(log.paths, ElementsAre("a/b/c"));
  EXPECT_THAT(log.whole, ElementsAre(true));
  EXPECT_THAT(log.old_paths, ElementsAre("(none)"));
}

TEST(LsmEvent, TheRootOfATreeIsTheEmptyPath) {
  const auto record = record_of<ShallowEvent>(kRecordEvent);
  fill(record->names, {});
  EXPECT_THAT(log_of(*record).paths, ElementsAre(""));
}

TEST(LsmEvent, NamesAreBytes) {
  const auto record = record_of<ShallowEvent>(kRecordEvent);
  fill(record->names, {"\xff\x01\n \\", "\xc3\xa4"});
  EXPECT_THAT(log_of(*record).paths, ElementsAre("\xc3\xa4/\xff\x01\n \\"));
}

TEST(LsmEvent, DeepPathsAreDelivered) {
  const auto record = record_of<DeepEvent>(kRecordDeepEvent);
  const std::string longest(255, 'n');
  fill(record->names, std::vector<std::string>(16, longest));
  const auto log = log_of(*record);
  ASSERT_EQ(log.paths.size(), 1U);
  EXPECT_EQ(log.paths[0].size(), 16U * 256 - 1);
  EXPECT_TRUE(log.paths[0].starts_with(longest + '/' + longest + '/'));
}

TEST(LsmEvent, ATruncatedPathIsMarked) {
  const auto record = record_of<ShallowEvent>(kRecordEvent);
  fill(record->names, {"last", "but one"});
  record->names.whole = 0;
  const auto log = log_of(*record);
  EXPECT_THAT(log.paths, ElementsAre("but one/last"));
  EXPECT_THAT(log.whole, ElementsAre(false));
}

TEST(LsmEvent, AMoveHasBothPaths) {
  const auto shallow = record_of<ShallowMove>(kRecordMove);
  fill(shallow->names, {"new", "a"});
  fill(shallow->old_names, {"old", "b"});
  const auto deep = record_of<DeepMove>(kRecordDeepMove);
  fill(deep->names, {"new", "a"});
  fill(deep->old_names, {"old", "b"});
  for (const auto& log : {log_of(*shallow), log_of(*deep)}) {
    EXPECT_THAT(log.paths, ElementsAre("a/new"));
    EXPECT_THAT(log.old_paths, ElementsAre("b/old"));
    EXPECT_THAT(log.whole, ElementsAre(true));
  }
}

TEST(LsmEvent, AMoveIsWholeOnlyIfBothPathsAre) {
  for (const bool old : {true, false}) {
    const auto record = record_of<ShallowMove>(kRecordMove);
    fill(record->names, {"new"});
    fill(record->old_names, {"old"});
    (old ? record->old_names : record->names).whole = 0;
    EXPECT_THAT(log_of(*record).whole, ElementsAre(false));
  }
}

TEST(LsmEvent, ATooLargeLengthReadsNothingBeyondTheRecord) {
  for (const std::uint32_t length : {kFewNames + kNamesSlack + 1U, 0x7fffffffU, 0xffffffffU}) {
    const auto record = record_of<ShallowEvent>(kRecordEvent);
    std::memset(record->names.names, 'x', sizeof record->names.names);
    record->names.length = length;
    const auto log = log_of(*record);
    ASSERT_EQ(log.paths.size(), 1U);
    EXPECT_LE(log.paths[0].size(), sizeof record->names.names);
  }
}

TEST(LsmEvent, ALengthWithinANameIsAccepted) {
  const auto record = record_of<ShallowEvent>(kRecordEvent);
  fill(record->names, {"name", "directory"});
  record->names.length = 3;
  EXPECT_EQ(log_of(*record).paths.size(), 1U);
  record->names.length = 1;
  EXPECT_THAT(log_of(*record).paths, ElementsAre(""));
}

TEST(LsmEvent, EmptyNamesAreAccepted) {
  const auto record = record_of<ShallowEvent>(kRecordEvent);
  record->names.length = 4;
  EXPECT_EQ(log_of(*record).paths.size(), 1U);
}

TEST(LsmEvent, ATooShortRecordIsIgnored) {
  const auto deep = record_of<DeepMove>(kRecordDeepMove);
  struct Kind {
    std::uint32_t kind;
    std::size_t size;
  };
  for (const auto& [kind, size] :
       {Kind{kRecordEvent, sizeof(ShallowEvent)}, Kind{kRecordDeepEvent, sizeof(DeepEvent)},
        Kind{kRecordMove, sizeof(ShallowMove)}, Kind{kRecordDeepMove, sizeof(DeepMove)},
        Kind{kRecordClose, sizeof(CloseRecord)}}) {
    deep->what.process.kind = kind;
    for (const std::size_t cut : {std::size_t{0}, std::size_t{3}, std::size_t{4}, size - 1}) {
      const auto log = log_of(deep.get(), cut);
      EXPECT_THAT(log.paths, IsEmpty()) << kind << ' ' << cut;
      EXPECT_THAT(log.trees, IsEmpty()) << kind << ' ' << cut;
    }
    const auto log = log_of(deep.get(), size);
    EXPECT_EQ(log.paths.size() + log.trees.size(), 1U) << kind;
  }
}

TEST(LsmEvent, AnUnknownKindIsIgnored) {
  const auto record = record_of<ShallowEvent>(77);
  const auto log = log_of(*record);
  EXPECT_THAT(log.paths, IsEmpty());
  EXPECT_THAT(log.trees, IsEmpty());
}

TEST(LsmEvent, ACloseNamesItsTree) {
  CloseRecord closed{};
  closed.kind = kRecordClose;
  closed.tree = 9;
  EXPECT_THAT(log_of(closed).trees, ElementsAre(9U));
}

struct Kinds : TracerListener {
  void on_fork(const TracedFork& /*record*/) noexcept override { seen += 'f'; }
  void on_exec(const TracedExec& /*record*/) noexcept override { seen += 'x'; }
  void on_exit(const TracedExit& /*record*/) noexcept override { seen += 'e'; }
  void on_cgroup(const TracedCgroup& /*record*/) noexcept override { seen += 'c'; }
  std::string seen;
};

TEST(TracerRecord, IsDeliveredOnlyIfItIsWhole) {
  const std::vector<std::pair<std::uint32_t, std::size_t>> kinds{
      {kRecordFork, sizeof(TracedFork)},
      {kRecordExec, sizeof(TracedExec)},
      {kRecordExit, sizeof(TracedExit)},
      {kRecordCgroup, sizeof(TracedCgroup)}};
  Kinds listener;
  for (const auto& [kind, size] : kinds) {
    std::vector<char> record(size);
    std::memcpy(record.data(), &kind, sizeof kind);
    deliver({record.data(), record.size()}, listener);
    for (const auto cut : {size - 1, sizeof kind, std::size_t{3}, std::size_t{0}})
      deliver({record.data(), cut}, listener);
  }
  EXPECT_EQ(listener.seen, "fxec");
}

TEST(TracerRecord, OfTheLsmIsIgnored) {
  const auto record = record_of<DeepEvent>(kRecordDeepEvent);
  Kinds listener;
  deliver({reinterpret_cast<const char*>(record.get()), sizeof *record}, listener);
  EXPECT_EQ(listener.seen, "");
}

}  // namespace
}  // namespace guard
