#include "bpf/events.h"

#include <gmock/gmock.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace guard {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Heard {
  std::vector<std::string> paths, old_paths;
  std::vector<bool> whole;
  std::vector<std::uint64_t> trees;
};

class Ear : public LsmListener {
 public:
  void happened(const LsmEvent& happening) noexcept override {
    heard.paths.push_back(happening.path);
    heard.whole.push_back(happening.is_whole);
    heard.old_paths.push_back(happening.old_path.value_or("(none)"));
  }
  void closed(const CloseRecord& closed) noexcept override { heard.trees.push_back(closed.tree); }

  Heard heard;
};

// Names as a program writes them: the last first, each with its NUL.
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

// In memory that ends where the record does, so that the sanitizer sees who reads on.
Heard heard_of(const void* record, std::size_t size) {
  const std::vector<char> copy(static_cast<const char*>(record),
                               static_cast<const char*>(record) + size);
  Ear ear;
  hand_over({copy.data(), copy.size()}, ear);
  return ear.heard;
}
template <typename Record>
Heard heard_of(const Record& record) {
  return heard_of(&record, sizeof record);
}

TEST(LsmEvent, NamesComeInTheOrderOfAPath) {
  const auto record = record_of<HappenedShallow>(kRecordHappened);
  fill(record->names, {"c", "b", "a"});
  const auto heard = heard_of(*record);
  EXPECT_THAT(heard.paths, ElementsAre("a/b/c"));
  EXPECT_THAT(heard.whole, ElementsAre(true));
  EXPECT_THAT(heard.old_paths, ElementsAre("(none)"));
}

TEST(LsmEvent, TheTreeItselfIsTheEmptyPath) {
  const auto record = record_of<HappenedShallow>(kRecordHappened);
  fill(record->names, {});
  EXPECT_THAT(heard_of(*record).paths, ElementsAre(""));
}

TEST(LsmEvent, ANameIsBytesAndNothingElse) {
  const auto record = record_of<HappenedShallow>(kRecordHappened);
  fill(record->names, {"\xff\x01\n \\", "\xc3\xa4"});
  EXPECT_THAT(heard_of(*record).paths, ElementsAre("\xc3\xa4/\xff\x01\n \\"));
}

TEST(LsmEvent, DeepOnesAreHandedOverWhole) {
  const auto record = record_of<HappenedDeep>(kRecordHappenedDeep);
  const std::string longest(255, 'n');
  fill(record->names, std::vector<std::string>(16, longest));
  const auto heard = heard_of(*record);
  ASSERT_EQ(heard.paths.size(), 1U);
  EXPECT_EQ(heard.paths[0].size(), 16U * 256 - 1);
  EXPECT_TRUE(heard.paths[0].starts_with(longest + '/' + longest + '/'));
}

TEST(LsmEvent, WhatIsCutIsSaidToBe) {
  const auto record = record_of<HappenedShallow>(kRecordHappened);
  fill(record->names, {"last", "but one"});
  record->names.whole = 0;
  const auto heard = heard_of(*record);
  EXPECT_THAT(heard.paths, ElementsAre("but one/last"));
  EXPECT_THAT(heard.whole, ElementsAre(false));
}

TEST(LsmEvent, AMoveHasBothItsPaths) {
  const auto shallow = record_of<MovedShallow>(kRecordMoved);
  fill(shallow->names, {"new", "a"});
  fill(shallow->old_names, {"old", "b"});
  const auto deep = record_of<DeepMove>(kRecordMovedDeep);
  fill(deep->names, {"new", "a"});
  fill(deep->old_names, {"old", "b"});
  for (const auto& heard : {heard_of(*shallow), heard_of(*deep)}) {
    EXPECT_THAT(heard.paths, ElementsAre("a/new"));
    EXPECT_THAT(heard.old_paths, ElementsAre("b/old"));
    EXPECT_THAT(heard.whole, ElementsAre(true));
  }
}

TEST(LsmEvent, AMoveIsWholeOnlyIfBothPathsAre) {
  for (const bool old : {true, false}) {
    const auto record = record_of<MovedShallow>(kRecordMoved);
    fill(record->names, {"new"});
    fill(record->old_names, {"old"});
    (old ? record->old_names : record->names).whole = 0;
    EXPECT_THAT(heard_of(*record).whole, ElementsAre(false));
  }
}

TEST(LsmEvent, ALengthBeyondTheRecordReadsNothingBeyondIt) {
  for (const std::uint32_t length : {kFewNames + kNamesSlack + 1U, 0x7fffffffU, 0xffffffffU}) {
    const auto record = record_of<HappenedShallow>(kRecordHappened);
    std::memset(record->names.names, 'x', sizeof record->names.names);
    record->names.length = length;
    const auto heard = heard_of(*record);
    ASSERT_EQ(heard.paths.size(), 1U);
    EXPECT_LE(heard.paths[0].size(), sizeof record->names.names);
  }
}

TEST(LsmEvent, ALengthWithinANameIsTaken) {
  const auto record = record_of<HappenedShallow>(kRecordHappened);
  fill(record->names, {"name", "directory"});
  record->names.length = 3;
  EXPECT_EQ(heard_of(*record).paths.size(), 1U);
  record->names.length = 1;
  EXPECT_THAT(heard_of(*record).paths, ElementsAre(""));
}

TEST(LsmEvent, NothingButNulsIsOnlySlashes) {
  const auto record = record_of<HappenedShallow>(kRecordHappened);
  record->names.length = 4;
  EXPECT_EQ(heard_of(*record).paths.size(), 1U);
}

TEST(LsmEvent, ARecordThatIsTooShortIsLeftOut) {
  const auto deep = record_of<DeepMove>(kRecordMovedDeep);
  struct Kind {
    std::uint32_t kind;
    std::size_t size;
  };
  for (const auto& [kind, size] :
       {Kind{kRecordHappened, sizeof(HappenedShallow)},
        Kind{kRecordHappenedDeep, sizeof(HappenedDeep)}, Kind{kRecordMoved, sizeof(MovedShallow)},
        Kind{kRecordMovedDeep, sizeof(DeepMove)}, Kind{kRecordClosed, sizeof(CloseRecord)}}) {
    deep->what.process.kind = kind;
    for (const std::size_t cut : {std::size_t{0}, std::size_t{3}, std::size_t{4}, size - 1}) {
      const auto heard = heard_of(deep.get(), cut);
      EXPECT_THAT(heard.paths, IsEmpty()) << kind << ' ' << cut;
      EXPECT_THAT(heard.trees, IsEmpty()) << kind << ' ' << cut;
    }
    const auto heard = heard_of(deep.get(), size);
    EXPECT_EQ(heard.paths.size() + heard.trees.size(), 1U) << kind;
  }
}

TEST(LsmEvent, AnUnknownKindIsLeftOut) {
  const auto record = record_of<HappenedShallow>(77);
  const auto heard = heard_of(*record);
  EXPECT_THAT(heard.paths, IsEmpty());
  EXPECT_THAT(heard.trees, IsEmpty());
}

TEST(LsmEvent, AClosedFileNamesItsTree) {
  CloseRecord closed{};
  closed.kind = kRecordClosed;
  closed.tree = 9;
  EXPECT_THAT(heard_of(closed).trees, ElementsAre(9U));
}

}  // namespace
}  // namespace guard
