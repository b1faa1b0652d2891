#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "policy/base/handle.h"
#include "tests/bench/measurements.h"
#include "tests/bench/watchers.h"

namespace guard::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kSettle = 20ms;
constexpr double kPromise = 0.005;
constexpr double kPatience = 60;
constexpr unsigned kDirectories = 20;
constexpr unsigned kOfScript = 2000;  // it takes a millisecond for each file

// The time from close to the correct owner, in seconds.
double until_right(const fs::path& path) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  const Fd held(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd || !held || ::write(fd.get(), "x", 1) != 1) give_up(path);
  fd.reset();
  const auto closed = Clock::now();
  for (struct stat facts{}; facts.st_uid != kApp; pause(50us)) {
    if (::fstat(held.get(), &facts) != 0 || seconds_since(closed) > kPatience)
      give_up("wait for the owner");
  }
  return seconds_since(closed);
}

template <typename OneWait>
double slow_one(unsigned samples, OneWait&& wait) {
  std::vector<double> seconds;
  for (unsigned i = 0; i < samples; ++i) seconds.push_back(wait(i));
  return percentile(std::move(seconds), 0.99);
}

unsigned wrong_in(const fs::path& tree) {
  unsigned wrong = 0;
  for (const auto& each : fs::recursive_directory_iterator(tree)) {
    struct stat facts {};
    if (::lstat(each.path().c_str(), &facts) == 0 && facts.st_uid != kApp) ++wrong;
  }
  return wrong;
}

// Root creates the files, in each directory in turn. Returns the time until all are correct.
double burst(const fs::path& tree, unsigned files) {
  for (unsigned i = 0; i < files; ++i) {
    const auto path = tree / fmt::format("{}/{}", i % kDirectories, i);
    const Fd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!made) give_up(path);
  }
  const auto closed = Clock::now();
  while (wrong_in(tree) != 0) {
    if (seconds_since(closed) > kPatience) give_up("wait for the owners");
    pause(20ms);
  }
  return seconds_since(closed);
}

fs::path tree_for_burst(const FileSystem& system, const std::string& name) {
  auto tree = system.directory_of_app(name);
  for (unsigned i = 0; i < kDirectories; ++i)
    (void)system.directory_of_app(fmt::format("{}/{}", name, i));
  return tree;
}

}  // namespace

void measure_settling(const FileSystem& system, const Size& size, Table& table) {
  const auto tree = system.directory_of_app("settling");
  const double settle = std::chrono::duration<double>(kSettle).count();
  // The delays of the machine itself do not count.
  const double late = slow_one(
      size.samples, [&](unsigned) { return seconds_of([&] { pause(kSettle); }) - settle; });
  double script = 0;
  if (Script::is_installed()) {
    const Script running(tree);
    script = slow_one(size.samples,
                      [&](unsigned i) { return until_right(tree / fmt::format("s{}", i)); });
  }
  double guardd = 0;
  {
    const Guardd running({tree}, kSettle);
    guardd = slow_one(size.samples, [&](unsigned i) {
      return until_right(tree / fmt::format("g{}", i)) - settle;
    });
  }
  table.add({"close to right owner beyond settle, 99 of 100", system.type(), time(late),
             time(guardd), script > 0 ? time(script) : "-", time(kPromise)},
            guardd, {kPromise, 2 * kPromise + 2 * late});
}

void measure_burst(const FileSystem& system, const Size& size, Table& table) {
  constexpr auto kUsualSettle = 250ms;
  const double settle = std::chrono::duration<double>(kUsualSettle).count();
  double script = 0;
  if (Script::is_installed()) {
    const auto tree = tree_for_burst(system, "script");
    const Script running(tree);
    script = burst(tree, kOfScript) * size.burst / kOfScript;
  }
  const auto tree = tree_for_burst(system, "burst");
  const Guardd running({tree}, kUsualSettle);
  const double guardd = burst(tree, size.burst) - settle;
  pause(2500ms);  // the incident closes, and everything is published
  const auto told = running.said("\"type\":\"violation\"");
  const auto losses = running.said("were lost") + running.said("lost_records");
  const auto megabytes = static_cast<double>(running.process().status("VmHWM")) / 1024;

  table.add(
      {fmt::format("{} files at once, all right beyond settle", size.burst), system.type(), "-",
       time(std::max(guardd, 0.0)), script > 0 ? "~" + time(script) : "-", time(size.burst_within)},
      guardd, {size.burst_within, 1.5 * size.burst_within});
  const double unsaid =
      losses > 0 || told >= size.burst ? 0 : size.burst - static_cast<double>(told);
  table.add({"  of them neither told nor said to be lost", system.type(), "-",
             fmt::format("{:.0f}", unsaid), "all", "0"},
            unsaid, {0, 0});
  table.add(
      {"  resident at most", system.type(), "-", fmt::format("{:.1f} MB", megabytes), "-", "40 MB"},
      megabytes, {40, 46});
}

}  // namespace guard::bench
