// The actor is notified once, on a terminal that is provably their own, with harmless text. A
// blocked terminal does not block guardd.
#include "guardd/publish/terminal_publisher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "guardd/who/proc.h"
#include "guardd/who/terminal.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Incident incident_of(Violation first) {
  Incident incident;
  incident.id = first.incident = "0123";
  incident.count = 1;
  incident.command = process(200, "git", "git pull");
  incident.first = std::move(first);
  incident.first.tell = true;
  return incident;
}

// A user at a terminal.
class Person {
 public:
  enum class Has : std::uint8_t { kTerminalAsOutput, kTerminalElsewhere, kNothing };

  explicit Person(Has has = Has::kTerminalAsOutput) {
    int master = -1;
    int slave = -1;
    if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) return;
    master_ = Fd(master);
    slave_ = Fd(slave);
    (void)::fcntl(master, F_SETFL, O_NONBLOCK);
    (void)::fcntl(master, F_SETFD, FD_CLOEXEC);
    (void)::fchmod(slave, 0620);
    std::array<int, 2> ready{-1, -1};
    if (::pipe2(ready.data(), O_CLOEXEC) != 0) return;
    const Fd in(ready[0]);
    Fd out(ready[1]);
    pid_ = ::fork();
    if (pid_ == 0) sit(has, slave, out.get());
    out.reset();
    char byte = 0;
    (void)::read(in.get(), &byte, 1);
    name_ = {pid_, Proc().start_of(pid_).value_or(0)};
  }
  ~Person() { leave(); }
  Person(const Person&) = delete;
  Person& operator=(const Person&) = delete;

  ProcessName name() const { return name_; }
  int slave() const { return slave_.get(); }
  bool is_there() const { return pid_ > 0; }

  void leave() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  // The text on the screen; waits a moment for the first text.
  std::string sees(std::chrono::milliseconds moment = 0ms) const {
    pollfd waits{master_.get(), POLLIN, 0};
    (void)::poll(&waits, 1, static_cast<int>(moment.count()));
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t size = 0; (size = ::read(master_.get(), piece.data(), piece.size())) > 0;)
      all.append(piece.data(), static_cast<std::size_t>(size));
    return all;
  }

  // Writes until the terminal is full, including the buffer of the other end.
  void fill() const {
    const auto path = "/proc/self/fd/" + std::to_string(slave());
    const Fd out(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    const std::string much(1000, 'x');
    for (int tries = 0; tries < 3; ++tries) {
      while (::write(out.get(), much.data(), much.size()) > 0) tries = 0;
      while (::write(out.get(), "x", 1) > 0) tries = 0;
      std::this_thread::sleep_for(20ms);
    }
  }

 private:
  [[noreturn]] static void sit(Has has, int slave, int ready) {
    (void)::setsid();
    if (has != Has::kNothing) (void)::ioctl(slave, TIOCSCTTY, 0);
    const int null = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) (void)::dup2(has == Has::kTerminalAsOutput ? slave : null, fd);
    (void)::write(ready, "x", 1);
    for (;;) ::pause();
  }

  Fd master_;
  Fd slave_;
  pid_t pid_ = -1;
  ProcessName name_;
};

class TerminalPublisherTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(alice_.is_there()); }

  std::unique_ptr<TerminalPublisher> started(OwnTerminal terminal = OwnTerminal()) {
    auto publisher = TerminalPublisher::start(
        {[] { serve_terminals_only(std::nullopt); },
         [terminal](Uid person, const std::vector<ProcessName>& processes) {
           return terminal.open(person, processes);
         }});
    EXPECT_TRUE(publisher);
    return *std::move(publisher);
  }

  // Her incident at her terminal.
  Incident hers(const std::string& path = "/srv/shop/index.html") const {
    auto violation = git_violation(path);
    violation.actor.edit().tty = "pts/0";
    violation.actor.edit().login_uid = Uid{::getuid()};
    violation.actor.edit().pid = alice_.name().pid;
    violation.actor.edit().start_time = alice_.name().start;
    violation.actor.edit().lineage.clear();
    return incident_of(violation);
  }

  // The text on her terminal.
  std::string shown(const Incident& incident) {
    auto publisher = started();
    publisher->incident_opened(incident);
    publisher->finish(5s);
    const auto text = alice_.sees();
    EXPECT_EQ(publisher->written(), text.empty() ? 0U : 1U);
    return text;
  }

  Person alice_;
};

TEST_F(TerminalPublisherTest, NamesTheProblemAndTheCommandToUse) {
  EXPECT_EQ(shown(hers()),
            "\r\r\nguardd: /srv/shop/index.html should belong to shop; guardd fixed it (policy "
            "shop). Instead, use: sudo -u shop git pull\r\r\n");
}

TEST_F(TerminalPublisherTest, NotifiesOncePerIncident) {
  auto publisher = started();
  const auto incident = hers();
  publisher->incident_opened(incident);
  for (int i = 0; i < 100; ++i) publisher->violation(incident.first, incident);
  publisher->incident_closed(incident);
  publisher->finish(5s);
  EXPECT_EQ(publisher->written(), 1U);
  EXPECT_EQ(publisher->dropped(), 0U);
}

TEST_F(TerminalPublisherTest, EscapesHostileNames) {
  auto incident = hers("/srv/shop/\x1b]0;owned\x07\nroot# \xe2\x80\xae\x9b");
  incident.first.owner_wanted = "sh\x1bop";
  incident.command = process(200, "g\x1bit", "git \x1b[2J pull\n\r");
  const auto text = shown(incident);
  EXPECT_THAT(text, HasSubstr(R"(/srv/shop/\x1b]0;owned\x07\nroot# )"));
  EXPECT_EQ(text.find_first_of("\x1b\x07\x9b"), std::string::npos);
  EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST_F(TerminalPublisherTest, CutsLongNamesButNeverACommand) {
  auto incident = hers("/srv/shop/" + std::string(4000, 'x'));
  incident.first.policy = std::string(4000, 'p');
  incident.first.owner_wanted = std::string(4000, 'o');
  const auto line = terminal_line(incident);
  EXPECT_LT(line.size(), 400U);
  EXPECT_THAT(line, Not(HasSubstr("sudo")));
}

TEST_F(TerminalPublisherTest, NotifiesOnlyTheActorsTerminal) {
  const auto expect_silence = [&](const char* why, const Incident& incident) {
    SCOPED_TRACE(why);
    EXPECT_EQ(shown(incident), "");
  };
  auto incident = hers();
  incident.first.tell = false;
  expect_silence("the policy does not want it", incident);

  incident = hers();
  incident.first.actor.edit().tty.reset();
  expect_silence("it had no terminal when it acted", incident);

  incident = hers();
  incident.first.actor.edit().container = "web";
  expect_silence("it was in a container", incident);

  incident = hers();
  incident.first.actor.edit().login_uid = Uid{::getuid() + 1};
  expect_silence("another user logged in", incident);

  incident = hers();
  incident.first.actor.edit().login_uid.reset();
  incident.first.actor.edit().uid = Uid{::getuid() + 1};
  expect_silence("no login, and another user acted", incident);

  incident = hers();
  incident.first.actor.edit().start_time = alice_.name().start + 100 * 10'000'000ULL;
  expect_silence("the pid was reused", incident);

  ASSERT_EQ(::fchmod(alice_.slave(), 0600), 0);
  expect_silence("she wants no messages", hers());
  ASSERT_EQ(::fchmod(alice_.slave(), 0620), 0);
  EXPECT_THAT(shown(hers()), HasSubstr("guardd: "));

  alice_.leave();
  expect_silence("she has gone", hers());
}

TEST_F(TerminalPublisherTest, ATerminalOfAnotherUserIsNotWritten) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can give a terminal away";
  ASSERT_EQ(::fchown(alice_.slave(), 1234, static_cast<gid_t>(-1)), 0);
  EXPECT_EQ(shown(hers()), "");
}

TEST_F(TerminalPublisherTest, WritesAUsersTerminalThroughItsGroup) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can give a terminal away";
  constexpr gid_t kTerminals = 5;
  ASSERT_EQ(::fchown(alice_.slave(), 1234, kTerminals), 0);
  auto incident = hers();
  incident.first.actor.edit().login_uid = Uid{1234};
  EXPECT_EQ(shown(incident), "");  // without the permission to write
  auto publisher = TerminalPublisher::start(
      {[] { serve_terminals_only(Gid{kTerminals}); },
       [](Uid person, const auto& processes) { return OwnTerminal().open(person, processes); }});
  ASSERT_TRUE(publisher);
  (*publisher)->incident_opened(incident);
  (*publisher)->finish(5s);
  EXPECT_THAT(alice_.sees(), HasSubstr("guardd: "));
}

// The number matches, as it can in a container, but the device does not.
TEST_F(TerminalPublisherTest, ADeviceNumberAloneIsNotEnough) {
  const Person elsewhere(Person::Has::kTerminalElsewhere);
  ASSERT_TRUE(elsewhere.is_there());
  auto incident = hers();
  incident.first.actor.edit().pid = elsewhere.name().pid;
  incident.first.actor.edit().start_time = elsewhere.name().start;
  EXPECT_EQ(shown(incident), "");
  EXPECT_EQ(elsewhere.sees(), "");
}

TEST_F(TerminalPublisherTest, NotifiesTheShellIfTheCommandHasExited) {
  Person over(Person::Has::kNothing);
  ASSERT_TRUE(over.is_there());
  auto incident = hers();
  incident.first.actor.edit().pid = over.name().pid;
  incident.first.actor.edit().start_time = over.name().start;
  over.leave();
  Ancestor shell = process(alice_.name().pid, "bash");
  shell.start_time = alice_.name().start;
  incident.first.actor.edit().lineage = {shell};
  EXPECT_THAT(shown(incident), HasSubstr("Instead, use: sudo -u shop git pull"));
}

TEST_F(TerminalPublisherTest, NotifiesTheShellIfSudoMadeATerminal) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can give a terminal away";
  const Person inner;
  ASSERT_TRUE(inner.is_there());
  ASSERT_EQ(::fchown(inner.slave(), 1234, static_cast<gid_t>(-1)), 0);
  auto incident = hers();
  incident.first.actor.edit().pid = inner.name().pid;
  incident.first.actor.edit().start_time = inner.name().start;
  Ancestor shell = process(alice_.name().pid, "bash");
  shell.start_time = alice_.name().start;
  incident.first.actor.edit().lineage = {shell};
  EXPECT_THAT(shown(incident), HasSubstr("guardd: "));
  EXPECT_EQ(inner.sees(), "");
}

TEST_F(TerminalPublisherTest, OpensOnlyTerminals) {
  auto place = (fs::temp_directory_path() / "terminals-XXXXXX").string();
  ASSERT_NE(::mkdtemp(place.data()), nullptr);
  fs::create_directory(place + "/pts");
  std::array<char, 64> name{};
  ASSERT_EQ(::ttyname_r(alice_.slave(), name.data(), name.size()), 0);
  const auto number = fs::path(name.data()).filename();
  const auto fake = fs::path(place) / "pts" / number;
  const OwnTerminal terminal({place, "/proc", "/sys"});
  const Uid me{::getuid()};

  EXPECT_FALSE(terminal.open(me, {alice_.name()})) << "no terminal";
  std::ofstream(fake).close();
  fs::permissions(fake, fs::perms::owner_all | fs::perms::group_all);
  EXPECT_FALSE(terminal.open(me, {alice_.name()})) << "a file";
  fs::remove(fake);
  fs::create_symlink(name.data(), fake);
  EXPECT_FALSE(terminal.open(me, {alice_.name()})) << "a link to it";
  EXPECT_TRUE(OwnTerminal().open(me, {alice_.name()}));
  fs::remove_all(place);
}

TEST_F(TerminalPublisherTest, AStoppedTerminalDoesNotBlock) {
  ASSERT_EQ(::tcflow(alice_.slave(), TCOOFF), 0);  // as ^S does
  const auto began = std::chrono::steady_clock::now();
  auto publisher = started();
  for (int i = 0; i < 3; ++i) publisher->incident_opened(hers());
  publisher->finish(5s);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  EXPECT_EQ(publisher->written(), 0U);
  EXPECT_EQ(publisher->dropped(), 3U);
  ASSERT_EQ(::tcflow(alice_.slave(), TCOON), 0);
  EXPECT_EQ(alice_.sees(), "");
}

TEST_F(TerminalPublisherTest, AFullTerminalDoesNotBlock) {
  alice_.fill();
  const auto began = std::chrono::steady_clock::now();
  auto publisher = started();
  publisher->incident_opened(hers());
  publisher->finish(5s);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  EXPECT_EQ(publisher->dropped(), 1U);
}

TEST_F(TerminalPublisherTest, TheQueueIsBoundedAndABlockedThreadIsAbandoned) {
  const auto stuck = std::make_shared<std::atomic<bool>>(true);
  auto publisher = TerminalPublisher::start({[] {},
                                             [stuck](Uid, const std::vector<ProcessName>&) {
                                               while (*stuck) std::this_thread::sleep_for(1ms);
                                               return Fd();
                                             }});
  ASSERT_TRUE(publisher);
  constexpr std::uint64_t kMany = 1000;
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < kMany; ++i) (*publisher)->incident_opened(hers());
  // The thread may be writing one.
  EXPECT_GE((*publisher)->dropped(), kMany - TerminalPublisher::kMostQueued - 1);
  (*publisher)->finish(50ms);
  publisher->reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  *stuck = false;
}

}  // namespace
}  // namespace guard
