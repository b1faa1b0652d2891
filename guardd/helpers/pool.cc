#include "guardd/helpers/pool.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <utility>

namespace guard {
namespace {

// Records in one turn: a helper that floods guardd must not hold up the loop.
constexpr int kMostRounds = 64;

const Error& late() {
  static const Error error("no helper process answered in time");
  return error;
}

}  // namespace

HelperPool::HelperPool(Start start, Size size)
    : start_(std::move(start)), size_(size), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

HelperPool::~HelperPool() {
  for (auto& each : helpers_) each.process.kill();
}

void HelperPool::ask(HelperQuestion question, HelperReply reply) {
  const auto now = std::chrono::steady_clock::now();
  ++counters_.questions;
  if (waiting_.size() >= kMostQuestions) {
    ++counters_.rejected;
    return reply(Error("too many questions wait for helper processes"));
  }
  if (helpers_.empty() && ending_.size() >= kMostHung) {
    ++counters_.rejected;
    return reply(Error(std::to_string(kMostHung) + " helper processes hang"));
  }
  const auto until = now + (has_been_ready_ ? question.limit : kLongestStart);
  waiting_.push_back({++last_number_, std::move(question), std::move(reply), now, until});
  assign(now);
  start_missing(now);
}

void HelperPool::work(SteadyTime now) {
  for (int round = 0; round < kMostRounds; ++round) {
    std::array<epoll_event, 16> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
    for (int i = 0; i < count; ++i)
      read(static_cast<pid_t>(events.at(static_cast<std::size_t>(i)).data.u64), now);
    if (count <= 0) break;
  }
  std::erase_if(ending_, [](EndingHelper& each) { return each.process.reap(); });
  fail_late(now);
  give_up_late(now);
  end_idle(now);
  assign(now);
  start_missing(now);
  worked_ = now;
}

std::optional<SteadyTime> HelperPool::next() const {
  std::optional<SteadyTime> first;
  const auto add = [&](SteadyTime time) {
    if (!first || time < *first) first = time;
  };
  for (const auto& each : waiting_) add(each.until);
  if (!waiting_.empty() && helpers_.size() < size_.most && ending_.size() < kMostHung)
    add(std::max(waiting_.front().asked + (helpers_.empty() ? SteadyTime::duration() : kQueued),
                 start_again_));
  for (const auto& each : helpers_) {
    if (each.question && each.question->reply) add(each.question->until);
    if (each.question || !each.is_ready) add(each.until);
    if (!each.question && helpers_.size() > size_.usual) add(each.idle_since + kIdle);
  }
  for (const auto& each : ending_)
    if (each.killed + kHung > worked_) add(each.killed + kHung);
  return first;
}

std::size_t HelperPool::hung() const {
  return static_cast<std::size_t>(
      std::count_if(ending_.begin(), ending_.end(),
                    [this](const auto& each) { return each.killed + kHung <= worked_; }));
}

std::vector<pid_t> HelperPool::pids() const {
  std::vector<pid_t> pids;
  for (const auto& each : helpers_) pids.push_back(each.process.pid());
  return pids;
}

// ---- helpers

void HelperPool::start_missing(SteadyTime now) {
  while (is_one_missing(now) && start_one(now)) {
  }
}

bool HelperPool::is_one_missing(SteadyTime now) const {
  if (helpers_.size() >= size_.most || ending_.size() >= kMostHung || now < start_again_)
    return false;
  if (helpers_.size() < size_.usual) return true;
  const bool is_one_coming = std::any_of(helpers_.begin(), helpers_.end(),
                                         [](const Helper& each) { return !each.is_ready; });
  return !is_one_coming && std::any_of(waiting_.begin(), waiting_.end(), [&](const auto& each) {
    return now - each.asked >= kQueued && !is_delayed(each);
  });
}

bool HelperPool::start_one(SteadyTime now) {
  auto process = start_();
  if (!process) {
    start_again_ = now + kRestart;
    return false;
  }
  ++counters_.started;
  watch(process->socket(), process->pid());
  helpers_.push_back({*std::move(process), false, std::nullopt, 0, now + kLongestStart, now});
  return true;
}

void HelperPool::end(Helpers::iterator at) {
  const auto delayed_by = at->question ? at->question->question.delayed_by : 0;
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, at->process.socket(), nullptr);
  at->process.kill();
  watch(at->process.pidfd(), at->process.pid());
  ending_.push_back({std::move(at->process), delayed_by, std::chrono::steady_clock::now()});
  helpers_.erase(at);
}

void HelperPool::give_up(Helpers::iterator at, const Error& why) {
  if (!at->is_ready) start_again_ = std::chrono::steady_clock::now() + kRestart;
  const auto question = std::move(at->question);
  if (question) {
    OpenQuestion given_up;
    given_up.question.delayed_by = question->question.delayed_by;
    at->question = std::move(given_up);
  }
  end(at);
  if (question && question->reply) question->reply(why);
}

void HelperPool::end_idle(SteadyTime now) {
  for (auto at = helpers_.begin(); at != helpers_.end() && helpers_.size() > size_.usual;) {
    const auto each = at++;
    if (!each->question && each->is_ready && each->idle_since + kIdle <= now) end(each);
  }
}

void HelperPool::watch(int fd, pid_t helper) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(helper);
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

// ---- answers

// Only one record: the reply can change everything here. If there are more, work() comes again.
void HelperPool::read(pid_t helper, SteadyTime now) {
  const auto at = std::find_if(helpers_.begin(), helpers_.end(),
                               [&](const Helper& each) { return each.process.pid() == helper; });
  if (at == helpers_.end()) {  // one that was given up has ended
    std::erase_if(ending_, [](EndingHelper& each) { return each.process.reap(); });
    return;
  }
  auto record = receive_record(at->process.socket(), Patience::kNone);
  if (record && *record) return take(at, **std::move(record), now);
  if (record) return;
  ++counters_.broken;
  give_up(at, std::move(record).error().context("a helper process has ended"));
}

void HelperPool::take(Helpers::iterator at, HelperRecord record, SteadyTime now) {
  if (!at->is_ready && record.number == kReadyNumber && record.contents.empty()) {
    at->is_ready = true;
    at->idle_since = now;
    if (!std::exchange(has_been_ready_, true))
      for (auto& each : waiting_) each.until = now + each.question.limit;
    return assign(now);
  }
  if (!is_answer(*at, record)) {
    ++counters_.broken;
    return give_up(at, Error("a helper process answered what was not asked"));
  }
  ++at->parts;
  auto& question = *at->question;
  if (!record.is_last) {
    at->until = question.until = now + question.question.limit;
    const auto reply = question.reply;
    if (reply) reply(std::move(record));
    return;
  }
  const auto reply = std::move(question.reply);
  at->question.reset();
  at->idle_since = now;
  assign(now);
  if (reply) reply(std::move(record));
}

bool HelperPool::is_answer(const Helper& helper, const HelperRecord& record) {
  const auto& open = helper.question;
  if (!helper.is_ready || !open) return false;
  return record.number == open->number && record.kind == open->question.kind &&
         helper.parts + (record.is_last ? 0 : 1) < open->question.most_parts;
}

// ---- questions

bool HelperPool::is_delayed(const OpenQuestion& question) const {
  const auto by = question.question.delayed_by;
  if (by == 0) return false;
  return std::any_of(helpers_.begin(), helpers_.end(),
                     [by](const Helper& each) {
                       return each.question && each.question->question.delayed_by == by;
                     }) ||
         std::any_of(ending_.begin(), ending_.end(),
                     [by](const EndingHelper& each) { return each.delayed_by == by; });
}

void HelperPool::assign(SteadyTime now) {
  auto question = waiting_.begin();
  while (question != waiting_.end()) {
    const auto helper = std::find_if(helpers_.begin(), helpers_.end(), [](const Helper& each) {
      return each.is_ready && !each.question;
    });
    if (helper == helpers_.end()) return;
    if (is_delayed(*question)) {
      ++question;
      continue;
    }
    const HelperRecord record{question->number, question->question.kind, true,
                              question->question.contents};
    if (!send_record(helper->process.socket(), record, Patience::kNone,
                     question->question.descriptor)) {
      ++counters_.broken;
      end(helper);
      continue;
    }
    helper->until = now + question->question.limit;
    helper->parts = 0;
    helper->question = std::move(*question);
    question = waiting_.erase(question);
  }
}

// A helper has longer than its question, which may have waited for it.
void HelperPool::fail_late(SteadyTime now) {
  std::vector<HelperReply> replies;
  std::erase_if(waiting_, [&](OpenQuestion& each) {
    if (each.until > now) return false;
    replies.push_back(std::move(each.reply));
    return true;
  });
  for (auto& each : helpers_)
    if (each.question && each.question->reply && each.question->until <= now)
      replies.push_back(std::exchange(each.question->reply, nullptr));
  for (const auto& reply : replies) reply(late());
}

void HelperPool::give_up_late(SteadyTime now) {
  for (;;) {
    const auto at = std::find_if(helpers_.begin(), helpers_.end(), [&](const Helper& each) {
      return (each.question || !each.is_ready) && each.until <= now;
    });
    if (at == helpers_.end()) return;
    ++counters_.late;
    give_up(at, late());
  }
}

}  // namespace guard
