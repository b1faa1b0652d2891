#include "policy/load/policy_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "policy/base/handle.h"
#include "policy/load/load.h"
#include "tests/unit/fakes.h"

namespace guard {
namespace {

using ::testing::ElementsAre;
using testing::FakeFiles;
using testing::FakeUsers;
using ::testing::HasSubstr;
using testing::is_harmless;
using ::testing::IsEmpty;
using testing::policy_text;
using testing::TemporaryDirectory;

constexpr Uid kSomebody{54321};

Uid ourselves() {
  return Uid{::getuid()};
}

class PolicyFiles : public ::testing::Test {
 protected:
  // Copies of the machine's four directories, in order.
  PolicyFiles() {
    for (const auto* name : {"etc", "run", "local", "usr"})
      directories_.push_back(there_.directory(name));
  }

  std::vector<PolicyFile> found() const {
    const auto files = find_policy_files(directories_);
    EXPECT_TRUE(files) << files.error().text();
    return files ? *files : std::vector<PolicyFile>();
  }
  std::vector<std::string> paths() const {
    std::vector<std::string> paths;
    for (const auto& file : found()) paths.push_back(file.path);
    return paths;
  }
  static std::string why_rejected(const std::string& path, Uid reader = ourselves()) {
    const auto read = read_policy_file(path, reader);
    return read ? "" : read.error().text();
  }

  TemporaryDirectory there_;
  std::vector<std::string> directories_;
};

TEST_F(PolicyFiles, AdministratorThenRuntimeThenLocalThenVendor) {
  EXPECT_THAT(default_policy_directories(),
              ElementsAre("/etc/guardd/policies.d", "/run/guardd/policies.d",
                          "/usr/local/lib/guardd/policies.d", "/usr/lib/guardd/policies.d"));
}

TEST_F(PolicyFiles, AreSortedByName) {
  there_.write("usr/10-b.toml");
  there_.write("etc/20-a.toml");
  there_.write("run/05-z.toml");
  there_.write("local/15-c.toml");
  EXPECT_THAT(paths(), ElementsAre(there_ / "run/05-z.toml", there_ / "usr/10-b.toml",
                                   there_ / "local/15-c.toml", there_ / "etc/20-a.toml"));
}

TEST_F(PolicyFiles, AStrongerDirectoryReplacesTheSameName) {
  for (const auto* name : {"usr/a.toml", "local/a.toml", "run/a.toml", "etc/a.toml"})
    there_.write(name);
  there_.write("usr/b.toml");
  there_.write("local/b.toml");
  const auto files = found();
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].path, there_ / "etc/a.toml");
  EXPECT_THAT(files[0].replaces,
              ElementsAre(there_ / "run/a.toml", there_ / "local/a.toml", there_ / "usr/a.toml"));
  EXPECT_EQ(files[1].path, there_ / "local/b.toml");
  EXPECT_THAT(files[1].replaces, ElementsAre(there_ / "usr/b.toml"));
}

TEST_F(PolicyFiles, ALinkToDevNullMasks) {
  there_.write("usr/a.toml", policy_text());
  std::filesystem::create_symlink("/dev/null", there_ / "etc/a.toml");
  std::filesystem::create_symlink("../../../../../../dev/null", there_ / "etc/b.toml");
  const auto files = found();
  ASSERT_EQ(files.size(), 2U);
  EXPECT_TRUE(files[0].masked);
  EXPECT_THAT(files[0].replaces, ElementsAre(there_ / "usr/a.toml"));
  EXPECT_TRUE(files[1].masked);

  const auto loaded = load_policies({files, ourselves(), 1}, FakeUsers(), FakeFiles());
  ASSERT_TRUE(loaded.set);
  EXPECT_THAT(loaded.set->policies(), IsEmpty());
}

TEST_F(PolicyFiles, AMaskInAWeakerDirectoryHasNoEffect) {
  there_.write("etc/a.toml");
  std::filesystem::create_symlink("/dev/null", there_ / "usr/a.toml");
  const auto files = found();
  ASSERT_EQ(files.size(), 1U);
  EXPECT_FALSE(files[0].masked);
}

TEST_F(PolicyFiles, OnlyALinkToDevNullMasks) {
  there_.write("etc/empty.toml");
  std::filesystem::create_symlink("/dev/zero", there_ / "etc/zero.toml");
  std::filesystem::create_symlink(there_ / "nowhere", there_ / "etc/dangling.toml");
  for (const auto& file : found()) EXPECT_FALSE(file.masked) << file.path;
}

TEST_F(PolicyFiles, IgnoreBackupsOfEditorsAndPackageManagers) {
  for (const auto* name :
       {".hidden.toml", ".toml", "a.toml~", "#a.toml#", ".#a.toml", ".a.toml.swp", "a.toml.bak",
        "a.toml.dpkg-old", "a.toml.dpkg-new", "a.toml.rpmsave", "a.conf", "README", "toml"})
    there_.write(std::string("etc/") + name);
  EXPECT_THAT(paths(), IsEmpty());
}

TEST_F(PolicyFiles, AMissingDirectoryIsEmpty) {
  directories_.insert(directories_.begin(), there_ / "nowhere");
  there_.write("etc/a.toml");
  EXPECT_THAT(paths(), ElementsAre(there_ / "etc/a.toml"));
}

TEST_F(PolicyFiles, ADirectoryThatCannotBeListedIsAnError) {
  directories_.push_back(there_.write("file"));
  const auto files = find_policy_files(directories_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().text(), "\"" + there_ / "file" + "\": Not a directory");
}

TEST_F(PolicyFiles, AreReadUnchanged) {
  const std::string text("a\0b\r\n\xff", 6);
  const auto read = read_policy_file(there_.write("etc/a.toml", text), ourselves());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->text, text);
}

TEST_F(PolicyFiles, AreRejectedIfOtherUsersCanWriteThem) {
  const auto path = there_.write("etc/a.toml");
  for (const mode_t mode : {0664U, 0646U, 0666U, 0620U, 0602U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_EQ(why_rejected(path), "users other than root can write it; fix with: chown root " +
                                      path + " && chmod go-w " + path)
        << std::oct << mode;
  }
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(why_rejected(path), "");
}

TEST_F(PolicyFiles, AreRejectedIfOtherUsersCanReplaceThem) {
  const auto path = there_.write("etc/a.toml");
  const auto directory = there_ / "etc";
  for (const mode_t mode : {0775U, 0757U, 0777U}) {
    ASSERT_EQ(::chmod(directory.c_str(), mode), 0);
    EXPECT_THAT(why_rejected(path), HasSubstr("they can write its directory")) << std::oct << mode;
  }
  ASSERT_EQ(::chmod(directory.c_str(), 01777), 0);
  EXPECT_EQ(why_rejected(path), "")
      << "in a sticky directory, users cannot replace files of others";
}

TEST_F(PolicyFiles, AreRejectedIfTheyBelongToAnotherUser) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const auto path = there_.write("etc/a.toml");
  ASSERT_EQ(::chown(path.c_str(), kSomebody.value, 0), 0);
  EXPECT_THAT(why_rejected(path, kRoot), HasSubstr("it belongs to uid 54321; fix with: chown"));
}

TEST_F(PolicyFiles, OfTheReadingUserAreReadWithAWarning) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const auto path = there_.write("etc/a.toml");
  ASSERT_EQ(::chown(path.c_str(), kSomebody.value, 0), 0);
  const auto read = read_policy_file(path, kSomebody);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_THAT(read->warning, HasSubstr("guardd will reject this file until root owns it"));
  ASSERT_EQ(::chown(path.c_str(), 0, 0), 0);
  EXPECT_EQ(read_policy_file(path, kSomebody)->warning, "");
}

TEST_F(PolicyFiles, AreRejectedInADirectoryOfAnotherUser) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const auto path = there_.write("etc/a.toml");
  ASSERT_EQ(::chown((there_ / "etc").c_str(), kSomebody.value, 0), 0);
  EXPECT_THAT(why_rejected(path, kRoot), HasSubstr("they can write its directory"));
}

TEST_F(PolicyFiles, CanBeLinksIfTheTargetIsSafe) {
  const auto target = there_.write("usr/real.toml", "# real");
  std::filesystem::create_symlink(target, there_ / "etc/a.toml");
  EXPECT_EQ(why_rejected(there_ / "etc/a.toml"), "");
  EXPECT_EQ(read_policy_file(there_ / "etc/a.toml", ourselves())->text, "# real");

  ASSERT_EQ(::chmod((there_ / "usr").c_str(), 0777), 0);
  EXPECT_THAT(why_rejected(there_ / "etc/a.toml"), HasSubstr("they can write its directory"));
  ASSERT_EQ(::chmod((there_ / "usr").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(target.c_str(), 0666), 0);
  EXPECT_THAT(why_rejected(there_ / "etc/a.toml"), HasSubstr("users other than root can write it"));
}

TEST_F(PolicyFiles, MustBeRegularFilesAndNeverBlockTheReader) {
  ASSERT_EQ(::mkfifo((there_ / "etc/fifo.toml").c_str(), 0644), 0);
  there_.directory("etc/directory.toml");
  std::filesystem::create_symlink("/dev/zero", there_ / "etc/zero.toml");
  for (const auto* name : {"fifo.toml", "directory.toml", "zero.toml"})
    EXPECT_EQ(why_rejected(there_ / "etc/" + name), "it is not a regular file") << name;

  const auto path = there_ / "etc/socket.toml";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_NE(why_rejected(path), "");
}

TEST_F(PolicyFiles, ThatAreMissingOrTooLargeAreErrors) {
  std::filesystem::create_symlink(there_ / "nowhere", there_ / "etc/dangling.toml");
  EXPECT_EQ(why_rejected(there_ / "etc/dangling.toml"),
            "it cannot be opened: No such file or directory");
  std::filesystem::create_symlink("loop.toml", there_ / "etc/loop.toml");
  EXPECT_THAT(why_rejected(there_ / "etc/loop.toml"), HasSubstr("Too many levels"));

  const auto path = there_.write("etc/large.toml");
  ASSERT_EQ(::truncate(path.c_str(), 16 << 20), 0);
  EXPECT_EQ(why_rejected(path), "");
  ASSERT_EQ(::truncate(path.c_str(), (16 << 20) + 1), 0);
  EXPECT_EQ(why_rejected(path), "it is larger than 16 MiB; split it");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40U);
  EXPECT_EQ(why_rejected(path), "it is larger than 16 MiB; split it");
}

TEST_F(PolicyFiles, ThatCannotBeOpenedAreErrors) {
  const auto path = there_.write("etc/a.toml");
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  const bool is_root = ::getuid() == 0;  // root can open everything, so another user must try
  if (is_root) {
    ASSERT_EQ(::seteuid(kSomebody.value), 0);
  }
  const auto why = why_rejected(path);
  if (is_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_EQ(why, "it cannot be opened: Permission denied");
}

// From the directories to the diagnostics.

class LoadPolicies : public PolicyFiles {
 protected:
  // Without the warning that guardd rejects files of the testing user.
  std::vector<std::string> messages(LoadResult& loaded) const {
    loaded = load_policies({found(), ourselves(), 7}, FakeUsers(), FakeFiles());
    std::vector<std::string> messages;
    for (const auto& diagnostic : loaded.diagnostics.all()) {
      if (!diagnostic.message.starts_with("guardd will reject this file until root owns it"))
        messages.push_back(loaded.diagnostics.format(diagnostic));
    }
    return messages;
  }
  std::string at(std::string_view name) const { return there_ / name; }
};

TEST_F(LoadPolicies, ReportsEveryErrorInTheOrderOfTheFiles) {
  there_.write("usr/30-c.toml", policy_text("colour = 1", "c", "/srv/c"));
  there_.write("etc/20-b.toml", "syntax error");
  ASSERT_EQ(::chmod(there_.write("run/10-a.toml", policy_text()).c_str(), 0666), 0);
  there_.write("etc/40-d.toml", policy_text("", "d", "relative"));
  there_.write("etc/50-e.toml", policy_text("group = \"nobody-knows\"", "e", "/srv/e"));
  LoadResult loaded;
  EXPECT_THAT(
      messages(loaded),
      ElementsAre(HasSubstr(at("run/10-a.toml") + ":1:1: users other than root can write it"),
                  HasSubstr(at("etc/20-b.toml") + ":1:8: invalid TOML"),
                  HasSubstr(at("usr/30-c.toml") + ":5:1: unknown key \"colour\""),
                  HasSubstr(at("etc/40-d.toml") + ":3:10: \"relative\": "),
                  HasSubstr(at("etc/50-e.toml") + ":5:9: unknown group")));
  EXPECT_EQ(loaded.diagnostics.errors(), 5U);
  EXPECT_EQ(loaded.set, nullptr);
}

TEST_F(LoadPolicies, NamesBothFilesOfAConflict) {
  there_.write("etc/a.toml", policy_text());
  there_.write("usr/b.toml", policy_text());
  LoadResult loaded;
  EXPECT_THAT(messages(loaded),
              ElementsAre(at("usr/b.toml") + ":2:8: the name \"shop\" is already used at " +
                              at("etc/a.toml") + ":2",
                          at("usr/b.toml") + ":3:10: \"/srv/shop\" is already guarded at " +
                              at("etc/a.toml") + ":3"));
}

TEST_F(LoadPolicies, SetsGenerationAndFiles) {
  there_.write("etc/a.toml", policy_text());
  LoadResult loaded;
  EXPECT_THAT(messages(loaded), IsEmpty());
  ASSERT_TRUE(loaded.set);
  EXPECT_EQ(loaded.set->generation(), 7U);
  EXPECT_THAT(loaded.set->files(), ElementsAre(at("etc/a.toml")));
  EXPECT_EQ(loaded.set->files()[loaded.set->trees()[0].place.file], at("etc/a.toml"));
}

TEST_F(LoadPolicies, EscapesFileNames) {
  there_.write("etc/\x1b[31m\n.toml", "x");
  there_.write("etc/\xff.toml", "x");
  std::filesystem::create_symlink(there_ / "no\x1bwhere", there_ / "etc/\xc2\x9b.toml");
  LoadResult loaded;
  const auto found = messages(loaded);
  EXPECT_EQ(found.size(), 3U);
  for (const auto& message : found) EXPECT_TRUE(is_harmless(message)) << message;
}

TEST_F(LoadPolicies, NoFilesMakeAnEmptySet) {
  LoadResult loaded;
  EXPECT_THAT(messages(loaded), IsEmpty());
  ASSERT_TRUE(loaded.set);
  EXPECT_EQ(loaded.set->tree_of("/srv/shop"), nullptr);
}

}  // namespace
}  // namespace guard
