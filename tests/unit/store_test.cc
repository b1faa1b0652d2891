#include "guardd/state/store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "guardd/state/database.h"

namespace guard {
namespace {

FileId file_id(int number) {
  return {"filesystem", 1, std::to_string(number)};
}

Pending pending(int number, const std::string& path) {
  Pending made;
  made.tree = "/srv/app";
  made.path = path;
  made.object = file_id(number);
  made.operation = Operation::kMkdir;
  made.is_directory = true;
  Snapshot who;
  who.pid = 12;
  who.start = 34;
  who.comm = "cp";
  who.fsuid = Uid{0};
  auto image = std::make_shared<Image>();
  image->exe = "/usr/bin/cp";
  image->cmdline = "cp a b";
  image->id = InodeId{5, 6};
  image->labels.add(Label::kBackup);
  who.image = std::move(image);
  made.who = std::make_shared<const ActingProcess>(std::move(who), nullptr);
  return made;
}

RuleTexts rule_texts(const std::string& policy) {
  RuleTexts texts;
  texts.settings = {"/etc/guardd/guardd.toml", "[journal]\n"};
  texts.policies = {{"/etc/guardd/policies.d/a.toml", policy}, {"/b.toml", ""}};
  texts.accounts = "user 1 2 shop\n";
  texts.read_at = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000));
  return texts;
}

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "guardd-state-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Store> open() const {
    auto store = Store::open(directory_.string());
    EXPECT_TRUE(store) << store.error().text();
    return store ? *std::move(store) : nullptr;
  }
  std::string rejection() const {
    const auto store = Store::open(directory_.string());
    return store ? "opened" : store.error().text();
  }
  std::string database() const { return (directory_ / "guardd.db").string(); }

  std::filesystem::path directory_;
};

TEST_F(StoreTest, KeepsTheLastValidRules) {
  EXPECT_FALSE(open()->remembered().rules);
  {
    const auto store = open();
    store->keep_rules(rule_texts("first"));
    store->keep_rules(rule_texts("second"));
  }
  const auto store = open();
  ASSERT_TRUE(store->remembered().rules);
  const auto& kept = *store->remembered().rules;
  const auto expected = rule_texts("second");
  EXPECT_EQ(kept.settings, expected.settings);
  EXPECT_EQ(kept.policies, expected.policies);
  EXPECT_EQ(kept.accounts, expected.accounts);
  EXPECT_EQ(kept.read_at, expected.read_at);
}

TEST_F(StoreTest, StoresPendingChangesWithTheirActors) {
  open()->keep(pending(1, "a/\xff\n"));
  const auto all = open()->take_remembered().pending;
  ASSERT_EQ(all.size(), 1U);
  const auto& one = all.front();
  EXPECT_EQ(one.tree, "/srv/app");
  EXPECT_EQ(one.path, "a/\xff\n");
  EXPECT_EQ(one.object, file_id(1));
  EXPECT_EQ(one.operation, Operation::kMkdir);
  EXPECT_TRUE(one.is_directory);
  EXPECT_EQ(one.who->snapshot().pid, 12);
  EXPECT_EQ(one.who->snapshot().start, 34U);
  EXPECT_EQ(one.who->snapshot().comm, "cp");
  EXPECT_EQ(one.who->snapshot().fsuid, Uid{0});
  EXPECT_FALSE(one.who->snapshot().login);
  EXPECT_FALSE(one.who->snapshot().cwd);
  ASSERT_TRUE(one.who->snapshot().image);
  EXPECT_EQ(one.who->snapshot().image->exe, "/usr/bin/cp");
  EXPECT_EQ(one.who->snapshot().image->id, (InodeId{5, 6}));
  EXPECT_TRUE(one.who->snapshot().image->labels.has(Label::kBackup));
  EXPECT_FALSE(one.who->snapshot().control_group);
}

TEST_F(StoreTest, RemovesJudgedChanges) {
  {
    const auto store = open();
    store->keep(pending(1, "a"));
    store->keep(pending(2, "b"));
    store->forget(file_id(1));
  }
  const auto all = open()->take_remembered().pending;
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all.front().path, "b");
}

TEST_F(StoreTest, StoresAFileOnce) {
  {
    const auto store = open();
    store->keep(pending(1, "before"));
    store->keep(pending(1, "after"));
  }
  const auto remembered = open()->take_remembered();
  ASSERT_EQ(remembered.pending.size(), 1U);
  EXPECT_EQ(remembered.pending.front().path, "after");
}

TEST_F(StoreTest, IsBounded) {
  {
    auto database = Database::open(this->database());
    open();
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run(
        "INSERT INTO undone (number, object, changed) VALUES (1, 'first', 1), (50000, 'last', 1)"));
  }
  open()->keep_undone({file_id(1), 1});
  const auto undone = open()->take_remembered().undone;
  ASSERT_EQ(undone.size(), 2U);
  EXPECT_EQ(undone.front().object, FileId::from_bytes("last"));
}

TEST_F(StoreTest, StoresPauses) {
  using std::chrono::system_clock;
  const auto now = std::chrono::floor<std::chrono::microseconds>(system_clock::now());
  const Pause shop{"shop",    now,    now + std::chrono::minutes(10), "a \"reason\"\n\xff",
                   Uid{1000}, "alice"};
  {
    const auto store = open();
    store->keep_pause({"shop", now, now, "an earlier one", Uid{0}, ""});
    store->keep_pause({"over", now, now, "", Uid{0}, "root"});
    store->keep_pause(shop);
    store->forget_pause("over");
  }
  const auto pauses = open()->take_remembered().pauses;
  ASSERT_EQ(pauses.size(), 1U);
  EXPECT_EQ(pauses.front(), shop);
}

TEST_F(StoreTest, StoresUndoneFiles) {
  {
    const auto store = open();
    store->keep_undone({file_id(1), 17});
    store->keep_undone({file_id(2), 18});
    store->keep_undone({file_id(1), 19});
  }
  const auto undone = open()->take_remembered().undone;
  ASSERT_EQ(undone.size(), 2U);
  EXPECT_EQ(undone[0].object, file_id(2));
  EXPECT_EQ(undone[1].object, file_id(1));
  EXPECT_EQ(undone[1].changed, 19);
}

TEST_F(StoreTest, StoresExcuses) {
  auto excused = pending(1, "a");
  excused.is_excused = true;
  open()->keep(excused);
  EXPECT_TRUE(open()->take_remembered().pending.at(0).is_excused);
}

TEST_F(StoreTest, UpgradesAnOlderVersion) {
  open()->keep(pending(1, "a"));
  {
    auto database = Database::open(this->database());
    ASSERT_TRUE(database);
    ASSERT_TRUE(
        database->run("ALTER TABLE pending DROP COLUMN is_excused; DROP TABLE pause; "
                      "DROP TABLE undone; DROP TABLE rules; "
                      "ALTER TABLE pending DROP COLUMN proven_at; "
                      "CREATE TABLE suspect (object); PRAGMA user_version = 1"));
  }
  open()->keep_undone({file_id(2), 3});
  const auto remembered = open()->take_remembered();
  ASSERT_EQ(remembered.pending.size(), 1U);
  EXPECT_EQ(remembered.pending[0].path, "a");
  EXPECT_FALSE(remembered.pending[0].is_excused);
  EXPECT_EQ(remembered.undone.size(), 1U);
}

TEST_F(StoreTest, CreatesItsDirectory) {
  const mode_t before = ::umask(077);
  directory_ /= "a/b";
  EXPECT_TRUE(open());
  ::umask(before);
  directory_ = directory_.parent_path().parent_path();
}

TEST_F(StoreTest, FailsIfItsDirectoryIsAFile) {
  std::ofstream(directory_ / "file").close();
  directory_ /= "file";
  EXPECT_NE(rejection().find("cannot be created"), std::string::npos) << rejection();
  directory_ = directory_.parent_path();
}

TEST_F(StoreTest, IsUsedByOnlyOneGuardd) {
  const auto store = open();
  EXPECT_NE(rejection().find("is used by another guardd"), std::string::npos);
}

TEST_F(StoreTest, RejectsADirectoryThatOtherUsersCanWrite) {
  ASSERT_EQ(::chmod(directory_.c_str(), 0770), 0);
  EXPECT_NE(rejection().find("users other than root can write"), std::string::npos);
}

TEST_F(StoreTest, RejectsANewerVersion) {
  {
    auto database = Database::open(this->database());
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run("PRAGMA user_version = 99"));
  }
  EXPECT_NE(rejection().find("newer guardd (version 99)"), std::string::npos);
}

TEST_F(StoreTest, RenamesADamagedDatabase) {
  std::ofstream(database()) << std::string(4096, 'x');
  const auto store = open();
  const auto news = store->take_news();
  ASSERT_EQ(news.size(), 1U);
  EXPECT_NE(news.front().find(".broken\"; its contents are lost"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(database() + ".broken"));
}

TEST_F(StoreTest, AcceptsUnknownOperations) {
  open()->keep(pending(1, "a"));
  {
    auto database = Database::open(this->database());
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run("UPDATE pending SET operation = 4711, pid = NULL, exe = 17"));
  }
  EXPECT_EQ(open()->take_remembered().pending.size(), 1U);
}

}  // namespace
}  // namespace guard
