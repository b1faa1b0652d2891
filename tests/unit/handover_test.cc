// The handover, with a fake store and with PID 1's side of the protocol.
#include "guardd/service/handover.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): setenv
#include <sys/fanotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DescriptorNames, AreParsedAsTheyAreFormatted) {
  EXPECT_EQ(format_descriptor_name({7, "guard_unlink"}), "guardd.7.guard_unlink");
  EXPECT_EQ(parse_descriptor_name("guardd.7.guard_unlink"), (DescriptorName{7, "guard_unlink"}));
  for (const auto* other :
       {"", "stored", "guardd", "guardd.", "guardd.7", "guardd.7.", "guardd.x.y", "guardd.-7.y",
        "guardd.7.../x", "guardd.7.a/b", "guarddx.7.y"})
    EXPECT_EQ(parse_descriptor_name(other), std::nullopt) << other;
}

Fd pins() {
  return Fd(::fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC, O_RDONLY));
}

// Records the calls of a store.
struct Log {
  std::vector<std::string> lines;
  std::vector<StoredDescriptor> before;
  Room room = Room::kYes;
  std::string fails_at;
  bool empties_on_stop = false;
  Fd barrier{};
};
class FakeStore : public DescriptorStore {
 public:
  explicit FakeStore(Log& log) : log_(log) {}
  Room room_for(std::size_t /*count*/) const override { return log_.room; }
  std::vector<StoredDescriptor> take_all() override { return std::move(log_.before); }
  Status add(const std::string& name, int /*fd*/) override {
    log_.lines.push_back("+" + name);
    if (!log_.fails_at.empty() && name.ends_with(log_.fails_at)) return Error("no room");
    return {};
  }
  void remove(const std::string& name) override { log_.lines.push_back("-" + name); }
  bool empties_on_stop() const override { return log_.empties_on_stop; }
  Fd barrier() const override { return std::move(log_.barrier); }

 private:
  Log& log_;
};

class HandoverTest : public ::testing::Test {
 protected:
  void add_old(const std::string& name, Fd fd) { log_.before.push_back({name, std::move(fd)}); }
  Handover handover() {
    std::vector<std::unique_ptr<DescriptorStore>> stores;
    stores.push_back(std::make_unique<FakeStore>(log_));
    stores.push_back(std::make_unique<FakeStore>(other_));
    return Handover(std::move(stores));
  }

  Log log_;
  Log other_{{}, {}, Room::kNo, {}, false, {}};
  const std::vector<std::pair<std::string, int>> named_{{"a", 0}, {"b", 1}};
};

TEST_F(HandoverTest, IsUnderWayUntilTheOldSetIsGone) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  log_.barrier = Fd(ends[0]);
  Fd theirs(ends[1]);
  add_old("guardd.3.pins", pins());
  auto all = handover();
  const auto now = std::chrono::steady_clock::now();
  EXPECT_FALSE(all.is_under_way(now));
  ASSERT_TRUE(all.take());
  EXPECT_TRUE(all.is_under_way(now));
  ASSERT_TRUE(all.store(named_));
  EXPECT_TRUE(all.is_under_way(now));
  theirs.reset();
  EXPECT_FALSE(all.is_under_way(now));
}

TEST_F(HandoverTest, IsNotUnderWayForEver) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  log_.barrier = Fd(ends[0]);
  const Fd theirs(ends[1]);
  add_old("guardd.3.pins", pins());
  auto all = handover();
  ASSERT_TRUE(all.take());
  ASSERT_TRUE(all.store(named_));
  EXPECT_TRUE(all.is_under_way(std::chrono::steady_clock::now()));
  EXPECT_FALSE(all.is_under_way(std::chrono::steady_clock::now() + std::chrono::seconds(6)));
}

TEST_F(HandoverTest, StoresTheNewSetBeforeItDropsTheOldOne) {
  add_old("guardd.6.pins", pins());
  auto over = handover();
  ASSERT_TRUE(over.take());
  EXPECT_TRUE(over.holds());
  EXPECT_THAT(log_.lines, IsEmpty());
  ASSERT_TRUE(over.store(named_));
  EXPECT_THAT(log_.lines, ElementsAre("+guardd.7.a", "+guardd.7.b", "-guardd.6.pins"));
  EXPECT_FALSE(over.holds());
  log_.lines.clear();
  over.release();
  EXPECT_THAT(log_.lines, ElementsAre("-guardd.7.a", "-guardd.7.b"));
}

// PID 1 does not store a descriptor twice, so removing the old name would remove the only one.
TEST_F(HandoverTest, StoresOnlyWhatHasChanged) {
  auto over = handover();
  ASSERT_TRUE(over.store(named_));
  log_.lines.clear();
  ASSERT_TRUE(over.store(named_));
  EXPECT_THAT(log_.lines, IsEmpty());
  ASSERT_TRUE(over.store(std::vector<std::pair<std::string, int>>{{"a", 0}, {"b", 5}, {"c", 2}}));
  EXPECT_THAT(log_.lines, ElementsAre("+guardd.2.b", "+guardd.2.c", "-guardd.1.b"));
  log_.lines.clear();
  ASSERT_TRUE(over.store(std::vector<std::pair<std::string, int>>{{"c", 2}}));
  EXPECT_THAT(log_.lines, ElementsAre("-guardd.1.a", "-guardd.2.b"));
  log_.lines.clear();
  over.release();
  EXPECT_THAT(log_.lines, ElementsAre("-guardd.2.c"));
}

// PID 1 empties its store when guardd stops, and enforcement must not pause during a restart.
TEST_F(HandoverTest, LeavesAStoreAloneThatEmptiesOnStop) {
  log_.empties_on_stop = true;
  auto over = handover();
  ASSERT_TRUE(over.take());
  ASSERT_TRUE(over.store(named_));
  log_.lines.clear();
  over.release();
  EXPECT_THAT(log_.lines, IsEmpty());
}

TEST_F(HandoverTest, DropsTheOldSetIfThereIsNoNewOne) {
  add_old("guardd.6.pins", pins());
  auto over = handover();
  ASSERT_TRUE(over.take());
  ASSERT_TRUE(over.store({}));
  EXPECT_THAT(log_.lines, ElementsAre("-guardd.6.pins"));
}

TEST_F(HandoverTest, DropsAllIfOneIsNotExpected) {
  add_old("guardd.6.pins", pins());
  add_old("guardd.6.guard_unlink", Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  auto over = handover();
  const auto taken = over.take();
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().text(), HasSubstr("guard_unlink"));
  EXPECT_FALSE(over.holds());
  EXPECT_THAT(log_.lines, ElementsAre("-guardd.6.pins", "-guardd.6.guard_unlink"));
}

TEST_F(HandoverTest, RejectsDescriptorsOfAnotherNameOrKind) {
  for (const auto* name : {"stored", "guardd.6.guard_unlink"}) {
    add_old(name, pins());
    EXPECT_FALSE(handover().take()) << name;
  }
  add_old("guardd.6.pins", Fd());
  EXPECT_FALSE(handover().take());
}

TEST_F(HandoverTest, StoresNoPartOfASet) {
  add_old("guardd.1.pins", pins());
  log_.fails_at = ".b";
  auto over = handover();
  ASSERT_TRUE(over.take());
  EXPECT_FALSE(over.store(named_));
  EXPECT_THAT(log_.lines, ElementsAre("+guardd.2.a", "+guardd.2.b", "-guardd.2.a", "-guardd.2.b",
                                      "-guardd.1.pins"));
}

TEST_F(HandoverTest, PrefersTheStoreThatHasRoom) {
  log_.room = Room::kUnknown;
  other_.room = Room::kYes;
  ASSERT_TRUE(handover().store(named_));
  EXPECT_THAT(log_.lines, IsEmpty());
  EXPECT_THAT(other_.lines, ElementsAre("+guardd.1.a", "+guardd.1.b"));
  other_.room = Room::kNo;
  ASSERT_TRUE(handover().store(named_));
  EXPECT_THAT(log_.lines, ElementsAre("+guardd.1.a", "+guardd.1.b"));
  log_.room = Room::kNo;
  const auto kept = handover().store(named_);
  ASSERT_FALSE(kept);
  EXPECT_THAT(kept.error().text(), HasSubstr("FileDescriptorStoreMax=4"));
}

// The messages that PID 1 would receive.
class Descriptors : public ::testing::Test {
 protected:
  void SetUp() override {
    socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto path = directory_ / "notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the way of sockets
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  void TearDown() override {
    for (const auto* name :
         {"NOTIFY_SOCKET", "FDSTORE", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
      ::unsetenv(name);
  }
  // The message, and " with" as many descriptors.
  std::string heard() {
    std::array<char, 512> text{};
    alignas(cmsghdr) std::array<char, 256> control{};
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto size = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (size < 0) return "nothing";
    std::string all(text.data(), static_cast<std::size_t>(size));
    const auto* first = CMSG_FIRSTHDR(&message);
    if (first && first->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(first), sizeof fd);
      all += " with a descriptor";
      received_ = Fd(fd);
    }
    return all;
  }

  testing::TemporaryDirectory directory_;
  Fd socket_;
  Fd received_;  // with the last message
  SystemdStore store_;
};

TEST_F(Descriptors, AreGoneWhenPid1SaysSo) {
  const auto barrier = store_.barrier();
  ASSERT_TRUE(barrier);
  EXPECT_EQ(heard(), "BARRIER=1 with a descriptor");
  pollfd end{barrier.get(), 0, 0};
  EXPECT_EQ(::poll(&end, 1, 0), 0);
  received_.reset();
  EXPECT_EQ(::poll(&end, 1, 0), 1);
}

TEST_F(Descriptors, AreStoredByName) {
  const auto group = pins();
  ASSERT_TRUE(store_.add("guardd.1.pins", group.get()));
  EXPECT_EQ(heard(), "FDSTORE=1\nFDNAME=guardd.1.pins\nFDPOLL=0 with a descriptor");
  store_.remove("guardd.1.pins");
  EXPECT_EQ(heard(), "FDSTOREREMOVE=1\nFDNAME=guardd.1.pins");
}

TEST_F(Descriptors, HaveTheRoomThatTheUnitSets) {
  EXPECT_EQ(store_.room_for(60), Room::kUnknown);
  ::setenv("FDSTORE", "60", 1);
  EXPECT_EQ(store_.room_for(60), Room::kYes);
  EXPECT_EQ(store_.room_for(61), Room::kNo);
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_EQ(store_.room_for(1), Room::kNo);
  EXPECT_FALSE(store_.add("guardd.1.pins", 0));
}

TEST_F(Descriptors, ComeBackWithTheirNames) {
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto group = pins();
    (void)::dup2(group.get(), 3);
    (void)::dup2(0, 4);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "2", 1);
    ::setenv("LISTEN_FDNAMES", "guardd.1.pins:stored", 1);
    const auto found = store_.take_all();
    const bool good = found.size() == 2 && found[0].name == "guardd.1.pins" &&
                      found[0].fd.get() == 3 && found[1].name == "stored" &&
                      (::fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 && !::getenv("LISTEN_FDS") &&
                      store_.take_all().empty();
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace guard
