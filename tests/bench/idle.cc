#include <fmt/format.h>

#include <fstream>

#include "tests/bench/measurements.h"
#include "tests/bench/watchers.h"

namespace guard::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kPolicies = 10;
// By then, the incidents of the start are closed, and guardd has given back what only it needed.
constexpr auto kStart = 12s;

// Kernel memory that cannot be reclaimed: it contains the marks.
double kernel_kilobytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;) {
    double value = 0;
    if (word == "SUnreclaim:" && file >> value) return value;
  }
  return 0;
}

}  // namespace

void measure_idle(const FileSystem& system, const Size& size, Table& table) {
  std::vector<fs::path> trees;
  for (int i = 0; i < kPolicies; ++i)
    trees.push_back(system.directory_of_app(fmt::format("idle{}", i)));
  const Guardd guardd(trees, 250ms);
  pause(kStart);
  const auto before = guardd.process().switches();
  pause(std::chrono::seconds(size.idle_seconds));
  const auto wakeups = static_cast<double>(guardd.process().switches() - before);
  const auto megabytes = static_cast<double>(guardd.process().status("VmRSS")) / 1024;
  const auto own = static_cast<double>(guardd.process().status("RssAnon")) / 1024;
  table.add({fmt::format("idle: wake-ups in {} s, {} policies", size.idle_seconds, kPolicies),
             system.type(), "-", fmt::format("{:.0f}", wakeups), "-", "0"},
            wakeups, {0, 0});
  table.add({fmt::format("  resident (its own: {:.1f} MB)", own), system.type(), "-",
             fmt::format("{:.1f} MB", megabytes), "-", "12 MB"},
            megabytes, {12, 15});
}

// Information, not a goal: a mark also keeps the inode of the directory in memory, where it usually
// is anyway.
void measure_watching(const FileSystem& system, const Size& size, Table& table) {
  const auto tree = system.directory_of_app("watched");
  for (unsigned i = 0; i < size.directories; ++i)
    (void)system.directory_of_app(fmt::format("watched/{}/{}", i % 100, i));
  const auto empty = system.directory_of_app("empty");
  double resident_before = 0;
  {
    const Guardd none({empty}, 250ms);
    pause(kStart);
    resident_before = static_cast<double>(none.process().status("RssAnon"));
  }
  const auto kernel_before = kernel_kilobytes();
  const Guardd guardd({tree}, 250ms);
  const auto kernel = (kernel_kilobytes() - kernel_before) * 1024 / size.directories;
  pause(kStart);
  const auto resident = static_cast<double>(guardd.process().status("RssAnon"));
  const auto ours = (resident - resident_before) * 1024 / size.directories;
  table.add({"memory for each watched directory: guardd", system.type(), "-",
             fmt::format("{:.0f} B", ours), "-"});
  table.add({"  the kernel, beside the directory's own inode", system.type(), "-",
             fmt::format("{:.0f} B", kernel), "-"});
}

}  // namespace guard::bench
