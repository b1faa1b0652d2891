// A scan beside find, and a repair beside chown -R: the same tree, warm, in one run, each on all
// processors it wants. Prints ratios, which hold where absolute figures do not; never fails because
// of them.
//
//   scan_against_find [FILES [FILESYSTEM...]]       50000 files on tmpfs and ext4
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "guardd/sources/scan.h"

namespace guard {
namespace {

namespace fs = std::filesystem;

constexpr int kSkipped = 77;
constexpr int kRuns = 3;
constexpr unsigned kFilesInDirectory = 100;
constexpr uid_t kApp = 4242;
const fs::path kBase = "/media";

[[noreturn]] void give_up(const std::string& what) {
  std::perror(what.c_str());
  std::exit(EXIT_FAILURE);
}

void run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  int status = 0;
  if (::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0 ||
      ::waitpid(child, &status, 0) != child || status != 0) {
    give_up(words[0]);
  }
}

struct Cost {
  double wall = 1e9;
  double processor = 1e9;
};

double processor_seconds() {
  double seconds = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage use{};
    (void)::getrusage(who, &use);
    for (const auto& time : {use.ru_utime, use.ru_stime})
      seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  }
  return seconds;
}

// The best of several runs: what others do at the same time only ever makes one slower.
void measure(Cost& best, const std::function<void()>& work) {
  const auto processor = processor_seconds();
  const auto began = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
  best.wall = std::min(best.wall, wall.count());
  best.processor = std::min(best.processor, processor_seconds() - processor);
}

// On a tmpfs in a mount namespace of our own: gone with this process.
void prepare(const std::string& type, unsigned files) {
  const auto tree = kBase / "fs";
  fs::create_directory(tree);
  if (type == "tmpfs") {
    if (::mount("bench", tree.c_str(), "tmpfs", 0, "mode=755,size=90%,nr_inodes=0") != 0)
      give_up("mount");
    return;
  }
  const auto image = kBase / "image";
  std::ofstream(image).close();
  fs::resize_file(image, 512ULL * files + (512ULL << 20U));
  std::vector<std::string> make{"mkfs." + type, "-q"};
  if (type == "ext4")
    make.insert(make.end(),
                {"-N", std::to_string(files + files / 50 + 1000), "-E", "lazy_itable_init=0"});
  make.push_back(image);
  run(make);
  run({"mount", "-t", type, "-o", "loop", image, tree});
}

void fill(const fs::path& tree, unsigned files, unsigned in_directory) {
  fs::create_directory(tree);
  Fd at;
  for (unsigned i = 0; i < files; ++i) {
    if (i % in_directory == 0) {
      const auto number = i / in_directory;
      const auto place =
          tree / fmt::format("group-{:03}", number / 100) / fmt::format("part-{}", number);
      fs::create_directories(place);
      at = Fd(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    if (::mknodat(at.get(), fmt::format("some-file-{}.txt", i).c_str(), S_IFREG | 0644, 0) != 0)
      give_up("mknod");
  }
}

void scan_tree(const fs::path& tree, const Policy& policy, bool fix, std::uint64_t expected) {
  auto root = open_tree(tree);
  if (!root) give_up(root.error().text());
  ScanTask task;
  task.policy = &policy;
  task.fix = fix;
  ScanProgress progress;
  std::uint64_t heard = 0;
  const auto report = scan(
      *root, task, {0, false, 0}, [&](const Finding&) { ++heard; }, {}, progress);
  const auto did = fix ? progress.fixed.load() : progress.wrong.load();
  if (!report || !report->complete || did < expected || heard != progress.wrong) {
    fmt::print(stderr, "the scan found {} of {}\n", did, expected);
    std::exit(EXIT_FAILURE);
  }
}

void compare(const std::string& type, const char* shape, const fs::path& tree, unsigned files) {
  Policy policy;
  policy.said.action.value = Action::kFix;
  policy.said.guards.value = {Guard::kOwnership};
  policy.wanted.owner = {Uid{kApp}, "app"};
  policy.wanted.group = {Gid{kApp}, "app"};
  const std::string app = std::to_string(kApp);
  const auto say = [&](const char* what, const Cost& ours, const Cost& theirs) {
    fmt::print("{:<6} {:>8} files {:<5} {:<22} {:.3f} s : {:.3f} s = {:.2f}   processor {:.2f}\n",
               type, files, shape, what, ours.wall, theirs.wall, ours.wall / theirs.wall,
               ours.processor / theirs.processor);
    std::fflush(stdout);
  };

  Cost fix;
  Cost chown;
  for (int i = 0; i < kRuns; ++i) {
    run({"chown", "-R", "0:0", tree});
    measure(chown, [&] { run({"chown", "-R", app + ":" + app, tree}); });
    run({"chown", "-R", "0:0", tree});
    measure(fix, [&] { scan_tree(tree, policy, true, files); });
  }
  Cost scan;
  Cost find;
  for (int i = 0; i < kRuns; ++i) {
    measure(find, [&] { run({"find", tree, "!", "-user", app}); });
    measure(scan, [&] { scan_tree(tree, policy, false, 0); });
  }
  say("scan : find", scan, find);
  say("fix : chown -R", fix, chown);
}

int bench(unsigned files, const std::vector<std::string>& types) {
  if (::geteuid() != 0) {
    fmt::print("only root can mount\n");
    return kSkipped;
  }
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("bench", kBase.c_str(), "tmpfs", 0, "mode=755,size=90%") != 0) {
    fmt::print("no mount namespace can be had here\n");
    return kSkipped;
  }
  for (const auto& type : types) {
    prepare(type, files * 2);
    fill(kBase / "fs/many", files, kFilesInDirectory);
    compare(type, "many", kBase / "fs/many", files);
    fs::remove_all(kBase / "fs/many");
    fill(kBase / "fs/wide", files, files);
    compare(type, "wide", kBase / "fs/wide", files);
    if (::umount2((kBase / "fs").c_str(), MNT_DETACH) != 0) give_up("umount");
    fs::remove(kBase / "image");
  }
  return 0;
}

}  // namespace
}  // namespace guard

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto files = words.empty() ? 50'000U : static_cast<unsigned>(std::stoul(words[0]));
  std::vector<std::string> types{"tmpfs", "ext4"};
  if (words.size() > 1) types.assign(words.begin() + 1, words.end());
  return guard::bench(files, types);
}
