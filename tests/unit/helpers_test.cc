// Helper processes that do not do what they should: guardd gives them up, and asks another.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guardd/helpers/pool.h"
#include "guardd/helpers/record.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// Behaves as the test says, in a process of its own.
using Behaviour = std::function<void(int socket)>;

Result<HelperProcess> start(const Behaviour& behaviour) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return Error("no sockets");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    behaviour(ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  return HelperProcess(Fd(ends[0]), pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
}

void say(int socket, const HelperRecord& record) {
  if (!send_record(socket, record, Patience::kForever)) ::_exit(1);
}

HelperRecord hear(int socket) {
  auto record = receive_record(socket, Patience::kForever);
  if (!record) ::_exit(0);
  return **record;
}

void be_ready(int socket) {
  say(socket, {kReadyNumber, 0, true, ""});
}

void echo(int socket) {
  be_ready(socket);
  for (;;) say(socket, hear(socket));
}

void be_silent(int socket) {
  be_ready(socket);
  for (;;) (void)hear(socket);
}

class Helpers : public testing::Test {
 protected:
  // The helpers behave in turn as these do, and then as the last of them.
  void use(std::vector<Behaviour> behaviours, HelperPool::Size size = {1, 2}) {
    pool_ = std::make_unique<HelperPool>(
        [this, behaviours = std::move(behaviours)] {
          const auto which = std::min<std::size_t>(started_++, behaviours.size() - 1);
          return start(behaviours[which]);
        },
        size);
  }

  void ask(const std::string& contents, std::uint64_t by = 0, std::chrono::milliseconds limit = 5s,
           std::size_t parts = 1) {
    ++asked_;
    pool_->ask({7, contents, by, limit, parts}, [this](const Result<HelperRecord>& part) {
      answers_.push_back(part ? part->contents : "error: " + part.error().text());
      if (!part || part->is_last) ++ended_;
    });
  }

  // Turns as the daemon's loop does, until the condition is true.
  void turn_until(const std::function<bool()>& is_true, std::chrono::milliseconds most = 20s) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (!is_true()) {
      const auto now = std::chrono::steady_clock::now();
      ASSERT_LT(now, end);
      const auto next = std::min(pool_->next().value_or(end), end);
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::max(next - now, 0ns));
      pollfd polled{pool_->fd(), POLLIN, 0};
      (void)::poll(&polled, 1, static_cast<int>(wait.count()));
      pool_->work(std::chrono::steady_clock::now());
    }
  }
  void turn_until_answered() {
    turn_until([this] { return ended_ == asked_; });
  }
  bool is_error(std::size_t which, const std::string& text) const {
    return answers_.at(which).starts_with("error: ") &&
           answers_[which].find(text) != std::string::npos;
  }

  std::unique_ptr<HelperPool> pool_;
  std::vector<std::string> answers_;
  std::size_t started_ = 0;
  std::size_t asked_ = 0;
  std::size_t ended_ = 0;
};

TEST_F(Helpers, OneAnswersManyQuestions) {
  use({echo}, {1, 1});
  for (int i = 0; i < 100; ++i) ask(std::to_string(i));
  turn_until_answered();
  EXPECT_EQ(answers_.front(), "0");
  EXPECT_EQ(answers_.back(), "99");
  EXPECT_EQ(pool_->counters().broken + pool_->counters().late, 0U);
}

TEST_F(Helpers, ALongAnswerHasParts) {
  use({[](int socket) {
    be_ready(socket);
    const auto question = hear(socket);
    for (int i = 0; i < 3; ++i)
      say(socket, {question.number, question.kind, i == 2, std::to_string(i)});
    (void)hear(socket);
  }});
  ask("list", 0, 5s, 3);
  turn_until_answered();
  EXPECT_THAT(answers_, ElementsAre("0", "1", "2"));
}

TEST_F(Helpers, MorePartsThanWereAskedForAreRejected) {
  use({[](int socket) {
    be_ready(socket);
    const auto question = hear(socket);
    for (;;) say(socket, {question.number, question.kind, false, "more"});
  }});
  ask("list", 0, 5s, 3);
  turn_until_answered();
  ASSERT_EQ(answers_.size(), 3U);
  EXPECT_TRUE(is_error(2, "what was not asked")) << answers_[2];
  EXPECT_EQ(pool_->counters().broken, 1U);
}

TEST_F(Helpers, ASlowHelperIsReplacedAndTheNextQuestionAnswered) {
  use({be_silent, echo});
  ask("lost", 0, 50ms);
  turn_until_answered();
  EXPECT_TRUE(is_error(0, "in time")) << answers_[0];
  ask("answered");
  turn_until_answered();
  EXPECT_EQ(answers_[1], "answered");
  EXPECT_EQ(pool_->counters().late, 1U);
  turn_until([this] { return pool_->ending() == 0; });
}

TEST_F(Helpers, EachThatHangsIsReplaced) {
  use({be_silent}, {1, 1});
  while (pool_->counters().late <= HelperPool::kMostHung) {
    ask("lost", 0, 20ms);
    turn_until_answered();
    EXPECT_TRUE(is_error(answers_.size() - 1, "in time")) << answers_.back();
  }
  turn_until([this] { return pool_->ending() == 0; });
}

TEST_F(Helpers, ADeadHelperIsReplaced) {
  use({[](int socket) {
         be_ready(socket);
         (void)hear(socket);
       },
       echo});
  ask("lost");
  turn_until_answered();
  EXPECT_TRUE(is_error(0, "has ended")) << answers_[0];
  ask("answered");
  turn_until_answered();
  EXPECT_EQ(answers_[1], "answered");
}

TEST_F(Helpers, OneThatNeverGetsReadyIsNotStartedAgainAtOnce) {
  use({[](int /*socket*/) {}, echo});
  const auto before = std::chrono::steady_clock::now();
  ask("answered", 0, 5ms);
  turn_until_answered();
  EXPECT_EQ(answers_[0], "answered") << "the first start takes as long as it takes";
  EXPECT_GE(std::chrono::steady_clock::now() - before, HelperPool::kRestart - 100ms);
  EXPECT_EQ(started_, 2U);
}

TEST_F(Helpers, LiesAreNoAnswers) {
  const std::vector<HelperRecord> lies{
      {99, 7, true, "another question"},
      {1, 8, true, "another kind"},
      {kReadyNumber, 0, true, ""},
      {kReadyNumber, 7, true, "no number"},
  };
  for (const auto& lie : lies) {
    started_ = asked_ = ended_ = 0;
    answers_.clear();
    use({[lie](int socket) {
           be_ready(socket);
           (void)hear(socket);
           say(socket, lie);
           (void)hear(socket);
         },
         echo});
    ask("a question");
    turn_until_answered();
    EXPECT_TRUE(is_error(0, "what was not asked")) << answers_[0] << " to " << lie.contents;
    EXPECT_EQ(pool_->counters().broken, 1U);
    ask("answered");
    turn_until_answered();
    EXPECT_EQ(answers_[1], "answered");
  }
}

TEST_F(Helpers, NothingIsTakenFromOneThatWasNotAsked) {
  use({[](int socket) {
    be_ready(socket);
    say(socket, {1, 7, true, "unasked"});
    (void)hear(socket);
  }});
  pool_->start();
  turn_until([this] { return pool_->counters().broken == 1; });
  EXPECT_TRUE(answers_.empty());
}

TEST_F(Helpers, WhatIsNoRecordIsRejected) {
  use({[](int socket) {
    be_ready(socket);
    (void)hear(socket);
    (void)::send(socket, "short", 5, MSG_NOSIGNAL);
    ::pause();
  }});
  ask("a question");
  turn_until_answered();
  EXPECT_TRUE(is_error(0, "not a record")) << answers_[0];
}

TEST_F(Helpers, AFloodDoesNotHoldUpTheLoop) {
  use({[](int socket) {
    be_ready(socket);
    const auto question = hear(socket);
    for (;;) say(socket, {question.number, question.kind, false, std::string(60'000, 'x')});
  }});
  ask("a question", 0, 5s, 1U << 20U);
  turn_until([this] { return answers_.size() > 10; });
  const auto before = answers_.size();
  pool_->work(std::chrono::steady_clock::now());
  EXPECT_LT(answers_.size() - before, 2000U);
}

TEST_F(Helpers, AUserWhoDelaysAnswersKeepsOneHelperBusy) {
  const auto by_contents = [](int socket) {
    be_ready(socket);
    for (;;) {
      const auto question = hear(socket);
      if (question.contents != "delayed") say(socket, question);
    }
  };
  use({by_contents}, {2, 2});
  for (int i = 0; i < 10; ++i) ask("delayed", 1000, 2s);
  ask("of another", 1001);
  turn_until([this] { return ended_ == 1; });
  EXPECT_THAT(answers_, ElementsAre("of another"));
  EXPECT_LE(pool_->counters().late, 1U);
}

TEST_F(Helpers, ItsEndIsTheEndOfItsHelpers) {
  use({echo}, {2, 2});
  ask("x");
  turn_until_answered();
  const auto pids = pool_->pids();
  pool_.reset();
  for (const auto pid : pids) {
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED), 0);
    // By the signal, or first by the end of its socket.
    EXPECT_TRUE(ended.si_code == CLD_KILLED || ended.si_code == CLD_EXITED) << ended.si_code;
  }
}

TEST(HelperRecords, AreReadAsTheyWereWritten) {
  ContentsWriter out;
  out.number(std::uint64_t{42});
  out.text("a text");
  out.optional_text(std::nullopt);
  out.optional_number(std::optional<std::int32_t>(-1));
  const auto contents = out.take();
  ContentsReader in(contents);
  EXPECT_EQ(in.number<std::uint64_t>(), 42U);
  EXPECT_EQ(in.text(6), "a text");
  EXPECT_EQ(in.optional_text(6), std::nullopt);
  EXPECT_EQ(in.optional_number<std::int32_t>(), -1);
  EXPECT_TRUE(in.is_whole());
  for (std::size_t size = 0; size < contents.size(); ++size) {
    ContentsReader part(std::string_view(contents).substr(0, size));
    (void)part.number<std::uint64_t>();
    (void)part.text(6);
    (void)part.optional_text(6);
    (void)part.optional_number<std::int32_t>();
    EXPECT_FALSE(part.is_whole()) << size;
  }
}

TEST(HelperRecords, TextsAreBounded) {
  ContentsWriter out;
  out.text("longer");
  const auto contents = out.take();
  ContentsReader in(contents);
  EXPECT_EQ(in.text(5), "");
  EXPECT_FALSE(in.is_valid());
}

}  // namespace
}  // namespace guard
