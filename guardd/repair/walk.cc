#include "guardd/repair/walk.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "guardd/repair/walker.h"

namespace guard {
namespace {

constexpr unsigned kMostThreads = 4;
constexpr std::size_t kMostOpenLevels = 8;
constexpr std::size_t kMostQueued = 16;

// A walk uses a quarter of the process's descriptors: half for the queue, half for the threads.
struct Limits {
  std::size_t open_levels = 3;
  std::size_t queued = 1;
};
Limits limits_for(unsigned threads) {
  struct rlimit limit {};
  std::size_t may_have = 1024;
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    may_have = static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, may_have));
  Limits limits;
  limits.open_levels = std::clamp<std::size_t>(may_have / 8 / threads, 3, kMostOpenLevels);
  limits.queued = std::clamp<std::size_t>(may_have / 8, 1, kMostQueued);
  return limits;
}

void run(Walker& walker, bool polite) noexcept {
  // The daemon's main thread handles signals.
  sigset_t all;
  (void)::sigfillset(&all);
  (void)::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  if (polite) lower_priority();
  walker.run();
}

}  // namespace

unsigned usual_threads() {
  return std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
}

Status walk(const Object& root, std::shared_ptr<Directory> start, bool closed,
            const WalkOptions& options, Visitor& visitor, Pace& pace, std::stop_token stop) {
  const auto threads = std::max(options.threads, 1U);
  const auto limits = limits_for(threads);
  WalkQueue queue(limits.queued, threads);
  WalkShared shared{root, visitor, pace, queue, std::move(stop), options.below, limits.open_levels};

  WalkItem first{std::move(start), closed, nullptr, 0};
  (void)queue.offer(first);
  std::vector<Walker> walkers;
  walkers.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) walkers.emplace_back(shared, i);

  std::vector<std::jthread> running;  // destroyed first: the threads use the rest
  running.reserve(threads);
  for (auto& walker : walkers) {
    try {
      running.emplace_back(run, std::ref(walker), options.polite);
    } catch (const std::system_error& denied) {
      // Fewer threads do the same walk more slowly. Without any it is an error.
      queue.remove_thread();
      if (running.empty() && &walker == &walkers.back())
        return Error::from_errno(denied.code().value(), "start a thread");
    }
  }
  return {};
}

}  // namespace guard
