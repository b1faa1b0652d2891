#include "tests/bench/harness.h"

#include <fmt/format.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace guard::bench {
namespace {

namespace fs = std::filesystem;

// With the precision of the table.
constexpr double kRounding = 1.005;

int status_of(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) give_up("waitpid");
  return status;
}

}  // namespace

void give_up(const std::string& what) {
  std::perror(what.c_str());
  std::exit(EXIT_FAILURE);
}

const fs::path& base() {
  static const fs::path place = "/media";
  return place;
}

void leave_the_machine(unsigned seconds) {
  if (::geteuid() != 0) {
    fmt::print("only root can mount\n");
    std::exit(kSkipped);
  }
  if (::unshare(CLONE_NEWNS | CLONE_NEWPID) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    fmt::print("no namespaces can be had here\n");
    std::exit(kSkipped);
  }
  const pid_t child = ::fork();
  if (child < 0) give_up("fork");
  if (child > 0) {
    ::alarm(seconds);  // ends this process, and the other one with it
    const int status = status_of(child);
    std::_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
  // It is the first process of its namespace: all others end with it.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up("prctl");
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0 ||
      ::mount("bench", base().c_str(), "tmpfs", 0, "mode=755,size=90%,nr_inodes=0") != 0) {
    give_up("mount");
  }
}

FileSystem::FileSystem(std::string type, unsigned files, const std::string& name)
    : type_(std::move(type)), root_(base() / name), image_(base() / (name + ".image")) {
  fs::create_directory(root_);
  if (type_ == "tmpfs") {
    if (::mount("bench", root_.c_str(), "tmpfs", 0, "mode=755,size=90%,nr_inodes=0") != 0)
      give_up("mount");
    return;
  }
  std::ofstream(image_).close();
  fs::resize_file(image_, 512ULL * files + (1024ULL << 20U));
  std::vector<std::string> make{"mkfs." + type_, "-q"};
  // With the journal size of a disk: with one as small as the image, operations would wait for it.
  if (type_ == "ext4")
    make.insert(make.end(), {"-J", "size=256", "-N", std::to_string(files + files / 50 + 1000),
                             "-E", "lazy_itable_init=0"});
  make.push_back(image_);
  run(make);
  run({"mount", "-t", type_, "-o", "loop", image_, root_});
}

FileSystem::~FileSystem() {
  (void)::umount2(root_.c_str(), MNT_DETACH);
  std::error_code ignored;
  fs::remove(image_, ignored);
}

fs::path FileSystem::directory_of_app(const std::string& name) const {
  auto path = root_ / name;
  fs::create_directories(path);
  if (::chown(path.c_str(), kApp, kApp) != 0) give_up("chown");
  return path;
}

void run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0 ||
      status_of(child) != 0) {
    give_up(words[0]);
  }
}

void become_app() {
  if (::setresgid(kApp, kApp, kApp) != 0 || ::setresuid(kApp, kApp, kApp) != 0) give_up("setuid");
}

void in_child(const std::function<void(void*)>& work, void* result, std::size_t size) {
  int ends[2];
  if (::pipe(ends) != 0) give_up("pipe");
  const pid_t child = ::fork();
  if (child < 0) give_up("fork");
  const auto bytes = static_cast<ssize_t>(size);
  if (child == 0) {
    work(result);
    std::_Exit(::write(ends[1], result, size) == bytes ? 0 : 1);
  }
  ::close(ends[1]);
  const bool told = ::read(ends[0], result, size) == bytes;
  ::close(ends[0]);
  if (status_of(child) != 0 || !told) give_up("what was measured");
}

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

double seconds_of(const std::function<void()>& work) {
  const auto began = Clock::now();
  work();
  return seconds_since(began);
}

void pause(std::chrono::nanoseconds time) {
  std::this_thread::sleep_for(time);
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(share * last)];
}

double median(std::vector<double> values) {
  return percentile(std::move(values), 0.5);
}

Table::Table(const std::string& peer) {
  print({"", "on", "nothing", "guardd", peer, "wanted"}, "");
}

void Table::print(const Row& row, const std::string& verdict) {
  fmt::print("{:<48} {:<6} {:>8} {:>9} {:>15} {:>8}  {}\n", row.what, row.file_system, row.nothing,
             row.guardd, row.peer, row.target, verdict);
  std::fflush(stdout);
}

void Table::add(const Row& row, double figure, const Target& target) {
  if (figure <= target.wanted * kRounding) {
    ++holds_;
    return print(row, "holds");
  }
  if (figure <= target.fails_above) {
    ++over_;
    return print(row, target.is_known_miss ? "missed, as is known" : "over, within noise");
  }
  ++missed_;
  print(row, "MISSED");
}

int Table::finish() const {
  fmt::print("\n{} hold, {} are over, {} are clearly missed\n", holds_, over_, missed_);
  return missed_ == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

std::string ratio(double of) {
  return fmt::format("{:.2f} x", of);
}

std::string time(double seconds) {
  if (seconds < 1e-5) return fmt::format("{:.0f} ns", seconds * 1e9);
  if (seconds < 1e-2) return fmt::format("{:.2f} ms", seconds * 1e3);
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

}  // namespace guard::bench
