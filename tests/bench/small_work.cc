#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "tests/bench/measurements.h"
#include "tests/bench/watchers.h"

namespace guard::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// The shortest of a few short runs: other work on the machine can only make a run longer.
constexpr int kRepeats = 12;
constexpr int kOperations = 500;

void open_and_close(const char* path, int flags) {
  const int fd = ::open(path, flags | O_CLOEXEC, 0644);
  if (fd < 0) give_up(path);
  ::close(fd);
}

struct Work {
  const char* what;
  double in_tree;        // the goals, as a ratio to no watcher
  double in_tree_fails;  // beyond this, it is certainly not noise
  void (*once)();        // in the current directory
};

// No measurable cost: nothing watches these inodes.
constexpr double kOutside = 1.0;
constexpr double kOutsideNoise = 0.04;
constexpr double kOutsideFails = 1.15;

constexpr std::array<Work, 4> kWorks{{
    {"open to read, close", 1.15, 1.30, [] { open_and_close("there", O_RDONLY); }},
    {"open to write, close", 0, 0, [] { open_and_close("there", O_WRONLY); }},
    {"create, close, unlink", 1.5, 1.75,
     [] {
       open_and_close("new", O_WRONLY | O_CREAT | O_EXCL);
       if (::unlink("new") != 0) give_up("unlink");
     }},
    {"rename there and back", 0, 0,
     [] {
       if (::rename("there", "moved") != 0 || ::rename("moved", "there") != 0) give_up("rename");
     }},
}};

double seconds_each(const fs::path& directory, const Work& work) {
  return as_app([&] {
    const On one(0);  // a virtual machine can have one that is slower than another for a while
    if (::chdir(directory.c_str()) != 0) give_up(directory);
    open_and_close("there", O_WRONLY | O_CREAT);
    double best = 1e9;
    for (int i = 0; i < kRepeats; ++i) {
      best = std::min(best, seconds_of([&] {
                        for (int each = 0; each < kOperations; ++each) work.once();
                      }));
      pause(2ms);  // the watcher reads its events
    }
    return best / kOperations;
  });
}

enum Watcher : std::size_t { kNothing, kGuardd, kScript, kWatchers };

// By work and place; one result for each round.
struct Figures {
  std::array<std::vector<double>, kWatchers> seconds;

  // Each round separately, so that a delay of both cancels.
  double ratio_of(Watcher watcher) const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < seconds[watcher].size(); ++i)
      ratios.push_back(seconds[watcher][i] / seconds[kNothing][i]);
    return ratios.empty() ? 0 : median(ratios);
  }
};

}  // namespace

void measure_small_work(const FileSystem& system, const Size& size, Table& table) {
  const auto tree = system.directory_of_app("tree");
  const auto outside = system.directory_of_app("outside");
  std::map<std::pair<std::size_t, bool>, Figures> all;
  for (unsigned round = 0; round < size.rounds; ++round) {
    for (const auto watcher : {kNothing, kGuardd, kScript}) {
      std::optional<Guardd> guardd;
      std::optional<Script> script;
      if (watcher == kGuardd) guardd.emplace(std::vector{tree}, 50ms);
      if (watcher == kScript && !Script::is_installed()) continue;
      if (watcher == kScript) script.emplace(tree);
      pause(200ms);  // what a start leads to is over
      for (std::size_t i = 0; i < kWorks.size(); ++i) {
        for (const bool in_tree : {false, true}) {
          all[{i, in_tree}].seconds[watcher].push_back(
              seconds_each(in_tree ? tree : outside, kWorks[i]));
        }
      }
    }
  }
  for (const bool in_tree : {false, true}) {
    for (std::size_t i = 0; i < kWorks.size(); ++i) {
      const auto& figures = all[{i, in_tree}];
      const auto& work = kWorks[i];
      const double guardd = figures.ratio_of(kGuardd);
      const double script = figures.ratio_of(kScript);
      Row row{std::string(in_tree ? "own tree: " : "outside: ") + work.what, system.type(),
              time(median(figures.seconds[kNothing])), ratio(guardd),
              script > 0 ? ratio(script) : "-"};
      const Target target =
          in_tree ? Target{work.in_tree, work.in_tree_fails} : Target{kOutside, kOutsideFails};
      if (target.wanted == 0) {
        table.add(row);
        continue;
      }
      row.target = ratio(target.wanted);
      table.add(row, in_tree ? guardd : std::max(kOutside, guardd - kOutsideNoise), target);
    }
  }
}

}  // namespace guard::bench
