// Every sentence that guardd says, for reading: run it by hand, and read it aloud.
#include "guardd/publish/sentences.h"

#include <gmock/gmock.h>

#include <iostream>
#include <set>

#include "guardd/publish/advice.h"
#include "guardd/publish/terminal_publisher.h"
#include "guardd/repair/repair.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

using testing::HasSubstr;
using testing::Not;

// Words that a reader cannot know, or that say less than they could.
void expect_plain(const std::string& sentence) {
  std::cout << "  " << sentence << '\n';
  for (const auto* word : {"somebody", "nobody", "inode", "fsuid", "  ", "()"})
    EXPECT_THAT(sentence, Not(HasSubstr(word)));
  EXPECT_FALSE(sentence.empty() || sentence.ends_with(' ') || sentence.ends_with(':'));
}

Incident incident_of(const Violation& violation, std::uint64_t count = 1) {
  Incident incident;
  incident.id = "0c1t9v3k2";
  incident.first = violation;
  incident.count = count;
  incident.by_outcome[static_cast<std::size_t>(violation.action)] = count;
  incident.command = violation.actor->command;
  incident.commands = {{violation.actor->command, count}};
  incident.first_seen = moment();
  incident.last_seen = moment(1'500'000);
  incident.sample = {violation.path};
  incident.directory = "/srv/shop/conf/apt";
  return incident;
}

Violation found_by_a_scan() {
  auto v = git_violation();
  v.actor = {};
  v.operation = Operation::kScan;
  v.times = ObjectTimes{12, 0, 1795183387250000000, 0};
  return v;
}

TEST(Sentences, OfEachOutcome) {
  auto v = git_violation();
  expect_plain(sentence_of(v));
  v.action = Outcome::kLogged;
  expect_plain(sentence_of(v));
  v.reason = "excused: by alice: shop 4.2";
  expect_plain(sentence_of(v));
  v.reason = "excused: maintenance window by alice: shop 4.2";
  expect_plain(sentence_of(v));
  v.reason.clear();
  v.action = Outcome::kDenied;
  v.guard = Guard::kContent;
  v.operation = Operation::kWrite;
  expect_plain(sentence_of(v));
  v.action = Outcome::kLogged;
  for (std::size_t i = 0; i < Words<Operation>::kAll.size(); ++i) {
    v.operation = static_cast<Operation>(i);
    if (v.operation != Operation::kScan) expect_plain(sentence_of(v));
  }
}

TEST(Sentences, OfEachReason) {
  auto v = git_violation();
  v.action = Outcome::kSkipped;
  for (auto skip = Skip::kGone; skip <= Skip::kWar;
       skip = static_cast<Skip>(static_cast<int>(skip) + 1)) {
    v.reason = reason_text(skip);
    expect_plain(sentence_of(v));
  }
}

TEST(Sentences, ReasonsHaveWordsForMetrics) {
  std::set<std::string_view> words;
  for (auto skip = Skip::kGone; skip <= Skip::kWar;
       skip = static_cast<Skip>(static_cast<int>(skip) + 1)) {
    const auto word = guard::word(skip);
    EXPECT_FALSE(word.empty());
    EXPECT_EQ(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_TRUE(words.insert(word).second) << word;
  }
  EXPECT_EQ(word(Skip::kNone), "");
}

TEST(Sentences, OfAScan) {
  const auto v = found_by_a_scan();
  EXPECT_EQ(sentence_of(v),
            "a scan found /srv/shop/index.html owned by root:root instead of shop:shop, left by an "
            "unknown process on 2026-11-20 at 14:03:07 UTC; guardd fixed it (policy shop)");
  expect_plain(sentence_of(v));
  expect_plain(opened_sentence(incident_of(v)));
  expect_plain(closed_sentence(incident_of(v, 19)));
}

TEST(Sentences, OfAnUnknownProcess) {
  auto v = git_violation();
  v.actor = {};
  EXPECT_THAT(sentence_of(v), HasSubstr("an unknown process left /srv/shop/index.html"));
  expect_plain(sentence_of(v));
  expect_plain(closed_sentence(incident_of(v, 3)));
}

TEST(Sentences, OfIncidents) {
  auto v = git_violation();
  auto incident = incident_of(v, 19);
  expect_plain(opened_sentence(incident));
  expect_plain(terminal_line(incident));
  EXPECT_EQ(closed_sentence(incident),
            "alice as root (git pull) left 19 files below /srv/shop/conf/apt that should belong to "
            "shop: 19 fixed, in 1.5 s (policy shop)");
  expect_plain(closed_sentence(incident));
  incident.commands.push_back({process(9, "rsync", "rsync -a x y"), 1});
  expect_plain(closed_sentence(incident));
  incident = incident_of(v);
  incident.sample = {"/srv/shop/index.html"};
  expect_plain(closed_sentence(incident));
  v.guard = Guard::kDelete;
  v.operation = Operation::kUnlink;
  v.action = Outcome::kDenied;
  expect_plain(opened_sentence(incident_of(v)));
  expect_plain(closed_sentence(incident_of(v, 2)));
  v = git_violation();
  v.actor.edit().login_uid.reset();
  v.actor.edit().unit = "nightly.service";
  acts(v.actor.edit(), process(300, "rsync", "rsync -a /a /b"),
       {process(200, "bash", "/bin/bash maintenance.sh"), process(1, "systemd")});
  expect_plain(opened_sentence(incident_of(v)));
  expect_plain("via " + via_text(*v.actor));
  EXPECT_EQ(via_text(*v.actor), "nightly.service › bash maintenance.sh");
}

TEST(Sentences, ForEverybodyLackWhatWasTyped) {
  auto v = git_violation();
  acts(v.actor.edit(), process(300, "git", "git pull https://me:secret@example.org"),
       {process(200, "make", "make TOKEN=secret"), process(100, "bash", "-bash")});
  auto incident = incident_of(v, 19);
  incident.commands.push_back({process(9, "rsync", "rsync secret x y"), 1});
  EXPECT_EQ(public_sentence(incident, true),
            "alice as root (make and 1 more command) left 19 files below /srv/shop/conf/apt that "
            "should belong to shop: 19 fixed, in 1.5 s (policy shop)");
  const auto opened = public_sentence(incident, false);
  EXPECT_THAT(opened, Not(HasSubstr("secret")));
  EXPECT_THAT(opened, HasSubstr("alice as root (make and 1 more command) is working on files"));
  expect_plain(opened);
}

TEST(Sentences, OfNews) {
  expect_plain(sentence_of(ReadyNews{"1", Backend::kFanotify, 1, "abc", 3, 12, 1, 4310}));
  expect_plain(sentence_of(ReadyNews{"1", Backend::kFanotify, 1, "abc", 0, 0, 0, 0}));
  expect_plain(sentence_of(ReloadNews{true, 2, "abc", 3, {}}));
  expect_plain(sentence_of(ReloadNews{false, 2, "abc", 3, {"a.toml:1:1: unknown key", "b"}}));
  for (const auto health : {Health::kOk, Health::kDegraded, Health::kDisabled})
    expect_plain(sentence_of(HealthNews{health, "the tracer cannot be loaded", {}}));
  expect_plain(sentence_of(HealthNews{Health::kPaused, "policy shop is paused until 15:00", {}}));
  expect_plain(
      sentence_of(HealthNews{Health::kOk,
                             "events were lost (the queue was full); scanning the affected trees",
                             {},
                             true}));
  expect_plain(sentence_of(ExcuseNews{false, "shop 4.2", "alice", "make install", 42}));
  expect_plain(sentence_of(ExcuseNews{true, "shop 4.2", "alice", "make install", 42}));
  expect_plain(sentence_of(ManualRepairNews{ManualRepairNews::Kind::kFix, "alice", "shop", 3, 1}));
  expect_plain(sentence_of(ManualRepairNews{ManualRepairNews::Kind::kUndo, "alice", "0c1", 3, 0}));
  expect_plain(sentence_of(StopNews{"SIGTERM", {1200, 1199, 0, 3}}));
}

}  // namespace
}  // namespace guard
