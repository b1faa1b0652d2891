// What it costs to be asked: an open that guardd answers beside one that nobody asks about, and
// beside the floor, a program that lets everybody pass and looks at nothing. In one run; a ratio is
// the median of the rounds'. The column of the peer holds guardd beside the floor.
//
//   answers [FILESYSTEM...]    tmpfs, ext4
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/fanotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <thread>

#include "policy/base/handle.h"
#include "tests/bench/harness.h"
#include "tests/bench/watchers.h"

namespace guard::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr unsigned kSeconds = 300;
constexpr unsigned kRounds = 9;
constexpr unsigned kOpens = 2000;

// Lets everybody pass, with one read and one write for each.
class Floor {
 public:
  explicit Floor(const fs::path& directory)
      : group_(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_LARGEFILE)) {
    if (!group_ || ::fanotify_mark(group_.get(), FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD,
                                   AT_FDCWD, directory.c_str()) != 0)
      give_up("ask for permission");
    pid_ = ::fork();
    if (pid_ == 0) answer();
    group_.reset();  // or it would outlive whoever answers
  }
  ~Floor() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Floor(const Floor&) = delete;
  Floor& operator=(const Floor&) = delete;

 private:
  [[noreturn]] void answer() const {
    fanotify_event_metadata event{};
    while (::read(group_.get(), &event, sizeof event) == sizeof event) {
      const fanotify_response response{event.fd, FAN_ALLOW};
      if (::write(group_.get(), &response, sizeof response) < 0) ::_exit(1);
      ::close(event.fd);
    }
    ::_exit(0);
  }

  Fd group_;
  pid_t pid_ = -1;
};

// So many at once; seconds for one open and close of each.
double seconds_each(const fs::path& file, unsigned openers) {
  const auto work = [&file] {
    for (unsigned i = 0; i < kOpens; ++i) {
      const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) give_up(file);
      ::close(fd);
    }
  };
  const auto seconds = seconds_of([&] {
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < openers; ++i) others.emplace_back(work);
    work();
  });
  return seconds / kOpens;
}

enum Arm : std::size_t { kNobody, kFloor, kSame, kOwner, kStranger, kArms };

void measure(const FileSystem& system, unsigned openers, Table& table) {
  std::array<fs::path, kArms> files;
  constexpr std::array<const char*, kArms> kNames{"nobody", "floor", "same", "owner", "stranger"};
  for (std::size_t arm = 0; arm < kArms; ++arm) {
    const auto name = fmt::format("{}{}", kNames.at(arm), openers);
    const auto directory = system.directory_of_app(name);
    files.at(arm) = directory / "file";
    std::ofstream(files.at(arm)) << "x";
    fs::permissions(files.at(arm), fs::perms::all);
    if (::chown(files.at(arm).c_str(), kApp, kApp) != 0) give_up("chown");
  }
  const Floor floor(files[kFloor].parent_path());
  // Who only minds whose a file is has nothing against an open of what is there; who minds content
  // has to know of everybody who opens, and how.
  const Guardd same({files[kSame].parent_path()}, 50ms, "action = \"deny\"\n");
  std::array<std::vector<double>, kArms> over_nobody;
  std::array<std::vector<double>, kArms> over_floor;
  const Guardd content({files[kOwner].parent_path(), files[kStranger].parent_path()}, 50ms,
                       "action = \"deny\"\nguard = [\"content\"]\n");
  for (unsigned round = 0; round < kRounds; ++round) {
    std::array<double, kArms> seconds{};
    for (std::size_t arm = 0; arm < kArms; ++arm) {
      // Not by this process: the first of its namespace is never asked about.
      const auto once = [&] { return seconds_each(files.at(arm), openers); };
      seconds.at(arm) = arm == kOwner ? as_app(once) : in_child(once);
    }
    for (std::size_t arm = 0; arm < kArms; ++arm) {
      over_nobody.at(arm).push_back(seconds.at(arm) / seconds[kNobody]);
      over_floor.at(arm).push_back(seconds.at(arm) / seconds[kFloor]);
    }
  }
  const auto told = [&](const char* what, Arm arm, bool to_floor, const Target& target) {
    const double of_nobody = median(over_nobody.at(arm));
    const double of_floor = median(over_floor.at(arm));
    table.add({.what = fmt::format("{}, {} at once", what, openers),
               .file_system = system.type(),
               .nothing = ratio(median(over_nobody[kFloor])),
               .guardd = ratio(of_nobody),
               .peer = ratio(of_floor),
               .target = ratio(target.wanted)},
              to_floor ? of_floor : of_nobody, target);
  };
  told("what anybody may open", kSame, false, {1.8, 10});
  // Two wakings one after the other: on a machine that does other things it is those that count.
  told("the owner opens", kOwner, true, {1.15, 1000, true});
  told("a stranger opens to read", kStranger, true, {1.6, 1000, true});
}

int bench(std::vector<std::string> systems) {
  if (kSanitized) {
    fmt::print("a sanitized build says nothing about speed\n");
    return kSkipped;
  }
  if (systems.empty()) systems = {"tmpfs", "ext4"};
  leave_the_machine(kSeconds);
  fmt::print("times what nobody asks about: the floor, guardd; then guardd times the floor\n");
  Table table;
  for (const auto& type : systems) {
    const FileSystem system(type, 1000);
    for (const unsigned openers : {1U, 2U, 8U}) measure(system, openers, table);
  }
  return table.finish();
}

}  // namespace
}  // namespace guard::bench

int main(int argc, char** argv) {
  return guard::bench::bench({argv + 1, argv + argc});
}
