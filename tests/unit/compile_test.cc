#include "policy/load/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::is_harmless;
using ::testing::IsEmpty;
using testing::kAlice;
using testing::kAliceGroup;
using testing::kBackup;
using testing::kOps;
using testing::kShop;
using testing::kShopGroup;
using testing::policy_text;
using ::testing::StartsWith;
using testing::World;

class Compile : public ::testing::Test {
 protected:
  WantedState wanted(std::string_view owner_and_group) const {
    const auto loaded = world_.load_good("[[policy]]\nname=\"a\"\npaths=[\"/srv/a\"]\n" +
                                         std::string(owner_and_group));
    return loaded.set ? loaded.policy().wanted : WantedState{};
  }
  std::vector<std::string> messages(const std::string& text) const {
    return world_.load(text).messages;
  }
  // The message about a policy with this path, without the place.
  std::string about_path(const std::string& path, std::string_view more = "") const {
    const std::string at = "p.toml:3:10: ";
    const auto found = messages(policy_text(more, "shop", path));
    if (found.empty()) return "";
    EXPECT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0], StartsWith(at));
    return found[0].substr(std::min(found[0].size(), at.size()));
  }

  World world_;
};

// Users and groups.

TEST_F(Compile, OwnersByNameAndByNumberAreTheSame) {
  const auto by_name = wanted("owner = \"shop\"");
  const auto by_number = wanted("owner = 1001");
  EXPECT_EQ(by_name.owner.id, kShop);
  EXPECT_EQ(by_number.owner.id, kShop);
  EXPECT_EQ(by_name.owner.name, "shop");
  EXPECT_EQ(by_number.owner.name, "shop");
}

TEST_F(Compile, TheGroupDefaultsToTheOwnersPrimaryGroup) {
  EXPECT_EQ(wanted("owner = \"alice\"").group.id, kAliceGroup);
  EXPECT_EQ(wanted("owner = 1000").group.id, kAliceGroup);
  EXPECT_EQ(wanted("owner = 1000").group.name, "alice");
  EXPECT_EQ(wanted("owner = \"shop\"\ngroup = \"ops\"").group.id, kOps);
  EXPECT_EQ(wanted("owner = \"shop\"\ngroup = 500").group.name, "ops");
  EXPECT_EQ(wanted("owner = \"shop\"\ngroup = 7777").group.name, "7777");
}

TEST_F(Compile, AUserWithoutAnAccountNeedsAGroup) {
  EXPECT_THAT(
      messages("[[policy]]\nname=\"a\"\npaths=[\"/srv/a\"]\nowner = 7777"),
      ElementsAre("p.toml:4:9: uid 7777 has no account, so its primary group is unknown; set "
                  "group = …"));
  EXPECT_EQ(wanted("owner = 7777\ngroup = 5").owner.id, Uid{7777});
  EXPECT_EQ(wanted("owner = 7777\ngroup = 5").owner.name, "7777");
}

TEST_F(Compile, TheHighestNumbersAreValid) {
  EXPECT_EQ(wanted("owner = 4294967294\ngroup = 4294967294").owner.id, Uid{4294967294});
  EXPECT_EQ(wanted("owner = 65534\ngroup = 65536").group.id, Gid{65536});
}

TEST_F(Compile, UnknownNamesAreErrorsWithTheNearestOne) {
  EXPECT_THAT(messages("[[policy]]\nname=\"a\"\npaths=[\"/srv/a\"]\nowner = \"shpo\"\n"
                       "group = \"oops\"\n"
                       "[[policy.rule]]\nmatch = [\"x\"]\nowner = \"rot\"\ngroup = \"zzz\"\n"
                       "[[policy.allow]]\nuser = \"bakup\"\ngroup = \"op\"\nlogin = \"alicia\"\n"),
              ElementsAre("p.toml:4:9: unknown user \"shpo\"; did you mean \"shop\"?",
                          "p.toml:5:9: unknown group \"oops\"; did you mean \"ops\"?",
                          "p.toml:8:9: unknown user \"rot\"; did you mean \"root\"?",
                          "p.toml:9:9: unknown group \"zzz\"",
                          "p.toml:11:8: unknown user \"bakup\"; did you mean \"backup\"?",
                          "p.toml:12:9: unknown group \"op\"; did you mean \"ops\"?",
                          "p.toml:13:9: unknown user \"alicia\"; did you mean \"alice\"?"));
}

TEST_F(Compile, AFailedLookupIsNotReportedAsAnUnknownName) {
  world_.users.fail();
  EXPECT_THAT(messages(policy_text("group = \"ops\"")),
              ElementsAre("p.toml:4:9: owner = \"shop\" cannot be looked up: the directory does "
                          "not answer",
                          "p.toml:5:9: group = \"ops\" cannot be looked up: the directory does "
                          "not answer"));
  EXPECT_THAT(messages("[[policy]]\nname=\"a\"\npaths=[\"/srv/a\"]\nowner = 1001"),
              ElementsAre("p.toml:4:9: owner = \"1001\" cannot be looked up: the directory does "
                          "not answer; set group = …"));
}

TEST_F(Compile, NumbersNeedNoDirectoryService) {
  world_.users.fail();
  const auto got = wanted("owner = 1001\ngroup = 500");
  EXPECT_EQ(got.owner.id, kShop);
  EXPECT_EQ(got.owner.name, "1001");
  EXPECT_EQ(got.group.id, kOps);
}

TEST_F(Compile, LooksUpEachNameOnce) {
  std::string text;
  for (int i = 0; i < 100; ++i)
    text += policy_text("group = \"ops\"", "p" + std::to_string(i), "/srv/" + std::to_string(i));
  EXPECT_TRUE(world_.load_good(text).set);
  EXPECT_LE(world_.users.asked(), 3);
}

TEST_F(Compile, ARuleTakesFromThePolicyWhatItLeavesOut) {
  const auto loaded =
      world_.load_good(policy_text("group = \"ops\"\n"
                                   "file_mode = \"0640\"\n"
                                   "dir_mode = \"0750\"\n"
                                   "action = \"fix\"\n"
                                   "[[policy.rule]]\nmatch = [\"a\"]\n"
                                   "owner = \"alice\"\n"
                                   "[[policy.rule]]\nmatch = [\"b\"]\n"
                                   "group = \"shop\"\naction = \"deny\"\n"
                                   "[[policy.rule]]\nmatch = [\"c\"]\n"
                                   "file_mode = \"0600\"\ndir_mode = \"0700\"\n"));
  ASSERT_TRUE(loaded.set);
  const auto& [a, b, c] =
      std::tie(loaded.policy().rules[0], loaded.policy().rules[1], loaded.policy().rules[2]);
  EXPECT_EQ(a.wanted.owner.id, kAlice);
  EXPECT_EQ(a.wanted.group.id, kOps) << "the policy's group, not alice's own";
  EXPECT_EQ(a.wanted.file_mode, Mode{0640});
  EXPECT_EQ(a.action, Action::kFix);
  EXPECT_EQ(b.wanted.owner.id, kShop);
  EXPECT_EQ(b.wanted.group.id, kShopGroup);
  EXPECT_EQ(b.action, Action::kDeny);
  EXPECT_EQ(c.wanted.file_mode, Mode{0600});
  EXPECT_EQ(c.wanted.dir_mode, Mode{0700});
}

// Whom else a fix lets read a file, for evidence.
TEST_F(Compile, SaysWhoReadsAFileBesidesItsOwner) {
  const auto loaded =
      world_.load_good(policy_text("[[policy.rule]]\nmatch = [\"a\"]\nowner = \"root\"\n"
                                   "[[policy.rule]]\nmatch = [\"b\"]\ngroup = \"ops\"\n"
                                   "[[policy.rule]]\nmatch = [\"c\"]\n"
                                   "owner = \"alice\"\ngroup = \"alice\"\n"));
  ASSERT_TRUE(loaded.set);
  const auto& policy = loaded.policy();
  EXPECT_TRUE(policy.wanted.has_the_tree);
  EXPECT_TRUE(policy.wanted.is_alone_in_group);
  const auto& rules = policy.rules;
  EXPECT_FALSE(rules[0].wanted.has_the_tree);
  EXPECT_FALSE(rules[0].wanted.is_alone_in_group);
  EXPECT_TRUE(rules[1].wanted.has_the_tree);
  EXPECT_FALSE(rules[1].wanted.is_alone_in_group);
  EXPECT_FALSE(rules[2].wanted.has_the_tree);
  EXPECT_TRUE(rules[2].wanted.is_alone_in_group);
}

// Names of policies.

TEST_F(Compile, PolicyNamesAreLowerCaseWords) {
  for (const auto& good :
       std::vector<std::string>{"shop", "0", "a.b-c_d", "9lives", std::string(255, 'n')})
    EXPECT_THAT(messages(policy_text("", good)), IsEmpty()) << good;
  for (const std::string bad : {"", "Shop", "-a", ".a", "_a", "a b", "a/b", "größe", "a\\n"})
    EXPECT_THAT(messages(policy_text("", bad)),
                ElementsAre(HasSubstr("is invalid; use a-z, 0-9, '.', '_' and '-'")))
        << bad;
  EXPECT_THAT(messages(policy_text("", std::string(256, 'n'))),
              ElementsAre("p.toml:2:8: the name is longer than 255 characters"));
}

TEST_F(Compile, ANameTakenTwiceNamesBothPlaces) {
  const auto loaded = world_.load({{"a.toml", policy_text("", "one", "/srv/a")},
                                   {"b.toml", "\n" + policy_text("", "two", "/srv/b")},
                                   {"c.toml", "\n" + policy_text("", "one", "/srv/c")}});
  EXPECT_THAT(loaded.messages,
              ElementsAre("c.toml:3:8: the name \"one\" is already used at a.toml:2"));
  EXPECT_EQ(loaded.set, nullptr);
}

// Trees.

TEST_F(Compile, PathsAreNormalised) {
  for (const std::string path :
       {"/srv/shop/", "//srv//shop", "/srv/./shop", "/srv/shop/.", "/srv/shop//"}) {
    const auto loaded = world_.load_good(policy_text("", "shop", path));
    ASSERT_TRUE(loaded.set) << path;
    EXPECT_EQ(loaded.tree().path, "/srv/shop") << path;
  }
}

TEST_F(Compile, InvalidTreePathsAreErrors) {
  EXPECT_EQ(about_path("srv/shop"), "\"srv/shop\": the path must be absolute: begin it with '/'");
  EXPECT_EQ(about_path("~/shop"), "\"~/shop\": the path must be absolute: begin it with '/'");
  EXPECT_EQ(about_path(""), "\"\": the path is empty");
  EXPECT_EQ(about_path("/srv/../etc"),
            "\"/srv/../etc\": the path cannot contain '..'; write the real path");
  EXPECT_THAT(about_path("/srv/shop/.."), HasSubstr("cannot contain '..'"));
  EXPECT_THAT(about_path("/srv/a\\u0000b"), HasSubstr("the path cannot contain a NUL character"));
  EXPECT_EQ(about_path("/srv/..shop"), "");
  EXPECT_EQ(about_path("/srv/" + std::string(255, 'n')), "");
  EXPECT_THAT(about_path("/srv/" + std::string(256, 'n')), HasSubstr("longer than 255 bytes"));
  std::string long_path;
  while (long_path.size() < 4094) long_path += "/n";
  EXPECT_EQ(about_path(long_path + "n"), "");
  EXPECT_THAT(about_path(long_path + "nn"), HasSubstr("longer than 4095 bytes"));
}

TEST_F(Compile, ADuplicatePathNamesBothPlaces) {
  const auto loaded = world_.load({{"a.toml", policy_text("", "one", "/srv/a")},
                                   {"b.toml", policy_text("", "two", "/srv//a/")}});
  EXPECT_THAT(loaded.messages,
              ElementsAre("b.toml:3:10: \"/srv//a/\" is already guarded at a.toml:3"));
  EXPECT_THAT(messages("[[policy]]\nname = \"a\"\nowner = \"shop\"\npaths = [\n\"/srv/a\",\n"
                       "\"/srv/a\"]\n"),
              ElementsAre("p.toml:6:1: \"/srv/a\" is already guarded at p.toml:5"));
}

TEST_F(Compile, PathsOfOnePolicyMayNotOverlapInEitherOrder) {
  const auto with_paths = [](const std::string& first, const std::string& second) {
    return "[[policy]]\nname = \"a\"\nowner = \"shop\"\nforce = true\npaths = [\n\"" + first +
           "\",\n\"" + second + "\"]\n";
  };
  EXPECT_THAT(messages(with_paths("/srv/a", "/srv/a/b/c")),
              ElementsAre("p.toml:7:1: \"/srv/a/b/c\" overlaps \"/srv/a\" of the same policy, at "
                          "p.toml:6; remove one of them"));
  EXPECT_THAT(messages(with_paths("/srv/a/b/c", "/srv/a")),
              ElementsAre("p.toml:6:1: \"/srv/a/b/c\" overlaps \"/srv/a\" of the same policy, at "
                          "p.toml:7; remove one of them"));
  EXPECT_THAT(messages(with_paths("/srv/a", "/")),
              ElementsAre("p.toml:6:1: \"/srv/a\" overlaps \"/\" of the same policy, at p.toml:7; "
                          "remove one of them"));
  EXPECT_THAT(messages(with_paths("/srv/a", "/srv/ab")), IsEmpty());
}

TEST_F(Compile, TreesOfDifferentPoliciesMayNest) {
  const auto loaded =
      world_.load_good(policy_text("", "inner", "/srv/a/b") + policy_text("", "outer", "/srv/a") +
                       policy_text("", "innermost", "/srv/a/b/c"));
  EXPECT_TRUE(loaded.set);
}

TEST_F(Compile, SystemDirectoriesNeedForce) {
  for (const std::string path :
       {"/",        "/usr",     "/etc",       "/var",       "/home",    "/dev",     "/run",
        "/bin",     "/sbin",    "/lib",       "/lib64",     "/boot",    "/root",    "/tmp",
        "/usr/bin", "/usr/lib", "/usr/local", "/usr/share", "/var/lib", "/var/log", "/var/tmp",
        "/var/run", "/etc/",    "//etc",      "/etc/."}) {
    EXPECT_THAT(about_path(path), HasSubstr("belongs to the whole system, not to one service"))
        << path;
    EXPECT_EQ(about_path(path, "force = true"), "") << path;
  }
}

TEST_F(Compile, ProcAndSysAreNeverTrees) {
  for (const std::string path : {"/proc", "/sys", "/proc/1", "/sys/fs/cgroup"}) {
    EXPECT_THAT(about_path(path), HasSubstr("cannot be guarded")) << path;
    EXPECT_THAT(about_path(path, "force = true"), HasSubstr("cannot be guarded")) << path;
  }
}

TEST_F(Compile, SharedDirectoriesAreAWarning) {
  for (const std::string path : {"/srv", "/opt", "/mnt", "/media"}) {
    EXPECT_THAT(about_path(path), StartsWith("warning: \"" + path + "\" is usually shared"));
    EXPECT_EQ(about_path(path, "force = true"), "") << path;
  }
}

TEST_F(Compile, TheDirectoryOfOneServiceIsFine) {
  for (const std::string path :
       {"/srv/shop", "/var/lib/postgresql", "/home/alice", "/etc/shop", "/run/shop",
        "/usr/share/shop", "/process", "/system", "/etcetera"})
    EXPECT_EQ(about_path(path), "") << path;
}

// Modes, settle and patterns.

TEST_F(Compile, AFileModeCannotHaveSetIdBits) {
  const std::string message =
      "file_mode cannot contain set-id or sticky bits: guardd never "
      "changes the owner of such a file";
  for (const std::string mode : {"4755", "2755", "1644", "7777"})
    EXPECT_THAT(messages(policy_text("file_mode = \"" + mode + "\"")),
                ElementsAre("p.toml:5:13: " + message));
  EXPECT_THAT(messages(policy_text("rule = [{match = [\"x\"], file_mode = \"4755\"}]")),
              ElementsAre("p.toml:5:37: " + message));
  EXPECT_THAT(messages(policy_text("dir_mode = \"2750\"")), IsEmpty());
}

TEST_F(Compile, SettleIsAtMostOneHour) {
  EXPECT_THAT(messages(policy_text("settle = \"1h\"")), IsEmpty());
  EXPECT_THAT(messages(policy_text("settle = \"3600s 1us\"")),
              ElementsAre("p.toml:5:10: settle = \"1h 1us\" is longer than one hour: files would "
                          "not be fixed in time"));
}

TEST_F(Compile, InvalidPatternsAreErrorsAtTheirPlace) {
  EXPECT_THAT(messages(policy_text("exclude = [\"ok\", \"a//b\"]\n"
                                   "rule = [{match = [\"x[\", \"/x\"]}]")),
              ElementsAre("p.toml:5:18: exclude \"a//b\": the pattern contains an empty name (//)",
                          StartsWith("p.toml:6:19: match \"x[\": character 2: this '[' is not"),
                          StartsWith("p.toml:6:25: match \"/x\": patterns are relative")));
}

// Allows.

TEST_F(Compile, AnExeIsIdentifiedByItsInode) {
  const auto id = world_.files.put("/usr/bin/real").id;
  world_.files.put_link("/usr/bin/link", "/usr/bin/real");
  const auto loaded = world_.load_good(
      policy_text("allow = [{exe = \"/usr/bin/link\"}, {exe = \"/usr//bin/real\"}]"));
  EXPECT_THAT(loaded.messages, IsEmpty());
  EXPECT_EQ(loaded.policy().allows[0].exe, id);
  EXPECT_EQ(loaded.policy().allows[1].exe, id);
}

TEST_F(Compile, AMissingExeIsAWarningAndAllowsNothing) {
  const auto loaded = world_.load(policy_text("allow = [{exe = \"/usr/bin/dpkg\"}]"));
  EXPECT_THAT(
      loaded.messages,
      ElementsAre("p.toml:5:17: warning: exe = \"/usr/bin/dpkg\" does not exist: this allow "
                  "has no effect until it does"));
  ASSERT_TRUE(loaded.set);
  EXPECT_FALSE(loaded.policy().allows[0].exe);
  EXPECT_TRUE(loaded.policy().allows[0].said.exe);
}

TEST_F(Compile, AnExeMustBeAProgram) {
  world_.files.put("/usr/bin/script").is_script = true;
  world_.files.put_directory("/usr/bin");
  world_.files.put("/run/fifo", FileType::kFifo);
  world_.files.put("/secret");
  world_.files.fail_at("/secret");
  const auto about = [&](const std::string& exe) {
    const auto found = messages(policy_text("allow = [{exe = \"" + exe + "\"}]"));
    return found.size() == 1 ? found[0] : std::to_string(found.size());
  };
  EXPECT_EQ(about("/usr/bin/script"),
            "p.toml:5:17: warning: exe = \"/usr/bin/script\" is a script: the running program is "
            "its interpreter, so this never matches; use unit, label or login");
  EXPECT_EQ(about("/usr/bin"), "p.toml:5:17: exe = \"/usr/bin\" is a directory, not a program");
  EXPECT_EQ(about("/run/fifo"), "p.toml:5:17: exe = \"/run/fifo\" is a fifo, not a program");
  EXPECT_EQ(about("/secret"),
            "p.toml:5:17: warning: exe = \"/secret\" cannot be checked: stat: Permission denied");
  EXPECT_THAT(about("dpkg"), HasSubstr("the path must be absolute"));
  EXPECT_THAT(about("/usr/../bin/dpkg"), HasSubstr("cannot contain '..'"));
}

TEST_F(Compile, AUnitHasATypeThatRunsProcesses) {
  EXPECT_THAT(messages(policy_text("allow = [{unit = \"backup\"}]")),
              ElementsAre("p.toml:5:18: unit = \"backup\" has no unit type; did you mean "
                          "\"backup.service\"?"));
  for (const std::string good : {"a.service", "session-*.scope", "getty@tty1.service", "a.socket",
                                 "srv-a.mount", "dev-sda2.swap", "*.service", "-.slice"})
    EXPECT_THAT(messages(policy_text("allow = [{unit = \"" + good + "\"}]")), IsEmpty()) << good;
  EXPECT_THAT(
      messages(policy_text("allow = [{unit = \"backup.timer\"}]")),
      ElementsAre("p.toml:5:18: unit = \"backup.timer\" runs no processes itself; did you mean "
                  "\"backup.service\"?"));
  EXPECT_THAT(messages(policy_text("allow = [{unit = \"a[.service\"}]")),
              ElementsAre(StartsWith("p.toml:5:18: unit = \"a[.service\": character 2: ")));
}

TEST_F(Compile, SystemdsOwnBackslashesInUnitsStandForThemselves) {
  const auto loaded = world_.load_good(policy_text(R"(allow = [{unit = 'srv-my\x2dapp.mount'}])"));
  EXPECT_TRUE(loaded.policy().allows[0].unit->matches(R"(srv-my\x2dapp.mount)"));
  EXPECT_FALSE(loaded.policy().allows[0].unit->matches("srv-myx2dapp.mount"));
}

TEST_F(Compile, AnAllowNamesContainersAndImagesByPattern) {
  const auto loaded =
      world_.load_good(policy_text("[[policy.allow]]\ncontainer = \"b*\"\nimage = \"restic:*\"\n"));
  const auto& container = loaded.policy().allows[0].container;
  EXPECT_TRUE(container.match("backup", "docker.io/restic/restic:1"));
  EXPECT_FALSE(container.match("backup", "docker.io/restic/other:1"));
  EXPECT_FALSE(container.match("web", "restic:1"));
  EXPECT_FALSE(container.match("", "restic:1"));
  EXPECT_FALSE(container.match("backup", ""));
  EXPECT_THAT(
      world_.load(policy_text("[[policy.allow]]\ncontainer = \"\"\nimage = \"[a\"\n")).messages,
      ElementsAre("p.toml:6:13: container = \"\" matches nothing",
                  StartsWith("p.toml:7:9: image = \"[a\": ")));
}

TEST_F(Compile, AnAllowLooksItsUsersUp) {
  const auto loaded =
      world_.load_good(policy_text("allow = [{user = \"backup\", group = \"ops\", login = 1000}]"));
  const auto& allow = loaded.policy().allows[0];
  EXPECT_EQ(allow.user, kBackup);
  EXPECT_EQ(allow.group, kOps);
  EXPECT_EQ(allow.login, kAlice);
}

// Several errors at once.

TEST_F(Compile, TellsWhatIsWrongInEveryPolicyAtOnce) {
  EXPECT_THAT(messages(policy_text("colour = 1", "Bad", "/proc") +
                       policy_text("settle = \"9h\"\nexclude = [\"/\"]", "b", "rel")),
              ElementsAre(StartsWith("p.toml:2:8: the name"), StartsWith("p.toml:3:10: \"/proc\""),
                          StartsWith("p.toml:5:1: unknown key"), StartsWith("p.toml:8:10: \"rel\""),
                          StartsWith("p.toml:10:10: settle"), StartsWith("p.toml:11:12: exclude")));
}

TEST_F(Compile, NothingLeavesItUnescaped) {
  world_.users.add("sh\x1bop", Uid{77}, Gid{77});  // for the suggestion
  for (const std::string bad : {"\\u001b[31m", "\\u009b31m", "\\u202e", "\\n", "\\u007f"}) {
    const auto lines = {"group = \"a" + bad + "\"",
                        "exclude = [\"a[" + bad + "\"]",
                        "exclude = [\"a" + bad + "//\"]",
                        "rule = [{match = [\"{" + bad + "\"]}]",
                        "allow = [{exe = \"" + bad + "\"}]",
                        "allow = [{exe = \"/" + bad + "\"}]",
                        "allow = [{unit = \"a" + bad + "\"}]",
                        "allow = [{unit = \"[" + bad + ".service\"}]",
                        "allow = [{user = \"shop" + bad + "\"}]",
                        "exclude = [\"" + bad + "**\"]\nrule = [{match = [\"" + bad + "\"]}]"};
    for (const auto& line : lines) {
      const auto found = messages(policy_text(line));
      EXPECT_FALSE(found.empty()) << line;
      for (const auto& message : found) EXPECT_TRUE(is_harmless(message)) << message;
    }
    for (const auto& text :
         {policy_text("", bad), policy_text("", "a", bad), policy_text("", "a", "/proc/" + bad),
          policy_text("", "a", "/s/" + bad) + policy_text("", "b", "/s/" + bad)}) {
      const auto found = messages(text);
      EXPECT_FALSE(found.empty()) << text;
      for (const auto& message : found) EXPECT_TRUE(is_harmless(message)) << message;
    }
  }
}

TEST_F(Compile, ASetIsOnlyThereWithoutErrors) {
  EXPECT_TRUE(world_.load(policy_text("", "a", "/srv")).set) << "a warning is not an error";
  EXPECT_FALSE(world_.load(policy_text("colour = 1")).set);
  EXPECT_FALSE(world_.load(policy_text("settle = \"9h\"")).set);
}

}  // namespace
}  // namespace guard
