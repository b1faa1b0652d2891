// Entries reach the journal without waiting for one that is blocked, gone or restarted.
#include "guardd/publish/journal_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "guardd/publish/journal_publisher.h"
#include "guardd/publish/line_queue.h"
#include "policy/base/handle.h"
#include "tests/unit/journal_entries.h"

namespace guard {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;
using SteadyClock = std::chrono::steady_clock;

// A fake journal that reads on demand.
class JournalSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "guard-journal-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = directory_ / "socket";
  }
  void TearDown() override { fs::remove_all(directory_); }

  void listen() {
    journal_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.native().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(journal_.get(), reinterpret_cast<const sockaddr*>(&address),  // NOLINT
                     sizeof address),
              0);
  }
  void vanish() {
    journal_.reset();
    fs::remove(path_);
  }
  std::unique_ptr<LineQueue> start(LineQueue::Limits limits = {}) {
    auto queue = LineQueue::start(std::make_unique<JournalSocket>(path_), limits,
                                  JournalPublisher::loss_entry);
    EXPECT_TRUE(queue);
    return queue ? *std::move(queue) : nullptr;
  }
  static std::string entry(const std::string& message) {
    return JournalEntry(message_id::kReady, message_id::kInfo, message).finish();
  }

  // The next datagram, or the contents of the memory passed instead.
  std::optional<Fields> next(std::chrono::milliseconds patience = 5s) {
    timeval time{patience.count() / 1000, patience.count() % 1000 * 1000};
    ::setsockopt(journal_.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    std::string datagram(1U << 20U, '\0');
    alignas(cmsghdr) std::array<char, 64> control{};
    iovec part{datagram.data(), datagram.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto got = ::recvmsg(journal_.get(), &message, MSG_CMSG_CLOEXEC);
    if (got < 0) return std::nullopt;
    datagram.resize(static_cast<std::size_t>(got));
    if (const auto* header = CMSG_FIRSTHDR(&message)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
      const Fd memory(fd);
      // As journald requires.
      const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
      EXPECT_EQ(::fcntl(fd, F_GET_SEALS) & seals, seals);
      struct stat about {};
      EXPECT_EQ(::fstat(fd, &about), 0);
      datagram.resize(static_cast<std::size_t>(about.st_size));
      EXPECT_EQ(::pread(fd, datagram.data(), datagram.size(), 0), about.st_size);
      handed_over_ = true;
    }
    return parsed(datagram);
  }

  fs::path directory_;
  fs::path path_;
  Fd journal_;
  bool handed_over_ = false;
};

TEST_F(JournalSocketTest, EachEntryIsADatagram) {
  listen();
  auto queue = start();
  EXPECT_TRUE(queue->push(entry("one")));
  EXPECT_TRUE(queue->push(entry("two\nlines")));
  EXPECT_EQ(one(next().value_or(Fields()), "MESSAGE"), "one");
  EXPECT_EQ(one(next().value_or(Fields()), "MESSAGE"), "two\nlines");
  EXPECT_TRUE(queue->stop(1s));
}

TEST_F(JournalSocketTest, PassesLongEntriesInMemory) {
  listen();
  auto queue = start();
  const std::string message(4U << 20U, 'x');
  EXPECT_TRUE(queue->push(entry(message)));
  EXPECT_EQ(one(next().value_or(Fields()), "MESSAGE"), message);
  EXPECT_TRUE(handed_over_);
}

TEST_F(JournalSocketTest, ABlockedJournalDoesNotBlock) {
  listen();
  auto queue = start({500, 1U << 20U});
  const auto before = SteadyClock::now();
  std::uint64_t taken = 0;
  constexpr std::uint64_t kPushed = 20'000;
  for (std::uint64_t i = 0; i < kPushed; ++i)
    taken += queue->push(entry(std::to_string(i))) ? 1U : 0U;
  EXPECT_LT(SteadyClock::now() - before, 10s);  // sanitized; each takes microseconds
  EXPECT_LT(taken, kPushed);
  EXPECT_EQ(queue->lost(), kPushed - taken);
  const auto busy = std::clock();
  std::this_thread::sleep_for(200ms);
  EXPECT_LT(std::clock() - busy, CLOCKS_PER_SEC / 20) << "it waits and does not poll constantly";

  // Received and lost entries add up to all entries.
  std::uint64_t came = 0;
  std::uint64_t lost = 0;
  while (came + lost < kPushed) {
    const auto fields = next();
    ASSERT_TRUE(fields) << came << " came, " << lost << " lost";
    if (one(*fields, "MESSAGE_ID") == message_id::kMessagesLost)
      lost += std::stoull(one(*fields, "GUARD_LOST_RECORDS"));
    else
      ++came;
  }
  EXPECT_EQ(came, taken);
  EXPECT_EQ(lost, kPushed - taken);
}

TEST_F(JournalSocketTest, StopsWithoutAReader) {
  listen();
  auto queue = start({2000, 1U << 20U});
  std::uint64_t taken = 0;
  for (int i = 0; i < 3000; ++i) taken += queue->push(entry("x")) ? 1U : 0U;
  const auto before = SteadyClock::now();
  EXPECT_FALSE(queue->stop(300ms));
  EXPECT_LT(SteadyClock::now() - before, 1s);
  // Entries in the socket's buffer reach the journal whenever it reads.
  std::uint64_t came = 0;
  while (next(10ms)) ++came;
  EXPECT_GE(came + queue->lost(), 3000U);
  EXPECT_LE(came, taken);
}

TEST_F(JournalSocketTest, KeepsEntriesWhileThereIsNoJournal) {
  auto queue = start();
  EXPECT_TRUE(queue->push(entry("before it was there")));
  std::this_thread::sleep_for(100ms);
  listen();
  EXPECT_EQ(one(next().value_or(Fields()), "MESSAGE"), "before it was there");

  vanish();
  EXPECT_TRUE(queue->push(entry("while it was gone")));
  std::this_thread::sleep_for(100ms);
  listen();
  EXPECT_EQ(one(next().value_or(Fields()), "MESSAGE"), "while it was gone");
  EXPECT_EQ(queue->lost(), 0U);

  vanish();
  listen();
  EXPECT_TRUE(queue->push(entry("the last, to a new one")));
  EXPECT_TRUE(queue->stop(1s));
  EXPECT_EQ(one(next().value_or(Fields()), "MESSAGE"), "the last, to a new one");

  vanish();
  queue = start();
  EXPECT_TRUE(queue->push(entry("never")));
  const auto before = SteadyClock::now();
  EXPECT_FALSE(queue->stop(300ms));
  EXPECT_LT(SteadyClock::now() - before, 1s);
  EXPECT_EQ(queue->lost(), 1U);
}

TEST(JournalStream, IsTheDescriptorItNames) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd from(ends[0]);
  const Fd to(ends[1]);
  struct stat about {};
  ASSERT_EQ(::fstat(to.get(), &about), 0);
  const auto name = std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino);
  ::setenv("JOURNAL_STREAM", name.c_str(), 1);
  EXPECT_TRUE(is_the_journal(to.get()));
  ::setenv("JOURNAL_STREAM", (name + "1").c_str(), 1);
  EXPECT_FALSE(is_the_journal(to.get()));
  ::setenv("JOURNAL_STREAM", "", 1);
  EXPECT_FALSE(is_the_journal(to.get()));
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(is_the_journal(to.get()));
}

}  // namespace
}  // namespace guard
