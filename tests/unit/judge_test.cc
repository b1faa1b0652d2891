#include "policy/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/judging.h"

namespace guard {
namespace {

using testing::change;
using testing::Judge;
using testing::kAlice;
using testing::kAliceGroup;
using testing::kOps;
using testing::kRootGroup;
using testing::kShop;
using testing::kShopGroup;
using testing::leaving;
using testing::lying;
using testing::root;
using testing::subject;
using testing::towards;
using testing::with_mode;

constexpr auto kR = kRootGroup;
constexpr auto kG = kShopGroup;
constexpr std::array kGuards{Guard::kOwnership, Guard::kContent, Guard::kDelete, Guard::kAttributes,
                             Guard::kRead};
constexpr std::array kLadder{Action::kLog, Action::kFix, Action::kDeny};

// Which guard covers which operation, as in the table of the contract.

struct CoveredPart {
  Operation operation;
  Direction direction;
  EnumSet<Guard> by;
};

const std::vector<CoveredPart>& coverage_of_the_contract() {
  using O = Operation;
  using D = Direction;
  static const std::vector<CoveredPart> table = {
      {O::kCreate, D::kWithin, {Guard::kOwnership}},
      {O::kMkdir, D::kWithin, {Guard::kOwnership}},
      {O::kMknod, D::kWithin, {Guard::kOwnership}},
      {O::kSymlink, D::kWithin, {Guard::kOwnership}},
      {O::kLink, D::kWithin, {Guard::kOwnership}},
      {O::kLink, D::kInto, {Guard::kOwnership}},
      {O::kLink, D::kOutOf, {Guard::kOwnership}},
      {O::kRename, D::kWithin, {Guard::kOwnership}},
      {O::kRename, D::kInto, {Guard::kOwnership}},
      {O::kRename, D::kOutOf, {Guard::kDelete}},
      {O::kChown, D::kWithin, {Guard::kOwnership}},
      {O::kChmod, D::kWithin, {Guard::kOwnership, Guard::kAttributes}},
      {O::kWrite, D::kWithin, {Guard::kContent}},
      {O::kTruncate, D::kWithin, {Guard::kContent}},
      {O::kMap, D::kWithin, {Guard::kContent}},
      {O::kUnlink, D::kWithin, {Guard::kDelete}},
      {O::kRmdir, D::kWithin, {Guard::kDelete}},
      {O::kSetxattr, D::kWithin, {Guard::kAttributes}},
      {O::kRemovexattr, D::kWithin, {Guard::kAttributes}},
      {O::kSetacl, D::kWithin, {Guard::kAttributes}},
      {O::kSetflags, D::kWithin, {Guard::kAttributes}},
      {O::kMount, D::kWithin, {Guard::kOwnership}},
      {O::kRead, D::kWithin, {Guard::kRead}},
      {O::kScan, D::kWithin, {Guard::kOwnership}},
  };
  return table;
}

TEST_F(Judge, EveryGuardCoversItsOperationsAndNoOthers) {
  for (const auto guard : kGuards) {
    const auto& policy =
        this->policy("guard = [\"" + std::string(word(guard)) + "\"]\nfile_mode = \"0640\"");
    for (const auto& [operation, direction, by] : coverage_of_the_contract()) {
      const auto what = with_mode(0777, towards(direction, leaving(operation, kRoot, kRootGroup)));
      for (const auto& who : {root(), subject(kAlice, kAliceGroup)}) {
        const auto verdict = judge(policy, who, what);
        EXPECT_EQ(verdict.reason, by.has(guard) ? Reason::kViolation : Reason::kNotCovered)
            << word(guard) << " " << word(operation);
        if (verdict.violation()) {
          EXPECT_EQ(verdict.guard, guard);
        }
      }
      EXPECT_EQ(judge(policy, subject(kShop, kShopGroup), what).reason, Reason::kOwner)
          << word(operation) << ": an owner never violates its policy";
    }
  }
}

TEST_F(Judge, OnlyTheOwnershipGuardJudgesTheResult) {
  for (const auto guard : kGuards) {
    const auto& policy = this->policy("guard = [\"" + std::string(word(guard)) + "\"]");
    for (const auto& [operation, direction, by] : coverage_of_the_contract()) {
      const auto verdict =
          judge(policy, root(), towards(direction, leaving(operation, kShop, kShopGroup)));
      const bool wrong_by_itself =
          operation == Operation::kMount ||
          (operation == Operation::kLink && direction == Direction::kOutOf);
      auto expected = Reason::kNotCovered;
      if (by.has(guard)) {
        expected =
            guard == Guard::kOwnership && !wrong_by_itself ? Reason::kRight : Reason::kViolation;
      }
      EXPECT_EQ(verdict.reason, expected) << word(guard) << " " << word(operation);
    }
  }
}

TEST_F(Judge, OneViolatedGuardIsEnough) {
  constexpr auto kBoth = "guard = [\"ownership\", \"attributes\"]\nfile_mode = \"0640\"\n";
  EXPECT_EQ(judged(kBoth, root(), with_mode(0600, change(Operation::kChmod))), "ownership: logged");
  EXPECT_EQ(judged(kBoth, root(), with_mode(0640, change(Operation::kChmod))), "attributes: logged")
      << "the result is right, but root may not do it";
  EXPECT_EQ(judged(kBoth, root(), change(Operation::kWrite)), "not covered");
}

// Scenarios under log, fix and deny, by root unless stated otherwise.

struct Scenario {
  std::string name;
  std::string more;  // lines of the policy
  Subject who;
  Change what;
  std::array<std::string_view, 3> expected;  // log, fix, deny
};

// The name that GoogleTest looks for. NOLINTNEXTLINE(readability-identifier-naming)
void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.name;
}

class JudgesScenario : public Judge, public ::testing::WithParamInterface<Scenario> {};

TEST_P(JudgesScenario, UnderEveryAction) {
  const auto& [name, more, who, what, expected] = GetParam();
  for (std::size_t i = 0; i < kLadder.size(); ++i) {
    const auto action = "action = \"" + std::string(word(kLadder[i])) + "\"\n";
    EXPECT_EQ(judged(action + more, who, what), expected[i]) << name << ": " << action;
  }
  EXPECT_EQ(judged("action = \"off\"\n" + more, who, what), "off") << name;
}

std::string scenario_name(const ::testing::TestParamInfo<Scenario>& info) {
  return info.param.name;
}

// What deny cannot prevent is fixed.
constexpr std::array<std::string_view, 3> kFixed{"ownership: logged", "ownership: fixed",
                                                 "ownership: denied, fixed"};
constexpr std::array<std::string_view, 3> kReported{"ownership: logged", "ownership: logged",
                                                    "ownership: denied, logged"};
constexpr std::array<std::string_view, 3> all_of(std::string_view word) {
  return {word, word, word};
}
// Guards other than ownership cannot fix.
std::array<std::string_view, 3> only_denied(Guard guard) {
  static const std::vector<std::string> texts_of_guards = [] {
    std::vector<std::string> texts;
    for (const auto each : kGuards) {
      texts.push_back(std::string(word(each)) + ": logged");
      texts.push_back(std::string(word(each)) + ": denied, logged");
    }
    return texts;
  }();
  const auto at = static_cast<std::size_t>(guard) * 2;
  return {texts_of_guards[at], texts_of_guards[at], texts_of_guards[at + 1]};
}

Scenario caught(std::string name, const Change& what, std::array<std::string_view, 3> expected,
                std::string more = "", const Subject& who = root()) {
  return {std::move(name), std::move(more), who, what, expected};
}

INSTANTIATE_TEST_SUITE_P(
    Caught, JudgesScenario,
    ::testing::Values(
        caught("P1_create", leaving(Operation::kCreate, kRoot, kR), kFixed),
        caught("P2_mkdir", leaving(Operation::kMkdir, kRoot, kR, FileType::kDirectory), kFixed),
        caught("P3_rename_in", towards(Direction::kInto, leaving(Operation::kRename, kRoot, kR)),
               kFixed),
        caught("P5_symlink", leaving(Operation::kSymlink, kRoot, kR, FileType::kSymlink), kFixed),
        caught("P6_link_in", towards(Direction::kInto, leaving(Operation::kLink, kRoot, kR)),
               kReported),
        caught("P6_link_out", towards(Direction::kOutOf, leaving(Operation::kLink, kShop, kG)),
               kReported),
        caught("P7_chown", leaving(Operation::kChown, kRoot, kG), kFixed),
        caught("P7_chown_directory", leaving(Operation::kChown, kRoot, kR, FileType::kDirectory),
               kFixed),
        caught("P7_chgrp", leaving(Operation::kChown, kShop, kR), kFixed),
        caught("P8_fifo", leaving(Operation::kMknod, kRoot, kR, FileType::kFifo), kReported),
        caught("P8_socket", leaving(Operation::kMknod, kRoot, kR, FileType::kSocket), kReported),
        caught("P8_character_device", leaving(Operation::kMknod, kRoot, kR, FileType::kCharDevice),
               kReported),
        caught("P8_block_device", leaving(Operation::kMknod, kRoot, kR, FileType::kBlockDevice),
               kReported),
        caught("P9_rename_directory_in",
               towards(Direction::kInto,
                       leaving(Operation::kRename, kRoot, kR, FileType::kDirectory)),
               kFixed),
        caught("P11_group_member_creates", leaving(Operation::kCreate, Uid{1500}, kG), kFixed, "",
               subject(Uid{1500}, kG)),
        caught("P15_create_with_umask_077", with_mode(0600, leaving(Operation::kCreate, kRoot, kR)),
               kFixed, "file_mode = \"0640\""),
        caught("P15_only_bits_missing", with_mode(0600, leaving(Operation::kChmod, kShop, kG)),
               kReported, "file_mode = \"0640\""),
        caught("P15_bits_too_many", with_mode(0666, leaving(Operation::kChmod, kShop, kG)), kFixed,
               "file_mode = \"0640\""),
        caught("P18_foreign_uid", leaving(Operation::kCreate, Uid{5001}, Gid{5001}), kFixed),
        caught("P21_write", change(Operation::kWrite), only_denied(Guard::kContent),
               "guard = [\"content\"]"),
        caught("P21_truncate", change(Operation::kTruncate), only_denied(Guard::kContent),
               "guard = [\"content\"]"),
        caught("P21_map", change(Operation::kMap), only_denied(Guard::kContent),
               "guard = [\"content\"]"),
        caught("P22_unlink", change(Operation::kUnlink), only_denied(Guard::kDelete),
               "guard = [\"delete\"]"),
        caught("P22_rmdir", change(Operation::kRmdir), only_denied(Guard::kDelete),
               "guard = [\"delete\"]"),
        caught("P22_rename_out", towards(Direction::kOutOf, change(Operation::kRename)),
               only_denied(Guard::kDelete), "guard = [\"delete\"]"),
        caught("P23_chmod", with_mode(0600, change(Operation::kChmod)),
               only_denied(Guard::kAttributes), "guard = [\"attributes\"]"),
        caught("P23_setfacl", change(Operation::kSetacl), only_denied(Guard::kAttributes),
               "guard = [\"attributes\"]"),
        caught("P23_setfattr", change(Operation::kSetxattr), only_denied(Guard::kAttributes),
               "guard = [\"attributes\"]"),
        caught("P23_chattr", change(Operation::kSetflags), only_denied(Guard::kAttributes),
               "guard = [\"attributes\"]"),
        caught("P24_read", change(Operation::kRead), only_denied(Guard::kRead),
               "guard = [\"read\"]"),
        caught("P25_mount", change(Operation::kMount), kReported)),
    scenario_name);

INSTANTIATE_TEST_SUITE_P(
    LeftAlone, JudgesScenario,
    ::testing::Values(
        caught("N3_writing_in_place", change(Operation::kWrite), all_of("not covered")),
        caught("N3_truncating_in_place", change(Operation::kTruncate), all_of("not covered")),
        caught("N4_chown_to_the_owner", leaving(Operation::kChown, kShop, kG), all_of("right")),
        caught("N5_reading", change(Operation::kRead), all_of("not covered")),
        caught("N5_reading_under_content", change(Operation::kRead), all_of("not covered"),
               "guard = [\"content\"]"),
        caught("N6_unlinking_a_temporary_file", change(Operation::kUnlink), all_of("not covered")),
        caught("N7_the_owners_own_work", leaving(Operation::kCreate, kShop, kG), all_of("owner"),
               "", subject(kShop, kG)),
        caught("N7_even_with_another_group", leaving(Operation::kCreate, kShop, kOps),
               all_of("owner"), "", subject(kShop, kOps)),
        caught("N8_whoever_is_ignored", leaving(Operation::kCreate, kRoot, kR), all_of("allowed"),
               "allow = [{user = \"root\", effect = \"ignore\"}]"),
        caught("Renaming_what_is_right", leaving(Operation::kRename, kShop, kG), all_of("right")),
        caught("Renaming_within_is_no_removal", leaving(Operation::kRename, kShop, kG),
               all_of("not covered"), "guard = [\"delete\"]"),
        caught("Moving_what_is_wrong_out",
               towards(Direction::kOutOf, leaving(Operation::kRename, kRoot, kR)),
               all_of("not covered")),
        caught("Linking_what_is_right_in",
               towards(Direction::kInto, leaving(Operation::kLink, kShop, kG)), all_of("right"))),
    scenario_name);

// The end state.

TEST_F(Judge, ChownAtTheEndIsNotAViolation) {
  for (const auto action : kLadder)  // N1, N2: cp -a, install -o, tar -xp
    EXPECT_EQ(
        judged_at_rest("action = \"" + std::string(word(action)) + "\"", lying(kShop, kShopGroup)),
        "right");
}

TEST_F(Judge, FindsAWrongOwnerGroupOrMode) {
  constexpr auto kFix = "action = \"fix\"\nfile_mode = \"0640\"\ndir_mode = \"0750\"\n";
  EXPECT_EQ(judged_at_rest(kFix, lying(kShop, kShopGroup, 0640)), "right");
  EXPECT_EQ(judged_at_rest(kFix, lying(kRoot, kShopGroup, 0640)), "ownership: fixed");
  EXPECT_EQ(judged_at_rest(kFix, lying(kShop, kOps, 0640)), "ownership: fixed");
  EXPECT_EQ(judged_at_rest(kFix, lying(kShop, kShopGroup, 0644)), "ownership: fixed");
  EXPECT_EQ(judged_at_rest(kFix, lying(kShop, kShopGroup, 0750, FileType::kDirectory)), "right");
  EXPECT_EQ(judged_at_rest(kFix, lying(kShop, kShopGroup, 0640, FileType::kDirectory)),
            "ownership: logged")
      << "0110 are missing";
  EXPECT_EQ(judged_at_rest("action = \"fix\"", lying(kShop, kShopGroup, 04777)), "right")
      << "no mode is wanted";
}

TEST_F(Judge, ExcessBitsAreRemovedAndMissingBitsNeverAdded) {
  constexpr auto kFix = "action = \"fix\"\nfile_mode = \"0640\"\n";
  const auto wrong = [&](std::uint32_t mode) {
    return judge(policy(kFix), "conf", lying(kShop, kShopGroup, mode)).deviation;
  };
  EXPECT_EQ(wrong(0646).mode_excess, 0006U);
  EXPECT_EQ(wrong(0646).mode_missing, 0U);
  EXPECT_EQ(wrong(0600).mode_excess, 0U);
  EXPECT_EQ(wrong(0600).mode_missing, 0040U);
  EXPECT_EQ(wrong(0602).mode_excess, 0002U);
  EXPECT_EQ(wrong(04640).mode_excess, 04000U);
  EXPECT_EQ(wrong(07777).mode_excess, 07137U);
  EXPECT_EQ(judged_at_rest(kFix, lying(kShop, kShopGroup, 0600)), "ownership: logged");
  EXPECT_EQ(judged_at_rest(kFix, lying(kShop, kShopGroup, 0602)), "ownership: fixed");
}

TEST_F(Judge, LinksFifosAndSocketsHaveNoWantedMode) {
  constexpr auto kFix = "action = \"fix\"\nfile_mode = \"0640\"\ndir_mode = \"0750\"\n";
  for (const auto type : {FileType::kSymlink, FileType::kFifo, FileType::kSocket,
                          FileType::kCharDevice, FileType::kBlockDevice})
    EXPECT_EQ(judged_at_rest(kFix, lying(kShop, kShopGroup, 0777, type)), "right") << word(type);
}

TEST_F(Judge, OnlyFilesDirectoriesAndSymlinksAreFixed) {
  for (const auto type : {FileType::kRegular, FileType::kDirectory, FileType::kSymlink})
    EXPECT_EQ(judged_at_rest("action = \"fix\"", lying(kRoot, kR, 0600, type)), "ownership: fixed")
        << word(type);
  for (const auto type :
       {FileType::kFifo, FileType::kSocket, FileType::kCharDevice, FileType::kBlockDevice})
    EXPECT_EQ(judged_at_rest("action = \"fix\"", lying(kRoot, kR, 0600, type)), "ownership: logged")
        << word(type);
}

TEST_F(Judge, AFileWithSeveralNamesIsReportedAndNeverFixed) {
  EXPECT_EQ(judged_at_rest("action = \"fix\"", lying(kRoot, kR, 0600, FileType::kRegular, 2)),
            "ownership: logged");
  EXPECT_EQ(judged_at_rest("action = \"fix\"", lying(kRoot, kR, 0777, FileType::kSymlink, 2)),
            "ownership: logged");
  EXPECT_EQ(judged_at_rest("action = \"fix\"", lying(kRoot, kR, 0755, FileType::kDirectory, 9)),
            "ownership: fixed")
      << "the '..' of subdirectories do not count as names";
}

TEST_F(Judge, OnlyTheOwnershipGuardJudgesEndStates) {
  for (const auto* guard : {"content", "delete", "attributes", "read"})
    EXPECT_EQ(judged_at_rest("guard = [\"" + std::string(guard) + "\"]", lying(kRoot, kR)),
              "not covered");
}

TEST_F(Judge, TheEndStateFollowsTheAction) {
  EXPECT_EQ(judged_at_rest("action = \"off\"", lying(kRoot, kR)), "off");
  EXPECT_EQ(judged_at_rest("action = \"log\"", lying(kRoot, kR)), "ownership: logged");
  EXPECT_EQ(judged_at_rest("action = \"fix\"", lying(kRoot, kR)), "ownership: fixed");
  EXPECT_EQ(judged_at_rest("action = \"deny\"", lying(kRoot, kR)), "ownership: fixed")
      << "existing files are fixed, not denied";
}

// Exclude and rules.

TEST_F(Judge, ExcludedPathsAreNeverViolations) {
  constexpr auto kMore =
      "action = \"deny\"\nexclude = [\"cache/**\", \"*.tmp\"]\n"
      "rule = [{match = [\"cache/x\"], action = \"deny\"}]";
  auto inside = leaving(Operation::kCreate, kRoot, kR);
  inside.path = "cache/x";
  EXPECT_EQ(judged(kMore, root(), inside), "excluded") << "before any rule";
  EXPECT_EQ(judged_at_rest(kMore, lying(kRoot, kR), "a.tmp"), "excluded");
  EXPECT_EQ(judged_at_rest(kMore, lying(kRoot, kR), "cache"), "ownership: fixed");
  EXPECT_EQ(judged_at_rest(kMore, lying(kRoot, kR), ""), "ownership: fixed");
}

constexpr auto kKeystore = R"(action = "fix"
[[policy.rule]]
match = ["conf/keystore", "**/*.key"]
owner = "root"
group = "shop"
file_mode = "0640"
[[policy.rule]]
match = ["conf/**"]
owner = "alice"
action = "deny"
[[policy.rule]]
match = ["logs/**"]
action = "off"
)";

TEST_F(Judge, TheFirstRuleThatMatchesWins) {
  const auto& policy = this->policy(kKeystore);
  const auto rule_at = [&](std::string_view path) -> std::ptrdiff_t {
    const auto verdict = judge(policy, path, lying(kShop, kShopGroup));
    return verdict.rule ? verdict.rule - policy.rules.data() : -1;
  };
  EXPECT_EQ(rule_at("conf/keystore"), 0);
  EXPECT_EQ(rule_at("conf/a.key"), 0);
  EXPECT_EQ(rule_at("a.key"), 0);
  EXPECT_EQ(rule_at("conf/a"), 1);
  EXPECT_EQ(rule_at("conf"), -1);
  EXPECT_EQ(rule_at(""), -1);
}

TEST_F(Judge, ARuleDecidesTheWantedOwner) {  // P17
  EXPECT_EQ(judged_at_rest(kKeystore, lying(kRoot, kShopGroup, 0640), "conf/keystore"), "right");
  EXPECT_EQ(judged_at_rest(kKeystore, lying(kShop, kShopGroup, 0640), "conf/keystore"),
            "ownership: fixed");
  EXPECT_EQ(judged_at_rest(kKeystore, lying(kRoot, kShopGroup, 0660), "conf/keystore"),
            "ownership: fixed");
  EXPECT_EQ(judged_at_rest(kKeystore, lying(kShop, kShopGroup, 0660), "data"), "right");
  const auto verdict = judge(policy(kKeystore), "conf/keystore", lying(kShop, kShopGroup));
  EXPECT_EQ(verdict.wanted->owner.id, kRoot);
  EXPECT_EQ(verdict.wanted->group.id, kShopGroup);
}

TEST_F(Judge, ARuleHasItsOwnAction) {
  auto what = leaving(Operation::kCreate, kRoot, kR);
  what.path = "conf/a";
  EXPECT_EQ(judged(kKeystore, root(), what), "ownership: denied, fixed");
  what.path = "data";
  EXPECT_EQ(judged(kKeystore, root(), what), "ownership: fixed");
  what.path = "logs/x";
  EXPECT_EQ(judged(kKeystore, root(), what), "off");
  EXPECT_EQ(judged_at_rest(kKeystore, lying(kRoot, kR), "logs/x"), "off");
  const std::string mild = "action = \"deny\"\nrule = [{match = [\"conf\"], action = \"log\"}]";
  EXPECT_EQ(judged(mild, root(), leaving(Operation::kCreate, kRoot, kR)), "ownership: logged");
}

TEST_F(Judge, TheOwnerOfARuleIsAnOwnerOnlyUnderThatRule) {
  auto by_alice = leaving(Operation::kCreate, kAlice, kAliceGroup);
  by_alice.path = "conf/a";
  const auto alice = subject(kAlice, kAliceGroup);
  EXPECT_EQ(judged(kKeystore, alice, by_alice), "ownership: fixed") << "her own group is wrong";
  const auto rest = std::string_view(kKeystore).substr(std::string_view(kKeystore).find('\n'));
  EXPECT_EQ(judged("action = \"deny\"" + std::string(rest), alice, by_alice), "ownership: fixed")
      << "but an owner is never denied";
  by_alice.gid = kShopGroup;
  EXPECT_EQ(judged(kKeystore, alice, by_alice), "owner");
  by_alice.gid = kAliceGroup;
  by_alice.path = "data";
  EXPECT_EQ(judged(kKeystore, alice, by_alice), "ownership: fixed");
  auto by_shop = leaving(Operation::kChown, kShop, kShopGroup);
  by_shop.path = "conf/keystore";
  EXPECT_EQ(judged(kKeystore, subject(kShop, kShopGroup), by_shop), "owner")
      << "the policy's owner, everywhere in its tree";
}

// Unknown values.

TEST_F(Judge, UnknownStateCountsAsCorrect) {
  EXPECT_EQ(judged("action = \"deny\"", root(), change(Operation::kCreate)), "right");
  auto half = change(Operation::kChown);
  half.gid = kRootGroup;
  EXPECT_EQ(judged("action = \"deny\"", root(), half), "ownership: denied, fixed");
  half.gid = kShopGroup;
  EXPECT_EQ(judged("action = \"deny\"", root(), half), "right");
  EXPECT_EQ(judged("action = \"deny\"\nfile_mode = \"0640\"", root(),
                   leaving(Operation::kCreate, kShop, kShopGroup)),
            "right");
}

TEST_F(Judge, AnUnknownSubjectIsNotTheOwner) {
  EXPECT_EQ(
      judged("action = \"deny\"\nguard = [\"content\"]", Subject(), change(Operation::kWrite)),
      "content: denied, logged");
}

TEST_F(Judge, ReportsTheDeviationEvenIfDenied) {
  const auto verdict = judge(policy("action = \"deny\"\nfile_mode = \"0640\""), root(),
                             with_mode(0602, leaving(Operation::kCreate, kRoot, kShopGroup)));
  EXPECT_TRUE(verdict.deviation.owner);
  EXPECT_FALSE(verdict.deviation.group);
  EXPECT_EQ(verdict.deviation.mode_excess, 0002U);
  EXPECT_EQ(verdict.deviation.mode_missing, 0040U);
  EXPECT_EQ(verdict.wanted->owner.id, kShop);
  EXPECT_EQ(verdict.action, Action::kDeny);
}

}  // namespace
}  // namespace guard
