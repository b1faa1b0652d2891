// Exemptions from deny: allows, package managers, and processes without a terminal.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "policy/judge.h"
#include "tests/unit/judging.h"

namespace guard {
namespace {

using testing::change;
using testing::Judge;
using testing::kAlice;
using testing::kAliceGroup;
using testing::kOps;
using testing::kRootGroup;
using testing::leaving;
using testing::process;
using testing::root;
using testing::subject;
using testing::told;

constexpr auto kR = kRootGroup;

// Allows.

// One allow with effect "ignore", so that a match is visible.
std::string allow(std::string_view keys) {
  return "action = \"deny\"\nallow = [{effect = \"ignore\", " + std::string(keys) + "}]";
}

constexpr std::string_view kAllowed = "allowed";
constexpr std::string_view kNotAllowed = "ownership: denied, fixed";

class JudgeAllow : public Judge {
 protected:
  JudgeAllow() : dpkg_(world_.files.put("/usr/bin/dpkg").id) {}

  std::string judged(std::string_view more, const Subject& who) {
    return Judge::judged(more, who, leaving(Operation::kCreate, kRoot, kR));
  }

  InodeId dpkg_;
};

struct Key {
  std::string_view key;
  std::function<void(Process&)> fits;
  std::function<void(Process&)> does_not;
};

std::vector<Key> every_key(InodeId dpkg) {
  static constexpr std::array kHasOps{kOps};
  static constexpr std::array kHasAlice{kAliceGroup};
  return {
      {"exe = \"/usr/bin/dpkg\"", [=](Process& p) { p.exe = dpkg; },
       [=](Process& p) {
         p.exe = InodeId{dpkg.device, dpkg.inode + 1};
       }},
      {"exe = \"/usr/bin/dpkg\"", [=](Process& p) { p.exe = dpkg; },
       [=](Process& p) {
         p.exe = InodeId{dpkg.device + 1, dpkg.inode};
       }},
      {"unit = \"apt.service\"", [](Process& p) { p.unit = "apt.service"; },
       [](Process& p) { p.unit = "apt.service2"; }},
      {"unit = \"apt-*.service\"", [](Process& p) { p.unit = "apt-daily.service"; },
       [](Process& p) { p.unit = "apt.service"; }},
      {"container = \"backup\"", [](Process& p) { p.container = "backup"; },
       [](Process& p) { p.container = "backup2"; }},
      {"container = \"*\"", [](Process& p) { p.container = "backup"; },
       [](Process& p) { p.image = "restic"; }},
      {"image = \"restic*\"", [](Process& p) { p.image = "docker.io/restic/restic:0.16"; },
       [](Process& p) { p.image = "restic/evil:1"; }},
      {"image = \"localhost/*\"", [](Process& p) { p.image = "localhost/test:1"; },
       [](Process& p) { p.image = "docker.io/localhost/test:1"; }},
      {"container = \"b\", image = \"r\"",
       [](Process& p) {
         p.container = "b";
         p.image = "r";
       },
       [](Process& p) { p.container = "b"; }},
      {"user = \"root\"", [](Process& p) { p.uid = kRoot; }, [](Process& p) { p.uid = kAlice; }},
      {"group = \"ops\"", [](Process& p) { p.gid = kOps; },
       [](Process& p) { p.gid = kAliceGroup; }},
      {"group = \"ops\"", [](Process& p) { p.groups = kHasOps; },
       [](Process& p) { p.groups = kHasAlice; }},
      {"login = \"alice\"", [](Process& p) { p.login = kAlice; },
       [](Process& p) { p.login = kRoot; }},
      {"label = \"backup\"", [](Process& p) { p.labels.add(Label::kBackup); },
       [](Process& p) { p.labels.add(Label::kConfigManagement); }},
  };
}

TEST_F(JudgeAllow, EachKeyMatchesOnlyWhatItNames) {
  for (const auto& [key, fits, does_not] : every_key(dpkg_)) {
    auto who = subject(Uid{5001}, Gid{5001});
    fits(who.self);
    EXPECT_EQ(judged(allow(key), who), kAllowed) << key;
    who = subject(Uid{5001}, Gid{5001});
    does_not(who.self);
    EXPECT_EQ(judged(allow(key), who), kNotAllowed) << key;
    EXPECT_EQ(judged(allow(key), Subject()), kNotAllowed) << key << ": everything is unknown";
  }
}

TEST_F(JudgeAllow, AllGivenKeysMustMatch) {
  constexpr auto kTwo = "user = \"root\", login = \"alice\"";
  auto who = root();
  EXPECT_EQ(judged(allow(kTwo), who), kNotAllowed);
  who.self.login = kAlice;
  EXPECT_EQ(judged(allow(kTwo), who), kAllowed);
  who.self.uid = Uid{5001};
  EXPECT_EQ(judged(allow(kTwo), who), kNotAllowed);
}

TEST_F(JudgeAllow, AllKeysMustMatchTheSameProcess) {
  auto who = root();
  auto parent = process(Uid{5001}, Gid{5001});
  parent.login = kAlice;
  who.ancestors = {&parent, 1};
  EXPECT_EQ(judged(allow("user = \"root\", login = \"alice\""), who), kNotAllowed)
      << "the keys match two different processes";
}

TEST_F(JudgeAllow, AProgramThatIsNotInstalledMatchesNothing) {
  auto who = root();
  EXPECT_EQ(judged(allow("exe = \"/usr/bin/nowhere\""), who), kNotAllowed);
  who.self.exe = InodeId{};
  EXPECT_EQ(judged(allow("exe = \"/usr/bin/nowhere\""), who), kNotAllowed);
}

TEST_F(JudgeAllow, ItsChildrenToo) {
  auto who = root();
  std::array<Process, 3> ancestors{process(kRoot, kR), process(kRoot, kR), process(kRoot, kR)};
  ancestors[2].exe = dpkg_;
  who.ancestors = ancestors;
  EXPECT_EQ(judged(allow("exe = \"/usr/bin/dpkg\""), who), kAllowed);
  EXPECT_EQ(judged(allow("exe = \"/usr/bin/dpkg\", children = false"), who), kNotAllowed);
  who.self.exe = dpkg_;
  EXPECT_EQ(judged(allow("exe = \"/usr/bin/dpkg\", children = false"), who), kAllowed);
}

TEST_F(JudgeAllow, NoDenyIsTheDefaultAndStillFixes) {
  constexpr auto kNoDeny = "action = \"deny\"\nallow = [{user = \"root\"}]";
  EXPECT_EQ(judged(kNoDeny, root()), "ownership: fixed");
  const auto verdict =
      judge(policy(kNoDeny), root(), leaving(Operation::kCreate, kRoot, kRootGroup));
  EXPECT_EQ(verdict.exemption, DenyExemption::kAllow);
}

TEST_F(JudgeAllow, TheStrongestOfThoseThatMatchWins) {
  const std::string ignore = "{user = \"root\", effect = \"ignore\"}";
  const std::string no_deny = "{user = \"root\"}";
  const std::string other = "{user = \"alice\", effect = \"ignore\"}";
  const auto judged_by = [&](const std::string& allows) {
    return judged("action = \"deny\"\nallow = [" + allows + "]", root());
  };
  EXPECT_EQ(judged_by(no_deny + "," + ignore), kAllowed);
  EXPECT_EQ(judged_by(ignore + "," + no_deny), kAllowed);
  EXPECT_EQ(judged_by(other + "," + no_deny), "ownership: fixed");
  EXPECT_EQ(judged_by(other), kNotAllowed);
}

TEST_F(JudgeAllow, ExemptsFromEveryGuard) {
  const auto what = change(Operation::kUnlink);
  EXPECT_EQ(Judge::judged("guard = [\"delete\"]\n" + allow("user = \"root\""), root(), what),
            "allowed");
  EXPECT_EQ(Judge::judged("guard = [\"delete\"]\naction = \"deny\"\nallow = [{user = \"root\"}]",
                          root(), what),
            "delete: logged");
}

// Who is denied.

Subject package_manager() {
  auto who = root();
  who.self.labels.add(Label::kPackageManager);
  return who;
}

TEST_F(Judge, PackageManagersAreNeverDeniedUnlessStrict) {
  const auto what = leaving(Operation::kCreate, kRoot, kR);
  EXPECT_EQ(judged("action = \"deny\"", package_manager(), what), "ownership: fixed");
  EXPECT_EQ(judged("action = \"deny\"\nstrict = true", package_manager(), what),
            "ownership: denied, fixed");
  EXPECT_EQ(judge(policy("action = \"deny\""), package_manager(), what).exemption,
            DenyExemption::kPackageManager);
}

TEST_F(Judge, ProcessesOfPackageManagersAreNeverDenied) {
  auto script = root();
  std::array<Process, 2> ancestors{process(kRoot, kR), package_manager().self};
  script.ancestors = ancestors;
  const auto what = leaving(Operation::kCreate, kRoot, kR);
  EXPECT_EQ(judged("action = \"deny\"", script, what), "ownership: fixed");
  EXPECT_EQ(judged("action = \"deny\"\nstrict = true", script, what), "ownership: denied, fixed");
}

TEST_F(Judge, OtherLabelsExemptNothingByThemselves) {
  auto who = root();
  who.self.labels = {Label::kBackup, Label::kConfigManagement};
  EXPECT_EQ(judged("action = \"deny\"", who, leaving(Operation::kCreate, kRoot, kR)),
            "ownership: denied, fixed");
}

TEST_F(Judge, AnAllowExemptsEvenIfStrict) {
  constexpr auto kStrict =
      "action = \"deny\"\nstrict = true\nallow = [{label = \"package-manager\"}]";
  EXPECT_EQ(judged(kStrict, package_manager(), leaving(Operation::kCreate, kRoot, kR)),
            "ownership: fixed");
}

TEST_F(Judge, OnlyInteractiveNeedsALoginAndATerminal) {
  struct Case {
    std::optional<Uid> login;
    bool terminal;
    std::string_view expected;
  };
  for (const auto& [login, terminal, expected] :
       {Case{kAlice, true, "ownership: denied, fixed"},
        Case{kRoot, true, "ownership: denied, fixed"}, Case{kAlice, false, "ownership: fixed"},
        Case{std::nullopt, true, "ownership: fixed"},
        Case{std::nullopt, false, "ownership: fixed"}}) {
    auto who = root();
    who.self.login = login;
    who.has_terminal = terminal;
    const auto what = leaving(Operation::kCreate, kRoot, kR);
    EXPECT_EQ(judged("action = \"deny\"\nonly = \"interactive\"", who, what), expected);
    EXPECT_EQ(judged("action = \"deny\"\nonly = \"any\"", who, what), "ownership: denied, fixed");
  }
}

TEST_F(Judge, OnlyMattersOnlyForDeny) {
  const auto verdict = judge(policy("action = \"fix\"\nallow = [{user = \"root\"}]"),
                             package_manager(), leaving(Operation::kCreate, kRoot, kR));
  EXPECT_EQ(told(verdict), "ownership: fixed");
  EXPECT_EQ(verdict.exemption, DenyExemption::kNone);
}

}  // namespace
}  // namespace guard
