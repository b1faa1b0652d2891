// Questions to helper processes of one role. Each question is answered once: with what a helper
// says, or with an error when its time is over. A helper that does not answer in time is given up:
// it is killed, and another takes its place. It counts as hung until the kernel lets it go, and
// only so many may hang. A helper that dies, or answers what was not asked, is given up, too. Never
// waits. One thread, which must not end before this.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "guardd/helpers/process.h"
#include "guardd/helpers/record.h"
#include "guardd/host/clock.h"

namespace guard {

struct HelperQuestion {
  std::uint32_t kind = 0;
  std::string contents;
  // Who can delay the answer, such as a user; 0: none who would. Only one question of each is with
  // a helper, so that no user can keep all helpers busy.
  std::uint64_t delayed_by = 0;
  // Of the answer, or of each of its parts; from the time on when the first helper was ready.
  std::chrono::milliseconds limit{100};
  std::size_t most_parts = 1;
  int descriptor = -1;  // goes along; stays open until the reply
};

// Gets each part of an answer. An error is the last.
using HelperReply = std::function<void(const Result<HelperRecord>& part)>;

// Where questions go.
class HelperPort {
 public:
  HelperPort() = default;
  virtual ~HelperPort() = default;
  HelperPort(const HelperPort&) = delete;
  HelperPort& operator=(const HelperPort&) = delete;
  // The reply can come at once.
  virtual void ask(HelperQuestion question, HelperReply reply) = 0;
};

struct HelperCounters {
  std::uint64_t questions = 0;
  std::uint64_t started = 0;   // helpers
  std::uint64_t late = 0;      // helpers that did not answer in time
  std::uint64_t broken = 0;    // helpers that died or answered what was not asked
  std::uint64_t rejected = 0;  // questions: too many waited
};

// Helpers that were given up.
struct HelperLosses {
  std::uint64_t late = 0;
  std::uint64_t broken = 0;
  std::size_t hung = 0;  // of them: those that still hang

  friend HelperLosses operator+(const HelperLosses& one, const HelperLosses& other) {
    return {one.late + other.late, one.broken + other.broken, one.hung + other.hung};
  }
};

class HelperPool final : public HelperPort {
 public:
  static constexpr std::size_t kMostQuestions = 4096;
  static constexpr std::size_t kMostHung = 8;
  static constexpr auto kLongestStart = std::chrono::seconds(10);
  // After a helper that could not be started, or died before it was ready.
  static constexpr auto kRestart = std::chrono::seconds(1);
  // A question that waits this long for a helper is a reason to start another.
  static constexpr auto kQueued = std::chrono::milliseconds(5);
  static constexpr auto kHung = std::chrono::seconds(1);
  // More helpers than usual end after this long without a question.
  static constexpr auto kIdle = std::chrono::seconds(30);

  using Start = std::function<Result<HelperProcess>()>;
  struct Size {
    std::size_t usual = 1;  // from start() or the first question on
    std::size_t most = 2;   // that have not been given up
  };
  HelperPool(Start start, Size size);
  ~HelperPool() override;

  void start() { start_missing(std::chrono::steady_clock::now()); }
  void ask(HelperQuestion question, HelperReply reply) override;

  int fd() const { return epoll_.get(); }  // readable when work() has something to do
  void work(SteadyTime now);
  std::optional<SteadyTime> next() const;

  bool has_been_ready() const { return has_been_ready_; }  // one of the helpers
  // Killed more than kHung ago, and still there at the last work().
  std::size_t hung() const;
  std::size_t ending() const { return ending_.size(); }  // killed, and still there
  const HelperCounters& counters() const { return counters_; }
  HelperLosses losses() const {
    return {.late = counters_.late, .broken = counters_.broken, .hung = hung()};
  }
  std::vector<pid_t> pids() const;  // of the helpers that have not been given up

 private:
  struct OpenQuestion {
    std::uint64_t number = 0;
    HelperQuestion question;
    HelperReply reply;  // empty: its time was over
    SteadyTime asked;
    SteadyTime until;
  };
  struct Helper {
    HelperProcess process;
    bool is_ready = false;
    std::optional<OpenQuestion> question;
    std::size_t parts = 0;  // of the answer
    SteadyTime until;       // while it starts or is busy
    SteadyTime idle_since;
  };
  struct EndingHelper {
    HelperProcess process;
    std::uint64_t delayed_by = 0;
    SteadyTime killed;
  };
  using Helpers = std::list<Helper>;

  void start_missing(SteadyTime now);
  bool is_one_missing(SteadyTime now) const;
  bool start_one(SteadyTime now);
  void end(Helpers::iterator at);
  void give_up(Helpers::iterator at, const Error& why);
  void read(pid_t helper, SteadyTime now);
  void take(Helpers::iterator at, HelperRecord record, SteadyTime now);
  static bool is_answer(const Helper& helper, const HelperRecord& record);
  void assign(SteadyTime now);
  bool is_delayed(const OpenQuestion& question) const;
  void fail_late(SteadyTime now);
  void give_up_late(SteadyTime now);
  void end_idle(SteadyTime now);
  void watch(int fd, pid_t helper) const;

  Start start_;
  Size size_;
  Fd epoll_;
  Helpers helpers_;
  std::list<EndingHelper> ending_;  // killed, and not collected yet
  std::deque<OpenQuestion> waiting_;
  std::uint64_t last_number_ = kReadyNumber;
  bool has_been_ready_ = false;
  SteadyTime start_again_;
  SteadyTime worked_;
  HelperCounters counters_;
};

}  // namespace guard
