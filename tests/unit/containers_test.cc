// guardctl suggest --containers: HTTP at a socket, the containers of Docker and Podman, their users
// on this machine, and the trees that are suggested. The answers are those of a fake server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "guardd/ctl/containers/container_users.h"
#include "guardd/ctl/containers/http.h"
#include "guardd/ctl/containers/runtime.h"
#include "guardd/ctl/suggest/container_trees.h"
#include "tests/unit/fake_runtime.h"
#include "tests/unit/fakes.h"

namespace guard::containers {
namespace {

using suggest::suggest_for_containers;
using suggest::Suggestion;
using testing::chunked;
using ::testing::ElementsAre;
using testing::FakeRuntime;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::tar_of;
using testing::TemporaryDirectory;
using testing::with_length;

TEST(ContainerHttp, AnAnswerHasALengthOrChunksOrEndsWithTheConnection) {
  EXPECT_EQ(parse_answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd")->body, "abc");
  EXPECT_EQ(parse_answer("HTTP/1.1 200 OK\r\nTRANSFER-encoding:  Chunked \r\n\r\n"
                         "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n")
                ->body,
            "abc0123456789");
  EXPECT_EQ(parse_answer("HTTP/1.0 200 OK\r\n\r\nall")->body, "all");
  EXPECT_EQ(parse_answer("HTTP/1.1 404 Not Found\r\n\r\n")->status, 404);
}

TEST(ContainerHttp, ABrokenAnswerIsAnError) {
  for (const auto* text :
       {"", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\n", "HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc\r\n"})
    EXPECT_FALSE(parse_answer(text)) << text;
}

TEST(ContainerHttp, NothingWaitsForAServerThatDoesNotAnswer) {
  const TemporaryDirectory there;
  const FakeRuntime server(there / "s", {{"/never", ""}, {"/", with_length("yes")}});
  EXPECT_EQ(get(server.path(), "/", std::chrono::seconds(5))->body, "yes");
  const auto late = get(server.path(), "/never", std::chrono::milliseconds(50));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ETIMEDOUT);
  EXPECT_EQ(get(there / "none", "/", std::chrono::seconds(1)).error().code(), ENOENT);
  EXPECT_EQ(get(std::string(200, 'x'), "/", std::chrono::seconds(1)).error().code(), ENAMETOOLONG);
}

TEST(ContainerArchive, TheFirstRegularFileCounts) {
  EXPECT_EQ(first_file(tar_of("text")), "text");
  EXPECT_EQ(first_file(""), "");
  EXPECT_EQ(first_file("no archive"), "");
  auto link = tar_of("text");
  link[156] = '2';
  EXPECT_EQ(first_file(link), "");
  EXPECT_EQ(first_file(tar_of("text").substr(0, 514)), "");
}

TEST(ContainerIdMap, NumbersAreMappedInBothDirections) {
  const auto map =
      IdMap::parse("         0       1000          1\n         1     100000      65536\n");
  EXPECT_EQ(map.to_host(0), 1000U);
  EXPECT_EQ(map.to_host(999), 100998U);
  EXPECT_EQ(map.to_host(70000), std::nullopt);
  EXPECT_EQ(map.to_inside(100998), 999U);
  EXPECT_EQ(map.to_inside(0), std::nullopt);
  EXPECT_EQ(IdMap::identity().to_host(999), 999U);
  const auto rootless = IdMap::rootless(1000, {"joe", Uid{1000}, Gid{1000}},
                                        "ann:100000:65536\njoe:165536:10\n1000:300000:5\nbad\n");
  EXPECT_EQ(rootless.to_host(0), 1000U);
  EXPECT_EQ(rootless.to_host(10), 165545U);
  EXPECT_EQ(rootless.to_host(11), 300000U);
  EXPECT_EQ(rootless.to_host(16), std::nullopt);
}

// What a machine has after "dockerd --userns-remap=default".
constexpr const char* kSubordinate =
    "joe:100000:65536\ndockremap:165536:1000\ndockremap:300000:5\n";

TEST(ContainerIdMap, DockerMapsAllToTheIdsOfOneAccount) {
  const auto map = IdMap::remapped(165536, kSubordinate);
  EXPECT_EQ(map.to_host(0), 165536U);
  EXPECT_EQ(map.to_host(999), 166535U);
  EXPECT_EQ(map.to_host(1000), 300000U);
  EXPECT_EQ(map.to_host(1005), std::nullopt);
  EXPECT_EQ(map.to_inside(100000), std::nullopt);
  EXPECT_EQ(IdMap::remapped(5000, kSubordinate).to_host(999), 5999U);
}

// What "docker inspect" shows, without what is not read.
std::string container(const std::string& id, const std::string& name, const std::string& user,
                      int pid, const std::string& mounts) {
  return R"({"Id":")" + id + R"(","Created":"2026-11-28T22:12:40Z","State":{"Status":"x","Pid":)" +
         std::to_string(pid) + R"(},"Image":"sha256:e7fe","Name":"/)" + name +
         R"(","Config":{"Hostname":"h","User":")" + user +
         R"(","Env":null,"Image":"postgres:16"},"Mounts":[)" + mounts + "]}";
}

std::string mount(const std::string& source, const std::string& more = R"("RW":true)") {
  return R"({"Type":"bind","Source":")" + source + R"(","Destination":"/data","Mode":"",)" + more +
         "}";
}

constexpr const char* kPasswd =
    "root:x:0:0::/:/bin/sh\npostgres:x:999:998::/:/bin/sh\nhttpd:x:33:33::/:/bin/sh\n";

// A machine in a directory. Root in its containers is the user who runs the test, so what the test
// makes is what a container's root made.
class ContainerSuggestions : public ::testing::Test {
 protected:
  ContainerSuggestions() {
    there_.directory("etc");
    there_.directory("srv");
    there_.write("etc/passwd", "root:x:0:0::/:/bin/sh\n");
    there_.write("etc/group", "root:x:0:\n");
    answers_["/info"] =
        chunked(R"({"DockerRootDir":"/var/lib/docker/)" + std::to_string(euid_) + "." +
                std::to_string(euid_) + R"(","SecurityOptions":["name=userns"]})");
  }

  void add(const std::string& id, const std::string& json) {
    list_ += (list_.empty() ? "" : ",") + (R"({"Id":")" + id + "\"}");
    answers_["/containers/" + id + "/json"] = chunked(json);
    answers_["/containers/" + id + "/archive?path=/etc/passwd"] = with_length(tar_of(kPasswd));
  }
  // A process of a container, in /proc.
  void process(int pid, const std::string& space, std::uint32_t uid) {
    const auto name = "proc/" + std::to_string(pid);
    there_.directory(name + "/ns");
    std::filesystem::create_symlink("pid:[" + space + "]", there_ / (name + "/ns/pid"));
    const auto text = std::to_string(uid);
    const auto four = text + "\t" + text + "\t" + text + "\t" + text + "\n";
    there_.write(name + "/status", "Name:\tx\nUid:\t" + four + "Gid:\t" + four);
    for (const auto* map : {"/uid_map", "/gid_map"})
      there_.write(name + map, "0 " + std::to_string(euid_) + " 65536\n");
  }

  Suggestion suggestion(std::optional<Account> user = {}) {
    answers_["/containers/json?all=1"] = chunked("[" + list_ + "]");
    const FakeRuntime server(there_ / "docker.sock", answers_);
    auto machine = machine::Machine::open(there_ / "");
    EXPECT_TRUE(machine);
    const Socket socket{"docker", server.path(), std::move(user)};
    auto found = suggest_for_containers(*machine, {{socket}, nullptr, there_ / "proc"});
    EXPECT_TRUE(found) << found.error().text();
    return found ? *std::move(found) : Suggestion();
  }
  static std::string why_not(const Suggestion& suggestion) {
    return suggestion.left_out.size() == 1 ? suggestion.left_out[0].why : "";
  }

  const std::uint32_t euid_ = ::geteuid();
  const std::string postgres_ = std::to_string(euid_ + 999);
  TemporaryDirectory there_;
  FakeRuntime::Answers answers_;
  std::string list_;
};

TEST_F(ContainerSuggestions, TheImagesUserOwnsWhatRootMade) {
  there_.directory("srv/db");
  there_.write("srv/db/by_root");
  add("aa", container("aa", "db", "postgres", 0, mount("/srv/db")));
  const auto found = suggestion();
  ASSERT_EQ(found.proposals.size(), 1U);
  const auto& policy = found.proposals[0];
  EXPECT_EQ(policy.name, "db");
  EXPECT_THAT(policy.paths, ElementsAre("/srv/db"));
  EXPECT_EQ(policy.owner, postgres_);
  EXPECT_EQ(policy.group, std::to_string(euid_ + 998));
  EXPECT_THAT(policy.rules, IsEmpty());
  EXPECT_THAT(policy.why[0], HasSubstr("container db (postgres:16, docker) runs as uid " +
                                       postgres_ + " (postgres in the container)"));
  EXPECT_THAT(suggest::file_text(found),
              HasSubstr("owner  = " + postgres_ + "  # postgres in container db\n"));
}

// As Docker 20.10 answers with userns-remap; the rest of its answers is left out.
TEST_F(ContainerSuggestions, WithRemappedUsersTheOwnerIsTheMappedOne) {
  if (euid_ != 0) GTEST_SKIP() << "the trees must be those of the machine's root";
  there_.write("etc/subuid", kSubordinate);
  there_.write("etc/subgid", kSubordinate);
  answers_["/info"] =
      chunked(R"({"ID":"5XOM:","Containers":1,"Driver":"vfs","SecurityOptions":["name=seccomp,)"
              R"(profile=default","name=userns","name=cgroupns"],"DockerRootDir":)"
              R"("/var/lib/docker/165536.165536"})");
  there_.directory("srv/db");
  there_.directory("srv/other");
  add("aa", container("aa", "db", "postgres", 0, mount("/srv/db")));
  add("bb", container("bb", "other", "4000", 0, mount("/srv/other")));
  const auto found = suggestion();
  ASSERT_EQ(found.proposals.size(), 1U);
  EXPECT_EQ(found.proposals[0].owner, "166535");
  EXPECT_EQ(found.proposals[0].group, "166534");
  EXPECT_THAT(found.proposals[0].why[0], HasSubstr("(postgres in the container)"));
  EXPECT_THAT(why_not(found), HasSubstr("its user \"4000\" does not exist on this machine"));
}

TEST_F(ContainerSuggestions, ThePresentUserIsThatOfTheProcesses) {
  there_.directory("srv/db");
  process(50, "1", euid_);         // root in the container, which started the rest
  process(51, "1", euid_ + 33);    // it does not show the user
  process(60, "2", euid_ + 4242);  // of another container
  add("aa", container("aa", "web", "", 50, mount("/srv/db")));
  const auto found = suggestion();
  ASSERT_EQ(found.proposals.size(), 1U);
  EXPECT_EQ(found.proposals[0].owner, std::to_string(euid_ + 33));
  EXPECT_THAT(found.proposals[0].why[0], HasSubstr("(httpd in the container)"));
  EXPECT_EQ(found.proposals[0].owner_there, "httpd in container web");
}

TEST_F(ContainerSuggestions, AVolumeOfDifferentUsersGetsNoPolicy) {
  there_.directory("srv/db");
  add("aa", container("aa", "db", "999", 0, mount("/srv/db")));
  add("bb", container("bb", "web", "33:33", 0, mount("/srv/db")));
  const auto found = suggestion();
  EXPECT_THAT(found.proposals, IsEmpty());
  EXPECT_THAT(why_not(found), HasSubstr("different users: container db"));
  EXPECT_THAT(why_not(found), HasSubstr("container web"));
}

TEST_F(ContainerSuggestions, AVolumeOfOneUserInSeveralContainersGetsOne) {
  there_.directory("srv/db");
  add("aa", container("aa", "db", "999", 0, mount("/srv/db")));
  add("bb", container("bb", "db-replica", "postgres", 0, mount("/srv/db")));
  add("cc", container("cc", "reader", "33", 0, mount("/srv/db", R"("RW":false)")));
  const auto found = suggestion();
  ASSERT_EQ(found.proposals.size(), 1U);
  EXPECT_THAT(suggest::file_text(found), HasSubstr("also used by db-replica"));
}

TEST_F(ContainerSuggestions, WhatNoPolicyMayGuardIsLeftOut) {
  there_.write("srv/file");
  there_.directory("srv/ro");
  add("aa", container("aa", "db", "999", 0,
                      mount("/") + "," + mount("/etc") + "," + mount("/srv/file") + "," +
                          mount("/srv/ro", R"("RW":false)") + "," + mount("/run/x")));
  const auto found = suggestion();
  EXPECT_THAT(found.proposals, IsEmpty());
  std::map<std::string, std::string> why;
  for (const auto& [what, reason] : found.left_out) why[what] = reason;
  EXPECT_THAT(why["/ (db)"], HasSubstr("whole system"));
  EXPECT_THAT(why["/etc (db)"], HasSubstr("whole system"));
  EXPECT_THAT(why["/srv/file"], HasSubstr("is no directory"));
  EXPECT_THAT(why["/srv/ro"], HasSubstr("is only read by container db"));
  EXPECT_THAT(why["/run/x (db)"], HasSubstr("emptied at each boot"));
}

TEST_F(ContainerSuggestions, AStoppedContainerThatStartsAsRootShowsNoUser) {
  there_.directory("srv/db");
  add("aa", container("aa", "db", "", 0, mount("/srv/db")));
  answers_["/info"] = chunked("{}");
  const auto found = suggestion();
  if (euid_ == 0) {
    EXPECT_THAT(found.proposals, IsEmpty());
    EXPECT_THAT(why_not(found), HasSubstr("its image starts as root"));
  } else {  // then the present owner counts
    ASSERT_EQ(found.proposals.size(), 1U);
    EXPECT_EQ(found.proposals[0].owner, std::to_string(euid_));
  }
}

TEST_F(ContainerSuggestions, AUsersRuntimeIsBelievedOnlyAboutTheUsersFiles) {
  there_.directory("srv/db");
  there_.write("etc/subuid", "joe:200000:65536\n");
  there_.write("etc/subgid", "joe:200000:65536\n");
  add("aa", container("aa", "db", "postgres", 0, mount("/srv/db")));
  auto found = suggestion(Account{"joe", Uid{euid_}, Gid{euid_}});
  ASSERT_EQ(found.proposals.size(), 1U);
  EXPECT_EQ(found.proposals[0].owner, "200998");
  found = suggestion(Account{"joe", Uid{euid_ + 1}, Gid{euid_}});
  EXPECT_THAT(found.proposals, IsEmpty());
  EXPECT_THAT(why_not(found), HasSubstr("belongs to others than this user"));
}

// What is below a directory of the user's could be replaced by the user.
TEST_F(ContainerSuggestions, AVolumeInTheHomeOfARootlessUserIsForThisUserAlone) {
  if (euid_ != 0) GTEST_SKIP() << "another user must own the home directory";
  const std::string volume = "home/joe/.local/share/containers/storage/volumes/cache/_data";
  there_.directory(volume);
  for (std::filesystem::path each = volume; each != "home"; each = each.parent_path())
    ASSERT_EQ(::chown((there_ / each.string()).c_str(), 1000, 1000), 0);
  there_.write("etc/passwd", "root:x:0:0::/:/bin/sh\njoe:x:1000:1000::/home/joe:/bin/sh\n");
  there_.write("etc/subuid", "joe:200000:65536\n");
  there_.write("etc/subgid", "joe:200000:65536\n");
  const Account joe{"joe", Uid{1000}, Gid{1000}};
  answers_["/info"] = chunked("{}");
  add("aa", container("aa", "cache", "postgres", 0, mount("/" + volume)));
  const auto of_another = suggestion(joe);
  EXPECT_THAT(of_another.proposals, IsEmpty());
  EXPECT_THAT(why_not(of_another), HasSubstr("volumes/cache of joe, who could replace it"));
  EXPECT_EQ(why_not(of_another).find("chown"), std::string::npos);
  list_.clear();
  process(70, "2", 1000);
  there_.write("proc/70/uid_map", "0 1000 1\n1 200000 65536\n");
  there_.write("proc/70/gid_map", "0 1000 1\n1 200000 65536\n");
  add("bb", container("bb", "mine", "", 70, mount("/" + volume)));
  const auto own = suggestion(joe);
  ASSERT_EQ(own.proposals.size(), 1U);
  EXPECT_EQ(own.proposals[0].owner, "joe");
  EXPECT_THAT(own.proposals[0].paths, ElementsAre("/" + volume));
}

TEST_F(ContainerSuggestions, HarmlessTextWhateverAContainerIsCalled) {
  there_.directory("srv/db");
  add("aa", container("aa", R"(a\nb\u001b[31m)", "999", 0, mount("/srv/db")));
  const auto found = suggestion();
  ASSERT_EQ(found.proposals.size(), 1U);
  EXPECT_EQ(found.proposals[0].name, "a-b-31m");
  for (const auto& why : found.proposals[0].why) EXPECT_TRUE(testing::is_harmless(why)) << why;
  EXPECT_THAT(suggest::file_text(found), HasSubstr("owner  = " + postgres_ +
                                                   R"(  # postgres in container a\nb\x1b[31m)"
                                                   "\n"));
}

TEST_F(ContainerSuggestions, NoRuntimeIsAnErrorThatSaysWhere) {
  auto machine = machine::Machine::open(there_ / "");
  const auto sockets = usual_sockets(Account{"joe", Uid{1000}, Gid{1000}}, there_ / "run");
  const auto found = suggest_for_containers(*machine, {sockets, nullptr, there_ / "proc"});
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().text(), HasSubstr("/run/user/1000/docker.sock\": No such file"));
  EXPECT_THAT(found.error().text(), HasSubstr("/run/user/1000/podman/podman.sock"));
}

}  // namespace
}  // namespace guard::containers
