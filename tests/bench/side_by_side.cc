// Compares guardd with no guard and with the usual alternatives, in one run and one table: its cost
// for other programs, how soon it fixes files, and what it needs itself.
//
//   side_by_side [--full] [TOPIC...] [FILESYSTEM...]
//
//   --full      a million files; takes long
//   TOPIC       work, settling, burst, trees, watching, idle; all
//   FILESYSTEM  tmpfs, ext4, xfs; the first two
//
// Every arm is measured in every round, one after the other. A ratio is the median over the rounds,
// because a slow machine slows down both. A result above its goal still passes up to a margin for
// noise; beyond that, the program fails.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/bench/measurements.h"
#include "tests/bench/watchers.h"

namespace guard::bench {
namespace {

constexpr Size kUsual{7, 150, 20'000, 2, 50'000, 50'000, 5};
constexpr Size kFull{15, 500, 200'000, 20, 1'000'000, 50'000, 30};
constexpr unsigned kSeconds = 540;
constexpr unsigned kFullSeconds = 3600;

#ifdef GUARD_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

struct Topic {
  const char* name;
  void (*measure)(const FileSystem&, const Size&, Table&);
  bool once;  // the file system makes no difference
};
constexpr std::array<Topic, 6> kTopics{{{"work", measure_small_work, false},
                                        {"settling", measure_settling, false},
                                        {"burst", measure_burst, false},
                                        {"trees", measure_trees, false},
                                        {"watching", measure_watching, false},
                                        {"idle", measure_idle, true}}};

// Removes a word from the remaining ones.
bool take(std::vector<std::string>& words, std::string_view word) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return false;
  words.erase(found);
  return true;
}

int bench(std::vector<std::string> words) {
  if (kSanitized) {
    fmt::print("a sanitized build says nothing about speed\n");
    return kSkipped;
  }
  const bool full = take(words, "--full");
  const auto& size = full ? kFull : kUsual;
  std::vector<Topic> topics;
  for (const auto& topic : kTopics)
    if (take(words, topic.name)) topics.push_back(topic);
  if (topics.empty()) topics.assign(kTopics.begin(), kTopics.end());
  if (words.empty()) words = {"tmpfs", "ext4"};
  leave_the_machine(full ? kFullSeconds : kSeconds);
  if (!Script::is_installed())
    fmt::print("inotify-tools is not installed: one column stays empty\n");

  Table table;
  for (const auto& type : words) {
    const FileSystem system(type, 2 * std::max(size.tree, size.burst));
    for (const auto& topic : topics)
      if (!topic.once || type == words.front()) topic.measure(system, size, table);
  }
  return table.finish();
}

}  // namespace
}  // namespace guard::bench

int main(int argc, char** argv) {
  return guard::bench::bench({argv + 1, argv + argc});
}
