// How long policies take to load and a change takes to judge, each compared with its floor: the
// same work done naively. "of_floor" is the ratio of the two; no time makes this fail.
//
// Goals on a 2-core machine: 5,000 policies with 20,000 paths loaded within a second, a judgement
// with 1,000 trees within 300 ns.
#include <benchmark/benchmark.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "policy/glob.h"
#include "policy/judge.h"
#include "tests/unit/fakes.h"

namespace guard {
namespace {

using testing::World;

// The time of this thread alone, so that a busy machine does not affect the ratios.
double now() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Times the floor for a while, then the work itself under the benchmark's clock.
template <typename Work, typename Floor>
void beside(benchmark::State& state, Work work, Floor floor) {
  std::size_t floors = 0;
  auto begin = now();
  do {
    for (int i = 0; i < 16; ++i, ++floors) floor();
  } while (now() - begin < 0.05);
  const auto of_floor = (now() - begin) / static_cast<double>(floors);

  begin = now();
  for (auto _ : state) work();
  const auto of_work = (now() - begin) / static_cast<double>(state.iterations());
  state.counters["floor_ns"] = of_floor * 1e9;
  state.counters["of_floor"] = of_work / of_floor;
}

// A typical policy: some trees, an exclude, a rule for keys, an allow for the package manager.
std::string policy_of(std::size_t number, std::size_t trees) {
  const auto name = "service-" + std::to_string(number);
  std::string text = "[[policy]]\nname = \"" + name + "\"\npaths = [";
  for (std::size_t i = 0; i < trees; ++i)
    text += "\"/srv/" + std::to_string(number % 100) + "/" + name + "/tree-" + std::to_string(i) +
            "\", ";
  return text + R"(]
owner = "shop"
action = "fix"
file_mode = "0640"
exclude = ["cache/**", "**/*.tmp"]
[[policy.rule]]
match = ["conf/keystore", "**/*.key"]
owner = "root"
[[policy.allow]]
label = "package-manager"
)";
}

std::vector<World::File> files_of(std::size_t policies, std::size_t trees) {
  std::vector<World::File> files;
  for (std::size_t i = 0; i < policies; ++i)
    files.push_back({std::to_string(i) + ".toml", policy_of(i, trees)});
  return files;
}

// Floor: the parser alone, without reading its result.
void load(benchmark::State& state) {
  const World world;
  const auto files = files_of(static_cast<std::size_t>(state.range(0)), 4);
  const auto parse_all = [&] {
    for (const auto& file : files) benchmark::DoNotOptimize(toml::parse(file.text));
  };
  const auto begin = now();
  parse_all();
  const auto floor = now() - begin;
  const auto start = now();
  for (auto _ : state) {
    if (!world.load(files).set) state.SkipWithError("not loaded");
  }
  const auto work = (now() - start) / static_cast<double>(state.iterations());
  state.counters["floor_ms"] = floor * 1e3;
  state.counters["of_floor"] = work / floor;
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(load)->Name("load/policies")->Arg(500)->Arg(5'000)->Unit(benchmark::kMillisecond);

struct Asked {
  std::string path;
  Change change;
};

class Judging {
 public:
  explicit Judging(std::size_t trees)
      : set_(World().load_good(joined(files_of(trees / 4, 4))).set) {
    root_.self.uid = kRoot;
    root_.self.gid = Gid{0};
    constexpr std::array<std::string_view, 4> kInside{"data/2026/11/order-0001.json",
                                                      "conf/keystore", "cache/a/b/c", "x.tmp"};
    for (std::size_t i = 0; i < 256; ++i) {
      const auto number = (i * 7919) % std::max<std::size_t>(trees / 4, 1);
      asked_.push_back("/srv/" + std::to_string(number % 100) + "/service-" +
                       std::to_string(number) + "/tree-" + std::to_string(i % 4) + "/" +
                       std::string(kInside[i % kInside.size()]));
    }
  }

  const std::string& next() { return asked_[++at_ % asked_.size()]; }

  Change change(std::string_view relative) const {
    Change change;
    change.path = relative;
    change.uid = kRoot;
    change.gid = Gid{0};
    return change;
  }

  void judged() {
    const auto& path = next();
    const auto* tree = set_->tree_of(path);
    benchmark::DoNotOptimize(
        judge(set_->policy_of(*tree), root_, change(PolicySet::relative(*tree, path))));
  }

  // Every tree is compared, every pattern goes through fnmatch(3).
  void judged_naively() {
    const auto& path = next();
    const Tree* longest = set_->trees().data();  // every path asked about is in some tree
    for (const auto& tree : set_->trees())
      if (path.starts_with(tree.path) && path[tree.path.size()] == '/' &&
          (!path.starts_with(longest->path) || tree.path.size() > longest->path.size()))
        longest = &tree;
    const auto& policy = set_->policy_of(*longest);
    const char* relative = path.c_str() + longest->path.size() + 1;
    bool matched = false;
    const auto match = [&](const std::vector<Pattern>& patterns) {
      for (const auto& pattern : patterns)
        matched = matched || ::fnmatch(pattern.glob.pattern().c_str(), relative, 0) == 0;
    };
    match(policy.exclude);
    for (const auto& rule : policy.rules) match(rule.match);
    benchmark::DoNotOptimize(matched || policy.wanted.owner.id != kRoot);
  }

 private:
  static std::string joined(const std::vector<World::File>& files) {
    std::string text;
    for (const auto& file : files) text += file.text;
    return text;
  }

  std::shared_ptr<const PolicySet> set_;
  Subject root_;
  std::vector<std::string> asked_;
  std::size_t at_ = 0;
};

void judgement(benchmark::State& state) {
  Judging judging(static_cast<std::size_t>(state.range(0)));
  beside(
      state, [&] { judging.judged(); }, [&] { judging.judged_naively(); });
}
BENCHMARK(judgement)->Name("judge/trees")->Arg(8)->Arg(1'000)->Arg(20'000);

// The kinds of patterns. fnmatch(3) has no ** and no braces, so it gets simpler ones.
void glob(benchmark::State& state, const char* pattern, const char* for_fnmatch,
          std::string_view path) {
  const auto compiled = *Glob::compile(pattern);
  const std::string text(path);
  beside(
      state, [&] { benchmark::DoNotOptimize(compiled.matches(text)); },
      [&] { benchmark::DoNotOptimize(::fnmatch(for_fnmatch, text.c_str(), FNM_PATHNAME)); });
}

constexpr std::string_view kPath = "data/2026/11/20/orders/order-000123.json";
BENCHMARK_CAPTURE(glob, literal, "conf/keystore", "conf/keystore", "conf/keystore");
BENCHMARK_CAPTURE(glob, below, "data/**", "data/*", kPath);
BENCHMARK_CAPTURE(glob, suffix_no, "**/*.key", "*.key", kPath);
BENCHMARK_CAPTURE(glob, suffix_yes, "**/*.json", "*/*/*/*/*/*.json", kPath);
BENCHMARK_CAPTURE(glob, braces, "**/*.{key,json}", "*/*/*/*/*/*.json", kPath);
BENCHMARK_CAPTURE(glob, hostile, "*a*a*a*a*a*a*a*b", "*a*a*a*a*a*a*a*b",
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

}  // namespace
}  // namespace guard
