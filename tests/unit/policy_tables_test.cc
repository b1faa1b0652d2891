#include "guardd/kernel/policy_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kAlice;
using testing::kOps;
using testing::kShop;
using testing::kShopGroup;
using testing::policy_text;
using ::testing::SizeIs;
using testing::World;

constexpr std::uint64_t bit(unsigned slot) {
  return std::uint64_t{1} << slot;
}

// Keeps what was written, and logs the order.
class FakeTables : public KernelTables {
 public:
  Status add_patterns(std::uint32_t id, std::span<const PatternRow> rows) override {
    if (is_full) return Error("no room");
    log.push_back("patterns " + std::to_string(id));
    patterns[id] = {rows.begin(), rows.end()};
    return {};
  }
  void drop_patterns(std::uint32_t id, std::size_t rows) override {
    log.push_back("drop patterns " + std::to_string(id));
    const auto there = patterns.find(id);
    EXPECT_TRUE(there == patterns.end() || there->second.size() == rows);
    patterns.erase(id);
  }
  Status add_rule(const RuleKey& key, const Terms& terms) override {
    rules[{key.patterns, key.label}] = terms;
    return {};
  }
  void drop_rule(const RuleKey& key) override { rules.erase({key.patterns, key.label}); }

  void exempt(const Exemptions& all) override {
    log.emplace_back("exempt");
    exemptions = all;
  }
  Status set_subject(const SubjectKey& key, std::uint64_t bits) override {
    log.push_back((bits ? "subject " : "drop subject ") + std::to_string(key.number));
    if (fails) return Error("no room");
    set(subjects, std::pair(key.kind, key.number), bits);
    return {};
  }
  Status set_unit(std::string_view name, std::uint64_t bits) override {
    set(units, std::string(name), bits);
    return {};
  }
  Status set_container(std::uint64_t group, std::uint64_t bits) override {
    set(containers, group, bits);
    return {};
  }
  Status set_script(std::string_view comm, std::uint32_t labels) override {
    set(scripts, std::string(comm), labels);
    return {};
  }
  Status set_program(const ProgramKey& key, const Program& program) override {
    if (program.exemptions) log.emplace_back("program");
    programs[{key.inode, key.device}] = program;
    return {};
  }
  Status drop_program(const ProgramKey& key) override {
    log.emplace_back("drop program");
    programs.erase({key.inode, key.device});
    return {};
  }

  template <typename Map, typename Value>
  static void set(Map& map, const typename Map::key_type& key, Value value) {
    if (value == 0)
      map.erase(key);
    else
      map[key] = value;
  }

  std::vector<std::uint64_t> exempt_programs() const {
    std::vector<std::uint64_t> all;
    for (const auto& [id, program] : programs)
      if (program.exemptions) all.push_back(program.exemptions);
    return all;
  }

  std::vector<std::string> log;
  bool is_full = false;
  bool fails = false;
  Exemptions exemptions{};
  std::map<std::uint32_t, std::vector<PatternRow>> patterns;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Terms> rules;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> subjects;
  std::map<std::string, std::uint64_t> units;
  std::map<std::uint64_t, std::uint64_t> containers;
  std::map<std::string, std::uint32_t> scripts;
  std::map<std::pair<std::uint64_t, std::uint32_t>, Program> programs;
};

std::string allow(std::string_view keys) {
  return "[[policy.allow]]\n" + std::string(keys) + "\n";
}

class PolicyTablesTest : public ::testing::Test {
 protected:
  // Logs only what is written from here on.
  void prepare(const std::string& text) {
    const auto loaded = world_.load_good(text);
    ASSERT_TRUE(loaded.set);
    tables_.log.clear();
    const auto done = policy_.prepare(*loaded.set);
    ASSERT_TRUE(done) << done.error().text();
  }
  void reload(const std::string& text) {
    prepare(text);
    ASSERT_TRUE(policy_.finish());
  }
  // The bit for an allow of this user.
  std::uint64_t of_user(Uid uid) {
    const auto found = tables_.subjects.find({kSubjectUser, uid.value});
    return found == tables_.subjects.end() ? 0 : found->second;
  }
  std::string policy_text_with_users(unsigned from, unsigned to) {
    std::string text = "action = \"deny\"\n";
    for (auto uid = from; uid < to; ++uid) {
      world_.users.add("u" + std::to_string(uid), Uid{uid}, Gid{uid});
      text += allow("user = " + std::to_string(uid));
    }
    return policy_text(text);
  }

  World world_;
  FakeTables tables_;
  PolicyTables policy_{tables_};
};

TEST_F(PolicyTablesTest, HoldWhatAPolicyWants) {
  prepare(
      policy_text("action = \"deny\"\nfile_mode = \"0640\"\nguard = [\"ownership\", \"read\"]\n"
                  "only = \"interactive\"\nstrict = true\n"));
  const auto tag = policy_.tag_of(0);
  EXPECT_EQ(tag.terms.owner, kShop.value);
  EXPECT_EQ(tag.terms.group, kShopGroup.value);
  EXPECT_EQ(tag.terms.file_mode, 0640U);
  EXPECT_EQ(tag.terms.dir_mode, std::uint32_t{kAnyMode});
  EXPECT_EQ(tag.terms.action, std::uint32_t{kTreeActionDeny});
  EXPECT_EQ(tag.guards, 1U << kGuardOwnership | 1U << kGuardRead);
  EXPECT_EQ(tag.flags, std::uint32_t{kTreeOnlyInteractive | kTreeStrict});
  EXPECT_EQ(tag.patterns, 0U);
  EXPECT_EQ(tag.allows | tag.ignores, 0U);
  EXPECT_EQ(policy_.guards(), tag.guards);
  EXPECT_THAT(policy_.shortcomings(), IsEmpty());
}

TEST_F(PolicyTablesTest, GuardNothingForAPolicyThatIsOff) {
  prepare(policy_text("action = \"off\"\nguard = [\"read\"]\nexclude = [\"cache/**\"]\n" +
                      allow("user = \"alice\"")) +
          policy_text("guard = [\"delete\"]\n", "inner", "/srv/shop/inner"));
  EXPECT_EQ(policy_.tag_of(0).terms.action, std::uint32_t{kTreeActionOff});
  EXPECT_EQ(policy_.tag_of(0).guards, 0U);
  EXPECT_EQ(policy_.tag_of(0).patterns, 0U);
  EXPECT_EQ(of_user(kAlice), 0U);
  EXPECT_EQ(policy_.guards(), 1U << kGuardDelete);
}

TEST_F(PolicyTablesTest, KeepRulesByTheLabelsOfTheirPatterns) {
  const auto text = policy_text(
      "action = \"deny\"\nexclude = [\"cache/**\"]\n"
      "[[policy.rule]]\nmatch = [\"conf\"]\nowner = \"root\"\ngroup = \"ops\"\naction = \"log\"\n"
      "[[policy.rule]]\nmatch = [\"**/*.key\"]\nfile_mode = \"0600\"\n");
  prepare(text);
  const auto table = policy_.tag_of(0).patterns;
  ASSERT_TRUE(tables_.patterns.contains(table));
  const auto label_of = [&](std::string_view path) {
    const auto& rows = tables_.patterns[table];
    std::size_t state = 0;
    for (auto byte = path.rbegin(); byte != path.rend(); ++byte)
      state = rows.at(state).next[static_cast<unsigned char>(*byte)];
    return rows.at(state).label;
  };
  EXPECT_EQ(label_of("index.php"), kLabelPolicy);
  EXPECT_EQ(label_of("cache/x"), kLabelExcluded);
  EXPECT_EQ(label_of("conf"), kLabelFirstRule);
  EXPECT_EQ(label_of("etc/a.key"), kLabelFirstRule + 1);
  const auto first = tables_.rules.at({table, kLabelFirstRule});
  EXPECT_EQ(first.owner, 0U);
  EXPECT_EQ(first.group, kOps.value);
  EXPECT_EQ(first.action, std::uint32_t{kTreeActionLog});
  const auto second = tables_.rules.at({table, kLabelFirstRule + 1});
  EXPECT_EQ(second.owner, kShop.value);
  EXPECT_EQ(second.file_mode, 0600U);
  EXPECT_EQ(second.action, std::uint32_t{kTreeActionDeny});
}

TEST_F(PolicyTablesTest, ShareThePatternsOfEqualTrees) {
  prepare(
      "[[policy]]\nname = \"shop\"\npaths = [\"/srv/a\", \"/srv/b\", \"/srv/c\"]\n"
      "owner = \"shop\"\nexclude = [\"cache/**\"]\n" +
      policy_text("", "inner", "/srv/c/x"));
  EXPECT_EQ(policy_.tag_of(0).patterns, policy_.tag_of(1).patterns);
  EXPECT_NE(policy_.tag_of(0).patterns, policy_.tag_of(2).patterns);
  EXPECT_EQ(policy_.tag_of(3).patterns, 0U);
  EXPECT_THAT(tables_.patterns, SizeIs(2));
}

TEST_F(PolicyTablesTest, DropNothingBeforeTheLastTagIsGone) {
  const auto with = [](std::string_view user) {
    return policy_text("exclude = [\"cache/**\"]\n" +
                       allow("user = \"" + std::string(user) + "\"") +
                       allow("unit = \"" + std::string(user) + ".service\""));
  };
  reload(with("alice"));
  const auto old = policy_.tag_of(0);
  prepare(with("backup"));
  const auto fresh = policy_.tag_of(0);
  EXPECT_NE(old.patterns, fresh.patterns);
  EXPECT_EQ(old.allows & fresh.allows, 0U);
  EXPECT_THAT(tables_.log,
              ElementsAre("patterns " + std::to_string(fresh.patterns), "subject 34", "exempt"));
  EXPECT_TRUE(tables_.patterns.contains(old.patterns));
  EXPECT_TRUE(tables_.rules.empty());
  EXPECT_EQ(of_user(kAlice) & old.allows, of_user(kAlice));
  EXPECT_TRUE(tables_.units.contains("alice.service"));
  EXPECT_EQ(tables_.exemptions.need_user, of_user(kAlice) | of_user(testing::kBackup));

  tables_.log.clear();
  ASSERT_TRUE(policy_.finish());
  EXPECT_THAT(tables_.log, ElementsAre("drop patterns " + std::to_string(old.patterns), "exempt",
                                       "drop subject 1000"));
  EXPECT_FALSE(tables_.units.contains("alice.service"));
  EXPECT_TRUE(tables_.units.contains("backup.service"));
  EXPECT_EQ(tables_.exemptions.need_user, of_user(testing::kBackup));
}

TEST_F(PolicyTablesTest, KeepTheBitOfAnAllowWhileAnyPolicyNeedsIt) {
  reload(policy_text(allow("user = \"alice\"") + allow("login = \"alice\"")));
  const auto alice = of_user(kAlice);
  EXPECT_EQ(policy_.tag_of(0).allows, bit(0) | bit(1));
  reload(policy_text(allow("user = \"backup\"") + allow("user = \"alice\"")));
  EXPECT_EQ(of_user(kAlice), alice);
  EXPECT_EQ(of_user(testing::kBackup), bit(2));
  reload(policy_text(allow("user = \"alice\"\neffect = \"ignore\"")));
  EXPECT_EQ(policy_.tag_of(0).allows, alice);
  EXPECT_EQ(policy_.tag_of(0).ignores, alice);
  // Another allow gets another bit, not one that processes may still carry.
  reload(policy_text(allow("user = \"backup\"")));
  EXPECT_EQ(of_user(testing::kBackup), bit(3));
  EXPECT_EQ(of_user(kAlice), 0U);
}

TEST_F(PolicyTablesTest, ShareTheBitOfEqualAllows) {
  prepare(policy_text(allow("user = \"alice\"")) +
          policy_text(allow("user = 1000\neffect = \"ignore\"") +
                          allow("user = \"alice\"\nchildren = false"),
                      "other", "/srv/other"));
  EXPECT_EQ(std::popcount(of_user(kAlice)), 2);
  EXPECT_EQ(policy_.tag_of(0).ignores, 0U);
  EXPECT_EQ(policy_.tag_of(1).ignores, policy_.tag_of(0).allows);
  EXPECT_EQ(tables_.exemptions.for_children & of_user(kAlice), policy_.tag_of(0).allows);
}

TEST_F(PolicyTablesTest, NeedEveryKeyOfAnAllow) {
  prepare(
      policy_text(allow("exe = \"/usr/bin/env\"\nunit = \"a.service\"\nuser = \"alice\"\n"
                        "group = \"ops\"\nlogin = \"shop\"\nlabel = \"backup\"")));
  const auto& all = tables_.exemptions;
  const auto one = policy_.tag_of(0).allows;
  ASSERT_EQ(std::popcount(one), 1);
  for (const auto need : {all.need_program, all.need_unit, all.need_user, all.need_group,
                          all.need_login, all.of_label[1]})
    EXPECT_EQ(need, one);
  EXPECT_EQ(all.need_label, one | bit(kPackageManagers));
  EXPECT_THAT(tables_.exempt_programs(), ElementsAre(one));
  EXPECT_EQ(tables_.subjects, (std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t>{
                                  {{kSubjectUser, kAlice.value}, one},
                                  {{kSubjectGroup, kOps.value}, one},
                                  {{kSubjectLogin, kShop.value}, one}}));
  EXPECT_EQ(tables_.units.at("a.service"), one);
  EXPECT_EQ(all.any_unit, 0U);
}

TEST_F(PolicyTablesTest, AlwaysLabelPackageManagers) {
  prepare(policy_text());
  EXPECT_EQ(tables_.exemptions.need_label, bit(kPackageManagers));
  EXPECT_EQ(tables_.exemptions.of_label[0], bit(kPackageManagers));
  EXPECT_EQ(tables_.exemptions.for_children, bit(kPackageManagers));
}

TEST_F(PolicyTablesTest, GrantNothingToMissingAccountsAndPrograms) {
  prepare(policy_text(allow("exe = \"/nowhere/to/be/found\"")));
  EXPECT_EQ(tables_.exemptions.need_program, policy_.tag_of(0).allows);
  EXPECT_THAT(tables_.exempt_programs(), IsEmpty());
  EXPECT_THAT(policy_.program_directories(), ::testing::Contains("/nowhere/to/be"));
  EXPECT_THAT(policy_.program_directories(), ::testing::Contains("/usr/bin"));
}

TEST_F(PolicyTablesTest, TreatAUnitThatTheKernelCannotMatchAsAnyUnit) {
  const auto name = std::string(54, 'x') + ".service";  // 62
  prepare(policy_text("action = \"deny\"\n" + allow("unit = \"shop-*.service\"") +
                      allow("unit = \"" + name + "\"") + allow("unit = \"x" + name + "\"")));
  EXPECT_EQ(tables_.exemptions.need_unit, bit(0) | bit(1) | bit(2));
  EXPECT_EQ(tables_.exemptions.any_unit, bit(0) | bit(2));
  EXPECT_EQ(tables_.units.at(name), bit(1));
  EXPECT_THAT(policy_.shortcomings(),
              ElementsAre(HasSubstr("shop-*.service"), HasSubstr("x" + name)));
}

TEST_F(PolicyTablesTest, ExemptContainersByTheirControlGroups) {
  const auto container = [](const char* name, const char* image, std::uint64_t group) {
    return std::make_shared<const KnownContainer>(
        KnownContainer{name, image, "", name, true, group});
  };
  const auto backup = container("backup", "docker.io/restic/restic:1", 7);
  const auto web = container("web", "nginx:1", 8);
  ASSERT_TRUE(policy_.set_containers({backup, web, container("backup", "", 0)}));
  EXPECT_TRUE(tables_.containers.empty());
  reload(policy_text("action = \"deny\"\n" + allow("container = \"b*\"") +
                     allow("image = \"restic:*\"") +
                     allow("container = \"web\"\nimage = \"other\"")));
  EXPECT_EQ(tables_.exemptions.need_container, bit(0) | bit(1) | bit(2));
  EXPECT_EQ(tables_.containers, (std::map<std::uint64_t, std::uint64_t>{{7, bit(0) | bit(1)}}));
  EXPECT_THAT(policy_.shortcomings(), IsEmpty());
  ASSERT_TRUE(policy_.set_containers({web}));
  EXPECT_TRUE(tables_.containers.empty());
  ASSERT_TRUE(policy_.set_containers({backup}));
  EXPECT_EQ(tables_.containers.size(), 1U);
  reload(policy_text("action = \"deny\"\n"));
  EXPECT_TRUE(tables_.containers.empty());
}

TEST_F(PolicyTablesTest, DenyNothingForMoreAllowsThanBits) {
  reload(policy_text_with_users(2000, 2063) +
         policy_text("action = \"deny\"\n" + allow("user = 2000"), "other", "/srv/other"));
  EXPECT_EQ(policy_.tag_of(0).flags, std::uint32_t{kTreeUndecidable});
  EXPECT_EQ(policy_.tag_of(0).allows, ~(bit(kPackageManagers) | bit(kExcused)));
  EXPECT_EQ(policy_.tag_of(1).flags, 0U);
  EXPECT_THAT(policy_.shortcomings(), ElementsAre(HasSubstr("shop")));
  reload(policy_text_with_users(2001, 2063));
  EXPECT_EQ(policy_.tag_of(0).flags, std::uint32_t{kTreeUndecidable});  // 2000 was still there
  reload(policy_text_with_users(2001, 2063));
  EXPECT_EQ(policy_.tag_of(0).flags, 0U);
  EXPECT_THAT(policy_.shortcomings(), IsEmpty());
}

TEST_F(PolicyTablesTest, DenyNothingForAnAllowOfEveryProcess) {
  prepare(policy_text("action = \"deny\"\n[[policy.allow]]\n"));
  EXPECT_EQ(policy_.tag_of(0).flags, std::uint32_t{kTreeUndecidable});
  EXPECT_THAT(policy_.shortcomings(), SizeIs(1));
}

TEST_F(PolicyTablesTest, DenyNothingForPatternsThatDoNotFit) {
  const auto text = policy_text("action = \"deny\"\nexclude = [\"cache/**\"]\n");
  tables_.is_full = true;
  reload(text);
  EXPECT_EQ(policy_.tag_of(0).flags, std::uint32_t{kTreeUndecidable});
  EXPECT_EQ(policy_.tag_of(0).patterns, 0U);
  EXPECT_THAT(policy_.shortcomings(), ElementsAre(HasSubstr("no room")));
  tables_.is_full = false;
  reload(text);
  EXPECT_EQ(policy_.tag_of(0).flags, 0U);
  EXPECT_THAT(policy_.shortcomings(), IsEmpty());
}

TEST_F(PolicyTablesTest, DenyNothingForTooManyStates) {
  const std::string any(40, '?');
  const auto loaded =
      world_.load_good(policy_text("action = \"deny\"\nexclude = [\"" + any + "a*\"]\n"));
  ASSERT_TRUE(loaded.set);
  ASSERT_TRUE(policy_.prepare(*loaded.set));
  EXPECT_EQ(policy_.tag_of(0).flags, std::uint32_t{kTreeUndecidable});
  EXPECT_THAT(policy_.shortcomings(), ElementsAre(HasSubstr("too many")));
}

TEST_F(PolicyTablesTest, KeepThePreviousSetAfterAFailedWrite) {
  reload(policy_text("exclude = [\"a/**\"]\n" + allow("user = \"alice\"")));
  const auto before = policy_.tag_of(0);
  const auto next = world_.load_good(policy_text("exclude = [\"b/**\"]\n" + allow("user = 34")));
  tables_.fails = true;
  EXPECT_FALSE(policy_.prepare(*next.set));
  EXPECT_EQ(policy_.tag_of(0).patterns, before.patterns);
  EXPECT_THAT(tables_.patterns, ElementsAre(::testing::Key(before.patterns)));
  EXPECT_EQ(of_user(kAlice), before.allows);
  tables_.fails = false;
  ASSERT_TRUE(policy_.finish());
  ASSERT_TRUE(policy_.prepare(*next.set));
  EXPECT_EQ(of_user(testing::kBackup), policy_.tag_of(0).allows);
}

TEST_F(PolicyTablesTest, FindAReplacedProgramAgain) {
  const testing::TemporaryDirectory directory;
  const auto path = directory.write("tool", "x");
  reload(policy_text(allow("exe = \"" + path + "\"")));
  ASSERT_THAT(tables_.exempt_programs(), SizeIs(1));
  const auto other = directory.write("tool.new", "y");
  std::filesystem::rename(other, path);
  tables_.log.clear();
  ASSERT_TRUE(policy_.refresh_programs());
  EXPECT_THAT(tables_.log, ElementsAre("program", "drop program"));
  tables_.log.clear();
  ASSERT_TRUE(policy_.refresh_programs());
  EXPECT_THAT(tables_.log, IsEmpty());
}

}  // namespace
}  // namespace guard
