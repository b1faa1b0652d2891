// Lists of fixed files: each file is found again in them, and in the audit trail.
#include "policy/record/fixed_files.h"

#include <gmock/gmock.h>

#include "guardd/audit/schema.h"
#include "tests/unit/audit_fixture.h"

namespace guard {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class FixedFilesTest : public AuditTest {
 protected:
  // Of a file that was root's.
  static FixedFile fixed_file(std::string path, std::uint64_t inode) {
    return {std::move(path),
            FileType::kRegular,
            {7, inode},
            {Uid{0}, Gid{0}, Mode{0644}},
            {Uid{4242}, Gid{4242}, Mode{0640}}};
  }
  void tell_list(Publisher& to, Violation first, const std::vector<FixedFile>& listed) {
    FixedFiles files;
    for (const auto& each : listed) files.add(each.path, each);
    first.id = violation_ids_.next(first.time);
    first.path = listed.front().path;
    first.object = listed.front().object;
    first.before = listed.front().before;
    first.after = listed.front().after;
    first.action = Outcome::kFixed;
    first.repeats = files.count() - 1;
    const auto change = incidents_.add(first, now_, files);
    for (const auto& closed : change.closed) to.incident_closed(*closed);
    if (change.opened) to.incident_opened(*change.incident);
    to.fixed_files(first, files, *change.incident);
  }
};

TEST_F(FixedFilesTest, AListKeepsEachFileAsItWas) {
  const std::vector<FixedFile> all{{"/srv/a",
                                    FileType::kDirectory,
                                    {1, 2},
                                    {Uid{0}, Gid{0}, Mode{0755}},
                                    {Uid{7}, Gid{7}, Mode{0750}}},
                                   {"/srv/a/\n\xff",
                                    FileType::kRegular,
                                    {1, std::uint64_t{1} << 63U},
                                    {Uid{0}, Gid{0}, Mode{0755}},
                                    {}},
                                   {"/srv/b",
                                    FileType::kSymlink,
                                    {~std::uint64_t{0}, 0},
                                    {Uid{4294967294}, Gid{1}, Mode{07777}},
                                    {}},
                                   {"", FileType::kRegular, {}, {}, {}}};
  FixedFiles files;
  for (const auto& each : all) files.add(each.path, each);
  EXPECT_EQ(files.count(), all.size());
  auto reader = files.read();
  for (const auto& each : all) {
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.file(), each);
  }
  EXPECT_FALSE(reader.next());
  // However much of it is left, it is read to its end.
  for (std::size_t length = 0; length < files.bytes().size(); ++length) {
    FixedFiles::Reader damaged(std::string_view(files.bytes()).substr(0, length));
    std::size_t read = 0;
    while (damaged.next()) ++read;
    EXPECT_LT(read, all.size());
  }
}

TEST_F(FixedFilesTest, UpgradesATrailWithoutLists) {
  {
    const auto trail = open();
    tell(*trail, git_violation());
    close_all(*trail);
  }
  {
    auto database = Database::open(path());
    for (const std::string each :
         {"violations.size",          "violations.modified",    "violations.changed",
          "violations.born",          "incidents.size",         "incidents.modified",
          "incidents.changed",        "incidents.born",         "incidents.shared_more",
          "incidents.commands",       "incidents.directory",    "kinds.host",
          "kinds.machine_id",         "kinds.owner_before",     "kinds.group_before",
          "kinds.owner_after",        "kinds.group_after",      "settings.egid",
          "settings.uid_name",        "settings.euid_name",     "settings.fsuid_name",
          "settings.gid_name",        "settings.egid_name",     "settings.container_name",
          "settings.image",           "settings.pod",           "actors.command",
          "kinds.owner_in_container", "kinds.user_in_container"}) {
      const auto dot = each.find('.');
      const auto drop =
          "ALTER TABLE " + each.substr(0, dot) + " DROP COLUMN " + each.substr(dot + 1);
      ASSERT_TRUE(database->run(drop.c_str())) << drop;
    }
    ASSERT_TRUE(
        database &&
        database->run(
            "DROP TABLE commands; DROP TRIGGER violation_added; DROP TRIGGER violation_removed; "
            "DROP TABLE fixed_files; DROP TABLE policy_sizes; "
            "ALTER TABLE incidents DROP COLUMN unlisted; "
            "PRAGMA user_version = 1"));
  }
  const auto reading = TrailReader::open(path());
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().text(), HasSubstr("older guardd"));
  tell_list(*open(), git_violation(), {fixed_file("/srv/shop/a", 1), fixed_file("/srv/shop/b", 2)});
  EXPECT_THAT(all(), SizeIs(3));
  EXPECT_THAT(incidents(), SizeIs(2));
}

TEST_F(FixedFilesTest, AListStandsForARecordOfEachFile) {
  const std::vector<FixedFile> listed{fixed_file("/srv/shop/a", 1), fixed_file("/srv/shop/b/c", 2),
                                      fixed_file("/srv/shop/b/d", 3)};
  auto single = git_violation("/srv/shop/first");
  single.action = Outcome::kFixed;
  {
    const auto trail = open();
    tell(*trail, single);
    tell_list(*trail, git_violation(), listed);
    close_all(*trail);
  }
  const auto kept = incidents();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].incident.count, 4U);
  EXPECT_EQ(kept[0].incident.unlisted, 3U);
  EXPECT_THAT(kept[0].incident.by_outcome, ElementsAre(0, 4, 0, 0));
  const auto records = all();
  EXPECT_THAT(paths_in(records), testing::UnorderedElementsAre("/srv/shop/first", "/srv/shop/a",
                                                               "/srv/shop/b/c", "/srv/shop/b/d"));
  RecordFilter two;
  two.limit = 2;
  EXPECT_THAT(all(two), SizeIs(2));
  const auto fixes = reader().fixes_of(kept[0].incident.id);
  ASSERT_TRUE(fixes);
  ASSERT_THAT(*fixes, SizeIs(4));
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& fix = (*fixes)[2 - i];
    EXPECT_EQ(fix.path, listed[i].path);
    EXPECT_EQ(fix.object, listed[i].object);
    EXPECT_EQ(fix.before, listed[i].before);
    EXPECT_EQ(fix.after, listed[i].after);
    EXPECT_EQ(fix.policy, single.policy);
  }
}

TEST_F(FixedFilesTest, AListIsRemovedWithItsRecord) {
  {
    const auto trail = open();
    tell_list(*trail, git_violation(), {fixed_file("/srv/shop/a", 1)});
  }
  {
    // Nothing is kept for longer than a moment.
    const auto trail = open({std::chrono::microseconds(1), std::uint64_t{1} << 40U});
    EXPECT_TRUE(eventually([this] {
      auto database = Database::open_to_read(path());
      const auto left =
          database ? database->number("SELECT count(*) FROM violations") : Result<std::int64_t>(1);
      return left && *left == 0;
    }));
  }
  auto database = Database::open_to_read(path());
  ASSERT_TRUE(database);
  EXPECT_EQ(*database->number("SELECT count(*) FROM fixed_files"), 0);
}

}  // namespace
}  // namespace guard
