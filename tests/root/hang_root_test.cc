// What other users can delay: their memory, their executables, their file systems. guardd goes on
// with what it knows, serves everyone else as usual, and ends at once when it is killed. Each test
// has a file system of its own that stops answering, and lets go of everything at its end.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "policy/base/handle.h"
#include "tests/root/daemon_fixture.h"
#include "tests/root/fuse_server.h"

namespace guard::test {
namespace {

using namespace std::chrono_literals;
using Request = FuseServer::Request;
namespace fs = std::filesystem;

constexpr uid_t kAdversary = 4343;

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Hang : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    as_app("mkdir $T/open; chmod 1777 $T/open; echo right > $T/conf");
    serve(std::string(4096, '\0'));
    if (!server_->is_mounted()) GTEST_SKIP() << "no FUSE here";
  }
  void serve(const std::string& content) {
    server_.reset();
    server_ =
        std::make_unique<FuseServer>(root().string() + ".fuse", content, (tree_ / "conf").string());
  }
  void TearDown() override {
    const auto where = root().string() + ".fuse";
    for (const auto pid : adversaries_) ::kill(pid, SIGKILL);
    server_.reset();
    for (const auto pid : adversaries_) ::waitpid(pid, nullptr, 0);
    DaemonTest::TearDown();
    std::error_code ignored;
    fs::remove(where, ignored);
  }

  void without_tracer() {
    const auto settings = root() / "guardd.toml";
    std::ofstream(settings) << "tracer = \"off\"\n";
    options_ = {"--config", settings.string()};
  }

  template <typename Act>
  void as_adversary(Act act) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setresgid(kAdversary, kAdversary, kAdversary) != 0 ||
          ::setresuid(kAdversary, kAdversary, kAdversary) != 0)
        ::_exit(1);
      act();
      for (;;) ::pause();
    }
    adversaries_.push_back(child);
  }

  // Helpers that have limited their rights wait for questions.
  std::size_t helpers_ready() const {
    std::size_t ready = 0;
    for (const auto& each : fs::directory_iterator("/proc")) {
      const auto status = content_of(each.path() / "status");
      if (status.find("\nPPid:\t" + std::to_string(daemon()) + "\n") != std::string::npos &&
          status.find("\nSeccomp:\t2\n") != std::string::npos)
        ++ready;
    }
    return ready;
  }

  // Another tree and another user are served as usual.
  void others_are_served() {
    const auto name = "other" + std::to_string(++others_);
    const auto before = std::chrono::steady_clock::now();
    as_root("touch $T/" + name);
    EXPECT_TRUE(becomes_apps(name));
    EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
  }

  // kill -9 works within 100 ms, and another guardd starts while the attack goes on. On a busy
  // machine both take longer: the time is that of the machine, not of the adversary's choice.
  void ends_and_starts_at_once() {
    const auto before = std::chrono::steady_clock::now();
    kill_it();
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
    start();
    EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
    others_are_served();
  }

  std::unique_ptr<FuseServer> server_;
  std::vector<pid_t> adversaries_;
  int others_ = 0;
};
GUARD_ON_EVERY_FS(Hang);

// A process that waits for a page of a file holds the page; a mapping of the same file waits for
// it, and holds the lock of the process's memory meanwhile.
TEST_P(Hang, AProcessThatLocksItsMemoryIsReportedWithWhatIsKnown) {
  without_tracer();
  guard_app("fix", "20ms");
  start();
  const auto file = server_->file();
  const auto made = tree_ / "open" / "made";
  server_->ignore(Request::kRead);
  as_adversary([&] {
    const int reader = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    const int direct = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    const auto* page =
        static_cast<const volatile char*>(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, reader, 0));
    std::thread([page] { (void)*page; }).detach();
    std::thread([direct] {
      ::usleep(300'000);
      (void)::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, direct, 0);
    }).detach();
    ::usleep(800'000);
    const int created = ::open(made.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ::close(created);
  });
  ASSERT_TRUE(eventually([&] { return fs::exists(made); }));
  others_are_served();
  EXPECT_TRUE(eventually([&] { return owner(made) == kApp; }));
  ASSERT_TRUE(eventually([&] { return !violations(made).empty(); }));
  const auto record = violations(made).front();
  EXPECT_EQ(record["pid"], adversaries_.front());
  EXPECT_EQ(record["uid"], kAdversary);
  EXPECT_FALSE(record.contains("cmdline")) << "it cannot be read";
  EXPECT_NE(record["reason"].get<std::string>().find("in time"), std::string::npos) << record;
  EXPECT_GE(server_->ignored(), 1U);
  ends_and_starts_at_once();
}

TEST_P(Hang, AnExecutableThatDoesNotAnswerDelaysOnlyItsOwnReport) {
  for (const bool traced : {true, false}) {
    serve(content_of("/bin/sh"));
    if (!traced) without_tracer();
    guard_app("fix", "20ms");
    start();
    const auto program = server_->file();
    const auto made = tree_ / "open" / (traced ? "traced" : "untraced");
    const auto script = "read go; : > " + made.string() + "; read end";
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    as_adversary([&] {
      (void)::dup2(ends[0], STDIN_FILENO);
      ::execl(program.c_str(), "sh", "-c", script.c_str(), nullptr);
      ::_exit(1);
    });
    ASSERT_TRUE(eventually([&] {
      return !content_of("/proc/" + std::to_string(adversaries_.back()) + "/cmdline").empty();
    }));
    std::this_thread::sleep_for(500ms);  // it waits for its input
    server_->ignore(Request::kAttributes);
    server_->ignore(Request::kLookup);
    ASSERT_EQ(::write(ends[1], "\n", 1), 1);
    ASSERT_TRUE(eventually([&] { return fs::exists(made); }));
    others_are_served();
    EXPECT_TRUE(eventually([&] { return owner(made) == kApp; }));
    EXPECT_GE(server_->ignored(), 1U);
    ends_and_starts_at_once();
    (void)stop();
    ::close(ends[0]);
    ::close(ends[1]);
  }
}

// The flags of openat2 lie in a page that leaves memory while the path is walked.
TEST_P(Hang, FlagsThatNeverComeHoldUpNoOtherOpen) {
  guard_app("deny", "20ms", "guard = [\"ownership\", \"content\"]");
  start();
  ASSERT_TRUE(eventually([&] { return helpers_ready() >= 3; }));
  const auto file = server_->file();
  const auto link = server_->link();
  as_adversary([&] {
    const int how_file = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    auto* how = static_cast<open_how*>(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, how_file, 0));
    // The kernel evicts no page that a processor has just read. Locking it ends that.
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<unsigned>(::sched_getcpu()), &here);
    (void)::sched_setaffinity(0, sizeof here, &here);
    if (how->flags != 0 || ::mlock(how, 4096) != 0 || ::munlock(how, 4096) != 0) ::_exit(1);
    (void)::syscall(SYS_openat2, AT_FDCWD, link.c_str(), how, sizeof *how);
  });
  ASSERT_TRUE(eventually([&] { return server_->ignored() > 0; }));
  for (int i = 0; i < 5; ++i) {
    const auto before = std::chrono::steady_clock::now();
    const Fd opened(::open((tree_ / "conf").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(opened) << errno;
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(::kill(daemon(), 0), 0);
  const auto before = std::chrono::steady_clock::now();
  kill_it();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
}

// The kernel opens a file for guardd to tell it of an open: on a file system that does not answer
// it would wait with guardd, and all other opens with both.
TEST_P(Hang, AnOpenThatIsNotAnsweredHoldsUpNoOtherOpen) {
  guard_app("deny", "20ms", "guard = [\"ownership\", \"content\"]");
  std::ofstream(root() / "policies" / "slow.toml")
      << "[[policy]]\nname = \"slow\"\npaths = [\"" << server_->file().parent_path().string()
      << "\"]\nowner = 4242\ngroup = 4242\naction = \"deny\"\nsettle = \"20ms\"\n";
  start();
  const auto file = server_->file();
  server_->ignore(Request::kOpen);
  as_adversary([&] { (void)::open(file.c_str(), O_RDONLY | O_CLOEXEC); });
  ASSERT_TRUE(eventually([&] { return server_->ignored() > 0; }));
  for (int i = 0; i < 5; ++i) {
    const auto before = std::chrono::steady_clock::now();
    const Fd opened(::open((tree_ / "conf").c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_FALSE(opened);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
  }
  const auto before = std::chrono::steady_clock::now();
  kill_it();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
}

// A tree whose own file system stops answering: it is named, and nothing else waits for it.
TEST_P(Hang, ATreeThatDoesNotRespondHoldsUpNoOther) {
  const auto cold = root().string() + ".fuse";
  std::ofstream(root() / "policies" / "cold.toml")
      << "[[policy]]\nname = \"cold\"\npaths = [\"" << cold
      << "\"]\nowner = 4242\ngroup = 4242\naction = \"fix\"\nsettle = \"50ms\"\n";
  guard_app("fix", "20ms");
  start();
  others_are_served();
  server_->ignore(Request::kAttributes);
  server_->ignore(Request::kLookup);
  server_->ignore(Request::kOpen);
  for (int i = 0; i < 3; ++i) {
    ::kill(daemon(), SIGHUP);
    EXPECT_TRUE(eventually([&] { return of_type("reload").size() > static_cast<std::size_t>(i); }));
    others_are_served();
  }
  ends_and_starts_at_once();
  EXPECT_TRUE(eventually([&] {
    const auto all = of_type("health");
    return std::any_of(all.begin(), all.end(), [&](const Json& each) {
      return each.value("health_reason", "").find(cold) != std::string::npos;
    });
  }));
  EXPECT_EQ(stop(), 0);
}

}  // namespace
}  // namespace guard::test
