#include "policy/load/read_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::is_harmless;
using ::testing::IsEmpty;
using testing::policy_text;

struct Read {
  std::vector<DraftPolicy> policies;
  std::vector<std::string> messages;
};

Read read(std::string_view text) {
  Diagnostics diagnostics;
  diagnostics.add_file("p.toml");
  Read read{read_policies(text, 0, diagnostics), {}};
  diagnostics.sort();
  for (const auto& diagnostic : diagnostics.all())
    read.messages.push_back(diagnostics.format(diagnostic));
  return read;
}

DraftPolicy read_one(std::string_view text) {
  auto all = read(text);
  EXPECT_THAT(all.messages, IsEmpty()) << text;
  EXPECT_EQ(all.policies.size(), 1U) << text;
  return all.policies.empty() ? DraftPolicy{} : std::move(all.policies.front());
}

std::vector<std::string> messages(std::string_view text) {
  return read(text).messages;
}

std::vector<std::string> values(const std::vector<Setting<std::string>>& settings) {
  std::vector<std::string> values;
  for (const auto& setting : settings) values.push_back(setting.value);
  return values;
}

// The example of the contract, word for word.
constexpr std::string_view kEveryKey = R"([[policy]]
name   = "shop"                        # unique, [a-z0-9][a-z0-9._-]*
paths  = ["/srv/shop", "/var/log/shop"] # absolute trees; a missing one is pending, not an error
owner  = "shop"                        # name or number
group  = "shop"                        # default: the owner's primary group
action = "fix"                         # off | log | fix | deny   (default log)

# all optional
guard     = ["ownership"]   # any of: ownership content delete attributes read
file_mode = "0640"          # wanted mode of regular files
dir_mode  = "0750"
settle    = "250ms"         # how long a finished change must rest before it is judged
fix_at    = "settle"        # settle | open
exclude   = ["cache/**"]    # globs relative to the tree
severity  = "medium"        # info | low | medium | high | critical
category  = "service"       # free text, for reports
tell      = true            # one line on the offender's own terminal (default true)
only      = "any"         # whom deny rejects: any | interactive
strict    = false         # true: deny rejects package managers too

  [[policy.rule]]           # other owners inside the tree; first match wins
  match     = ["conf/keystore", "**/*.key"]
  owner     = "root"
  group     = "shop"
  file_mode = "0640"
  action    = "log"

  [[policy.allow]]          # who may; every key given must match
  exe      = "/usr/bin/dpkg"          # by inode, not by name
  unit     = "apt-daily-upgrade.service"
  user     = "backup"
  group    = "ops"
  login    = "alice"                   # loginuid
  label    = "package-manager"
  children = true                      # and everything it starts (default true)
  effect   = "no-deny"                 # ignore | no-deny (default)
)";

TEST(ReadPolicy, ReadsTheExampleOfTheContract) {
  const auto policy = read_one(kEveryKey);
  EXPECT_EQ(policy.name.value, "shop");
  EXPECT_THAT(values(policy.paths), ElementsAre("/srv/shop", "/var/log/shop"));
  EXPECT_EQ(policy.owner->value, Principal("shop"));
  EXPECT_EQ(policy.group->value, Principal("shop"));
  EXPECT_EQ(policy.action.value, Action::kFix);
  EXPECT_EQ(policy.guards.value, EnumSet<Guard>{Guard::kOwnership});
  EXPECT_EQ(policy.file_mode->value, Mode{0640});
  EXPECT_EQ(policy.dir_mode->value, Mode{0750});
  EXPECT_EQ(policy.settle.value, 250ms);
  EXPECT_EQ(policy.fix_at.value, FixAt::kSettle);
  EXPECT_THAT(values(policy.exclude), ElementsAre("cache/**"));
  EXPECT_EQ(policy.severity.value, Severity::kMedium);
  EXPECT_EQ(policy.category.value, "service");
  EXPECT_TRUE(policy.tell.value);
  EXPECT_EQ(policy.only.value, Only::kAny);
  EXPECT_FALSE(policy.strict.value);
  EXPECT_FALSE(policy.force.value);

  ASSERT_EQ(policy.rules.size(), 1U);
  const auto& rule = policy.rules[0];
  EXPECT_THAT(values(rule.match), ElementsAre("conf/keystore", "**/*.key"));
  EXPECT_EQ(rule.owner->value, Principal("root"));
  EXPECT_EQ(rule.group->value, Principal("shop"));
  EXPECT_EQ(rule.file_mode->value, Mode{0640});
  EXPECT_FALSE(rule.dir_mode);
  EXPECT_EQ(rule.action->value, Action::kLog);

  ASSERT_EQ(policy.allows.size(), 1U);
  const auto& allow = policy.allows[0];
  EXPECT_EQ(allow.exe->value, "/usr/bin/dpkg");
  EXPECT_EQ(allow.unit->value, "apt-daily-upgrade.service");
  EXPECT_EQ(allow.user->value, Principal("backup"));
  EXPECT_EQ(allow.group->value, Principal("ops"));
  EXPECT_EQ(allow.login->value, Principal("alice"));
  EXPECT_EQ(allow.label->value, Label::kPackageManager);
  EXPECT_TRUE(allow.children.value);
  EXPECT_EQ(allow.effect.value, Effect::kNoDeny);
}

TEST(ReadPolicy, FillsInTheDefaultsOfTheContract) {
  const auto policy = read_one(policy_text("[[policy.rule]]\nmatch = [\"x\"]\n[[policy.allow]]\n"));
  EXPECT_FALSE(policy.group);
  EXPECT_EQ(policy.action.value, Action::kLog);
  EXPECT_EQ(policy.guards.value, EnumSet<Guard>{Guard::kOwnership});
  EXPECT_FALSE(policy.file_mode);
  EXPECT_FALSE(policy.dir_mode);
  EXPECT_EQ(policy.settle.value, 250ms);
  EXPECT_EQ(policy.fix_at.value, FixAt::kSettle);
  EXPECT_THAT(policy.exclude, IsEmpty());
  EXPECT_EQ(policy.severity.value, Severity::kMedium);
  EXPECT_EQ(policy.category.value, "service");
  EXPECT_TRUE(policy.tell.value);
  EXPECT_EQ(policy.only.value, Only::kAny);
  EXPECT_FALSE(policy.strict.value);
  EXPECT_FALSE(policy.force.value);
  EXPECT_FALSE(policy.action.place) << "it is a default";
  EXPECT_FALSE(policy.rules.at(0).owner);
  EXPECT_FALSE(policy.rules.at(0).action);
  EXPECT_FALSE(policy.allows.at(0).exe);
  EXPECT_FALSE(policy.allows.at(0).label);
  EXPECT_TRUE(policy.allows.at(0).children.value);
  EXPECT_EQ(policy.allows.at(0).effect.value, Effect::kNoDeny);
}

struct Value {
  std::string_view line;
  std::function<bool(const DraftPolicy&)> arrives;
};

TEST(ReadPolicy, ReadsEveryValue) {
  const std::vector<Value> cases = {
      {"group = 12", [](auto& p) { return p.group->value == Principal(12U); }},
      {"action = \"off\"", [](auto& p) { return p.action.value == Action::kOff; }},
      {"action = \"log\"", [](auto& p) { return p.action.value == Action::kLog; }},
      {"action = \"deny\"", [](auto& p) { return p.action.value == Action::kDeny; }},
      {"guard = [\"content\"]",
       [](auto& p) { return p.guards.value == EnumSet<Guard>{Guard::kContent}; }},
      {"guard = [\"read\", \"attributes\", \"delete\", \"content\", \"ownership\"]",
       [](auto& p) { return p.guards.value.size() == 5; }},
      {"file_mode = \"4755\"", [](auto& p) { return p.file_mode->value == Mode{04755}; }},
      {"file_mode = \"600\"", [](auto& p) { return p.file_mode->value == Mode{0600}; }},
      {"dir_mode = \"2770\"", [](auto& p) { return p.dir_mode->value == Mode{02770}; }},
      {"settle = \"0s\"", [](auto& p) { return p.settle.value == 0s; }},
      {"settle = \"1min 2s\"", [](auto& p) { return p.settle.value == 62s; }},
      {"fix_at = \"open\"", [](auto& p) { return p.fix_at.value == FixAt::kOpen; }},
      {"exclude = []", [](auto& p) { return p.exclude.empty(); }},
      {"severity = \"info\"", [](auto& p) { return p.severity.value == Severity::kInfo; }},
      {"severity = \"low\"", [](auto& p) { return p.severity.value == Severity::kLow; }},
      {"severity = \"high\"", [](auto& p) { return p.severity.value == Severity::kHigh; }},
      {"severity = \"critical\"", [](auto& p) { return p.severity.value == Severity::kCritical; }},
      {"category = \"\"", [](auto& p) { return p.category.value.empty(); }},
      {"tell = false", [](auto& p) { return !p.tell.value; }},
      {"only = \"interactive\"", [](auto& p) { return p.only.value == Only::kInteractive; }},
      {"strict = true", [](auto& p) { return p.strict.value; }},
      {"force = true", [](auto& p) { return p.force.value; }},
      {"rule = [{match = [\"x\"], dir_mode = \"0700\"}]",
       [](auto& p) { return p.rules.at(0).dir_mode->value == Mode{0700}; }},
      {"allow = [{login = 1000}]",
       [](auto& p) { return p.allows.at(0).login->value == Principal(1000U); }},
      {"allow = [{label = \"backup\", effect = \"ignore\", children = false}]",
       [](auto& p) {
         const auto& allow = p.allows.at(0);
         return allow.label->value == Label::kBackup && allow.effect.value == Effect::kIgnore &&
                !allow.children.value;
       }},
      {"allow = [{label = \"config-management\"}]",
       [](auto& p) { return p.allows.at(0).label->value == Label::kConfigManagement; }},
  };
  for (const auto& [line, arrives] : cases)
    EXPECT_TRUE(arrives(read_one(policy_text(line)))) << line;
}

TEST(ReadPolicy, AUserOrGroupIsANameOrANumber) {
  const auto owner = [](std::string_view value) {
    return read_one("[[policy]]\nname=\"a\"\npaths=[\"/a\"]\nowner = " + std::string(value))
        .owner->value;
  };
  EXPECT_EQ(owner("0"), Principal(0U));
  EXPECT_EQ(owner("\"1001\""), Principal(1001U)) << "as in chown(1)";
  EXPECT_EQ(owner("\"0042\""), Principal(42U));
  EXPECT_EQ(owner("4294967294"), Principal(4294967294U));
  EXPECT_EQ(owner("\"4294967294\""), Principal(4294967294U));
  EXPECT_EQ(owner("\"1001a\""), Principal("1001a"));
}

// One invalid line of a policy, the fifth, and the message about it.
struct Slip {
  std::string_view line;
  std::string_view message;
};

class ReadPolicyRejects : public ::testing::TestWithParam<Slip> {};

TEST_P(ReadPolicyRejects, WithThePlaceAndTheReason) {
  EXPECT_THAT(messages(policy_text(GetParam().line)),
              ElementsAre("p.toml:" + std::string(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    WrongTypes, ReadPolicyRejects,
    ::testing::Values(
        Slip{"group = true", "5:9: group must be a name or a number, not a boolean"},
        Slip{"group = 1.5", "5:9: group must be a name or a number, not a fraction"},
        Slip{"group = [1]", "5:9: group must be a name or a number, not an array"},
        Slip{"action = 3", "5:10: action must be a string, not a number"},
        Slip{"action = [\"fix\"]", "5:10: action must be a string, not an array"},
        Slip{"guard = \"content\"",
             "5:9: guard must be an array of strings, not a string; write guard = [\"content\"]"},
        Slip{"guard = [\"content\", 7]",
             "5:21: each value of guard must be a string, not a number"},
        Slip{"file_mode = 640",
             "5:13: file_mode must be an octal mode in quotes, not a number; write "
             "file_mode = \"0640\""},
        Slip{"file_mode = 0o640",
             "5:13: file_mode must be an octal mode in quotes, not a number; write "
             "file_mode = \"0640\""},
        Slip{"dir_mode = true",
             "5:12: dir_mode must be an octal mode in quotes, not a boolean; write "
             "dir_mode = \"0640\""},
        Slip{"settle = 250", "5:10: settle must be a string, not a number"},
        Slip{"settle = 2020-01-01", "5:10: settle must be a string, not a date"},
        Slip{"fix_at = false", "5:10: fix_at must be a string, not a boolean"},
        Slip{"exclude = \"cache/**\"",
             "5:11: exclude must be an array of strings, not a string; write exclude = "
             "[\"cache/**\"]"},
        Slip{"exclude = [[\"x\"]]", "5:12: each value of exclude must be a string, not an array"},
        Slip{"severity = 1", "5:12: severity must be a string, not a number"},
        Slip{"category = {}", "5:12: category must be a string, not a table"},
        Slip{"tell = \"true\"",
             "5:8: tell must be true or false, not a string; write the value without quotes"},
        Slip{"tell = 1", "5:8: tell must be true or false, not a number"},
        Slip{"only = [\"any\"]", "5:8: only must be a string, not an array"},
        Slip{"strict = \"no\"",
             "5:10: strict must be true or false, not a string; write the value without quotes"},
        Slip{"force = 0", "5:9: force must be true or false, not a number"},
        Slip{"rule = {match = [\"x\"]}",
             "5:8: rule must be an array of tables, each under [[policy.rule]] in double brackets"},
        Slip{"[policy.allow]",
             "5:1: allow must be an array of tables, each under [[policy.allow]] in double "
             "brackets"},
        Slip{"rule = [1]",
             "5:8: rule must be an array of tables, each under [[policy.rule]] in double brackets"},
        Slip{"allow = [{exe = 1}]", "5:17: exe must be a string, not a number"},
        Slip{"allow = [{unit = true}]", "5:18: unit must be a string, not a boolean"},
        Slip{"allow = [{user = []}]", "5:18: user must be a name or a number, not an array"},
        Slip{"allow = [{group = 1.0}]", "5:19: group must be a name or a number, not a fraction"},
        Slip{"allow = [{login = true}]", "5:19: login must be a name or a number, not a boolean"},
        Slip{"allow = [{label = [\"backup\"]}]", "5:19: label must be a string, not an array"},
        Slip{"allow = [{children = \"true\"}]",
             "5:22: children must be true or false, not a string; write the value without quotes"},
        Slip{"allow = [{effect = 0}]", "5:20: effect must be a string, not a number"},
        Slip{"rule = [{match = \"x\"}]",
             "5:18: match must be an array of strings, not a string; write match = [\"x\"]"},
        Slip{"rule = [{match = [\"x\"], owner = false}]",
             "5:33: owner must be a name or a number, not a boolean"},
        Slip{"rule = [{match = [\"x\"], action = 1}]",
             "5:34: action must be a string, not a number"}));

INSTANTIATE_TEST_SUITE_P(
    WrongValues, ReadPolicyRejects,
    ::testing::Values(
        Slip{"action = \"dney\"",
             "5:10: action must be off, log, fix or deny, not \"dney\"; did you mean \"deny\"?"},
        Slip{"action = \"Fix\"",
             "5:10: action must be off, log, fix or deny, not \"Fix\"; did you mean \"fix\"?"},
        Slip{"action = \"\"", "5:10: action must be off, log, fix or deny, not \"\""},
        Slip{"guard = [\"ownership\", \"contents\"]",
             "5:23: guard must be ownership, content, delete, attributes or read, not "
             "\"contents\"; did you mean \"content\"?"},
        Slip{"guard = []",
             "5:9: guard is empty; write guard = [\"ownership\"], or action = \"off\" to guard "
             "nothing"},
        Slip{"fix_at = \"opne\"",
             "5:10: fix_at must be settle or open, not \"opne\"; did you mean \"open\"?"},
        Slip{"severity = \"hihg\"",
             "5:12: severity must be info, low, medium, high or critical, not \"hihg\"; did you "
             "mean \"high\"?"},
        Slip{"only = \"interactiv\"",
             "5:8: only must be any or interactive, not \"interactiv\"; did you mean "
             "\"interactive\"?"},
        Slip{"allow = [{label = \"package_manager\"}]",
             "5:19: label must be package-manager, backup or config-management, not "
             "\"package_manager\"; did you mean \"package-manager\"?"},
        Slip{"allow = [{effect = \"nodeny\"}]",
             "5:20: effect must be ignore or no-deny, not \"nodeny\"; did you mean \"no-deny\"?"},
        Slip{"file_mode = \"0648\"",
             "5:13: file_mode must be three or four octal digits, as in \"0640\", not \"0648\""},
        Slip{"file_mode = \"64\"",
             "5:13: file_mode must be three or four octal digits, as in \"0640\", not \"64\""},
        Slip{"dir_mode = \"00750\"",
             "5:12: dir_mode must be three or four octal digits, as in \"0640\", not \"00750\""},
        Slip{"dir_mode = \"u=rwx\"",
             "5:12: dir_mode must be three or four octal digits, as in \"0640\", not \"u=rwx\""},
        Slip{"settle = \"250\"",
             "5:10: settle = \"250\": the number 250 has no unit; write a number and a unit (us, "
             "ms, s, min, h, d, w), as in \"250ms\""},
        Slip{"settle = \"soon\"",
             "5:10: settle = \"soon\": write a number and a unit (us, ms, s, min, h, d, w), as in "
             "\"250ms\""},
        Slip{"group = \"\"", "5:9: group is empty; write a name or a number"},
        Slip{"group = -1", "5:9: group: this is not a valid user or group number"},
        Slip{"group = 4294967295", "5:9: group: this is not a valid user or group number"},
        Slip{"group = 65535", "5:9: group: this is not a valid user or group number"},
        Slip{"group = \"4294967295\"", "5:9: group: this is not a valid user or group number"},
        Slip{"group = \"99999999999999999999999\"",
             "5:9: group: this is not a valid user or group number"},
        Slip{"group = \"a\\u0000b\"",
             "5:9: group = \"a\\x00b\": a name cannot contain control characters"},
        Slip{"group = \"shop\\n\"",
             "5:9: group = \"shop\\n\": a name cannot contain control characters"}));

INSTANTIATE_TEST_SUITE_P(
    UnknownKeys, ReadPolicyRejects,
    ::testing::Values(
        Slip{"actoin = \"fix\"",
             "5:1: unknown key \"actoin\" in [[policy]]; did you mean \"action\"?"},
        Slip{"colour = \"red\"", "5:1: unknown key \"colour\" in [[policy]]"},
        Slip{"rules = []", "5:1: unknown key \"rules\" in [[policy]]; did you mean \"rule\"?"},
        Slip{"guards = [\"read\"]",
             "5:1: unknown key \"guards\" in [[policy]]; did you mean \"guard\"?"},
        Slip{"rule = [{match = [\"x\"], onwer = \"shop\"}]",
             "5:25: unknown key \"onwer\" in [[policy.rule]]; did you mean \"owner\"?"},
        Slip{"allow = [{exec = \"/x\"}]",
             "5:11: unknown key \"exec\" in [[policy.allow]]; did you mean \"exe\"?"},
        Slip{"[[policies]]", "5:3: unknown key \"policies\"; did you mean \"policy\"?"}));

TEST(ReadPolicy, ReportsMissingKeys) {
  EXPECT_THAT(messages("\n  [[policy]]\n"),
              ElementsAre("p.toml:2:3: [[policy]] has no name; write name = \"shop\"",
                          "p.toml:2:3: [[policy]] has no paths; write paths = [\"/srv/shop\"]",
                          "p.toml:2:3: [[policy]] has no owner; write owner = \"shop\""));
  EXPECT_THAT(
      messages(policy_text("[[policy.rule]]\nowner = \"root\"")),
      ElementsAre("p.toml:5:1: [[policy.rule]] has no match; write match = [\"conf/*.key\"]"));
  EXPECT_THAT(messages(policy_text("[[policy.rule]]\nmatch = []")),
              ElementsAre("p.toml:6:9: match is empty; write match = [\"conf/*.key\"]"));
  EXPECT_THAT(messages("[[policy]]\nname=\"a\"\npaths = []\nowner=0"),
              ElementsAre("p.toml:3:9: paths is empty; write paths = [\"/srv/shop\"]"));
}

TEST(ReadPolicy, AKeyWithAWrongValueIsNotAlsoMissing) {
  EXPECT_THAT(
      messages("[[policy]]\nname = 1\npaths = \"/srv/a\"\nowner = true"),
      ElementsAre("p.toml:2:8: name must be a string, not a number",
                  "p.toml:3:9: paths must be an array of strings, not a string; write paths "
                  "= [\"/srv/a\"]",
                  "p.toml:4:9: owner must be a name or a number, not a boolean"));
}

TEST(ReadPolicy, PolicyMustBeAnArrayOfTables) {
  const std::string message =
      "policy must be an array of tables, each under [[policy]] in double brackets";
  EXPECT_THAT(messages("policy = 1"), ElementsAre("p.toml:1:10: " + message));
  EXPECT_THAT(messages("[policy]\nname = \"a\""), ElementsAre("p.toml:1:1: " + message));
  EXPECT_THAT(messages("\n[[policy.rule]]\nmatch = [\"a\"]"),
              ElementsAre("p.toml:2:1: " + message));
}

TEST(ReadPolicy, AnEmptyFileIsValid) {
  for (const std::string_view text : {"", "\n\n", "# nothing yet\n", "\xef\xbb\xbf# a BOM\n"}) {
    const auto all = read(text);
    EXPECT_THAT(all.messages, IsEmpty()) << text;
    EXPECT_THAT(all.policies, IsEmpty());
  }
}

TEST(ReadPolicy, PointsAtTheSyntaxErrorItself) {
  const std::vector<Slip> cases = {
      {"a = ", "1:5: "},          {"a = 1\nb = ]", "2:5: "}, {"[[policy]\n", "1:10: "},
      {"a = \"open\n", "1:10: "}, {"a = 1\na = 2", "2:5: "}, {"x = 1 \xff", "1:6: "},
  };
  for (const auto& [text, place] : cases) {
    const auto found = messages(text);
    ASSERT_EQ(found.size(), 1U) << text;
    EXPECT_THAT(found[0], ::testing::StartsWith("p.toml:" + std::string(place) + "invalid TOML: "));
  }
}

TEST(ReadPolicy, ColumnsCountCharactersNotBytes) {
  EXPECT_THAT(messages(policy_text("category = \"Größe\"; x")),
              ElementsAre(::testing::StartsWith("p.toml:5:19: invalid TOML")));
}

TEST(ReadPolicy, ReportsAllErrorsInOnePass) {
  EXPECT_THAT(messages("[[policy]]\n"
                       "name = 3\n"
                       "paths = [\"/srv/a\", 1]\n"
                       "owner = 1.5\n"
                       "action = \"dney\"\n"
                       "\n"
                       "[[policy]]\n"
                       "nmae = \"b\"\n"
                       "  [[policy.allow]]\n"
                       "  effect = \"deny\"\n"),
              ElementsAre(::testing::StartsWith("p.toml:2:8: name must be"),
                          ::testing::StartsWith("p.toml:3:20: each value of paths must be"),
                          ::testing::StartsWith("p.toml:4:9: owner must be"),
                          ::testing::StartsWith("p.toml:5:10: action must be"),
                          ::testing::StartsWith("p.toml:7:1: [[policy]] has no name"),
                          ::testing::StartsWith("p.toml:7:1: [[policy]] has no paths"),
                          ::testing::StartsWith("p.toml:7:1: [[policy]] has no owner"),
                          ::testing::StartsWith("p.toml:8:1: unknown key \"nmae\""),
                          ::testing::StartsWith("p.toml:10:12: effect must be")));
}

// Messages escape hostile bytes.
TEST(ReadPolicy, EscapesTheTextOfTheFile) {
  const std::vector<std::string> evil = {"\\u001b[31m", "\\u009b31m", "\\u202e", "\\n",
                                         "\\u0007",     "\\u2028",    "\\u200f", "\\u007f",
                                         "\\U000E0041", "\\u0000",    "\\u061c"};
  for (const auto& bad : evil) {
    const std::vector<std::string> texts = {
        policy_text("\"a" + bad + "\" = 1"),
        policy_text("action = \"fix" + bad + "\""),
        policy_text("guard = \"" + bad + "\""),
        policy_text("guard = [\"" + bad + "\"]"),
        policy_text("settle = \"" + bad + "\""),
        policy_text("file_mode = \"" + bad + "\""),
        policy_text("owner = \"x\"\n\"owner" + bad + "\" = 1"),
        policy_text("allow = [{\"" + bad + "\" = 1}]"),
        "\"" + bad + "\" = 1\n\"" + bad + "\" = 1\n",
        "[\"" + bad + "\"]\n[\"" + bad + "\"]\n",
    };
    for (const auto& text : texts) {
      const auto found = messages(text);
      EXPECT_FALSE(found.empty()) << text;
      for (const auto& message : found) EXPECT_TRUE(is_harmless(message)) << message;
    }
  }
}

// The parser quotes raw bytes of the file, not TOML escapes.
TEST(ReadPolicy, EscapesTheMessagesOfTheParser) {
  // NOLINTNEXTLINE(misc-misleading-bidirectional): that is what is tested
  for (const std::string bad : {"\x1b", "\xc2\x9b", "\xe2\x80\xae", "\x07", "\xff", "\x7f",
                                "\xe2\x80\xa8", "\xf3\xa0\x81\x81"}) {
    for (const auto& text :
         {bad, "a = " + bad, "a " + bad + " = 1", "a = \"" + bad, "a = \"\\" + bad + "\"",
          "[" + bad + "]", "a" + bad + " = 1", "a = tru" + bad, "a = 1" + bad,
          "'" + bad + "' = 1\n'" + bad + "' = 2", "'" + bad + "' = 1\n['" + bad + "'.b]",
          "a = 2020-" + bad, "# " + bad + "\na ="}) {
      const auto found = messages(text);
      EXPECT_FALSE(found.empty()) << text;
      for (const auto& message : found) EXPECT_TRUE(is_harmless(message)) << message;
    }
  }
}

TEST(ReadPolicy, DeeplyNestedTextIsAnError) {
  EXPECT_FALSE(messages("a = " + std::string(100'000, '[')).empty());
  std::string tables;
  for (int i = 0; i < 10'000; ++i) tables += "a.";
  EXPECT_FALSE(messages(tables + "a = 1").empty());
}

}  // namespace
}  // namespace guard
