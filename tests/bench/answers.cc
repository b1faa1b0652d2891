// The cost of a permission event: compares an open that guardd answers with one without a
// permission event, with the floor (a program that allows everything without a look) and with
// fapolicyd, in one run. A ratio is the median over the rounds. The opener and the responder run on
// the same processor, or on one each: the choice of the scheduler would matter more than their
// work.
//
//   answers [FILESYSTEM...]    tmpfs, ext4
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

#include "policy/base/handle.h"
#include "tests/bench/harness.h"
#include "tests/bench/watchers.h"

namespace guard::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

#ifdef GUARD_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr unsigned kSeconds = 300;
constexpr unsigned kRounds = 7;
constexpr unsigned kOpens = 2000;

// Allows every open, with one read and one write for each.
class Floor {
 public:
  explicit Floor(const fs::path& directory)
      : group_(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_LARGEFILE)) {
    if (!group_ || ::fanotify_mark(group_.get(), FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD,
                                   AT_FDCWD, directory.c_str()) != 0)
      give_up("ask for permission");
    pid_ = ::fork();
    if (pid_ == 0) answer();
    group_.reset();  // or it would outlive the responder
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

// The opener, and the processors.
struct Setting {
  const char* what;
  unsigned openers;
  unsigned opens_on;
  unsigned answers_on;
};

// Seconds for one open and close: the median and the 99th percentile.
struct Took {
  double half = 0;
  double most = 0;
};

Took took(const fs::path& file, unsigned openers) {
  std::vector<std::vector<double>> all(openers);
  const auto work = [&file](std::vector<double>& each) {
    each.reserve(kOpens);
    for (unsigned i = 0; i < kOpens; ++i) {
      const auto began = Clock::now();
      const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) give_up(file);
      ::close(fd);
      each.push_back(seconds_since(began));
    }
  };
  {
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < openers; ++i) others.emplace_back([&, i] { work(all[i]); });
    work(all[0]);
  }
  for (unsigned i = 1; i < openers; ++i) all[0].insert(all[0].end(), all[i].begin(), all[i].end());
  return {median(all[0]), percentile(all[0], 0.99)};
}

enum Arm : std::size_t { kNobody, kOutside, kFloor, kSame, kOwner, kStranger, kPeer, kArms };
constexpr std::array<const char*, kArms> kNames{"nobody", "outside",  "floor", "same",
                                                "owner",  "stranger", "peer"};

// The ratio to another arm, for each round.
class Ratios {
 public:
  void add(const std::array<Took, kArms>& round) { rounds_.push_back(round); }
  double of(Arm arm, Arm other, double Took::*figure) const {
    std::vector<double> all;
    for (const auto& round : rounds_)
      all.push_back(round.at(arm).*figure / round.at(other).*figure);
    return median(std::move(all));
  }

 private:
  std::vector<std::array<Took, kArms>> rounds_;
};

// A separate mount, because fapolicyd marks a whole mount.
struct Peer {
  const FileSystem system{"xfs", 1000, "peer"};
  const Fapolicyd fapolicyd{"xfs"};
};

Ratios measure(const FileSystem& system, const FileSystem& of_peer, const Setting& setting) {
  std::array<fs::path, kArms> files;
  for (std::size_t arm = 0; arm < kArms; ++arm) {
    const auto& where = arm == kPeer ? of_peer : system;
    // Not in the same directory, so that no marked object is near.
    const auto directory = where.directory_of_app(kNames.at(arm));
    files.at(arm) = directory / "file";
    std::ofstream(files.at(arm)) << "x";
    fs::permissions(files.at(arm), fs::perms::all);
    if (::chown(files.at(arm).c_str(), kApp, kApp) != 0) give_up("chown");
  }
  const auto in = [&](Arm arm) { return files.at(arm).parent_path(); };
  std::optional<On> answers_on(setting.answers_on);
  const Floor floor(in(kFloor));
  // The ownership guard does not concern opens of existing files. The content guard needs every
  // opener and the open flags.
  const Guardd same({in(kSame)}, 50ms, "action = \"deny\"\n");
  const Guardd content({in(kOwner), in(kStranger)}, 50ms,
                       "action = \"deny\"\nguard = [\"content\"]\n");
  answers_on.reset();
  Ratios ratios;
  for (unsigned round = 0; round < kRounds; ++round) {
    std::array<Took, kArms> all{};
    for (std::size_t arm = 0; arm < kArms; ++arm) {
      // Not by this process: the first process of its namespace causes no permission events.
      const auto once = [&] {
        const On opens_on(setting.opens_on);
        return took(files.at(arm), setting.openers);
      };
      all.at(arm) = arm == kOwner ? as_app(once) : in_child(once);
    }
    ratios.add(all);
  }
  return ratios;
}

void tell(const FileSystem& system, const Setting& setting, const Ratios& ratios, bool has_peer,
          Table& table) {
  const auto row = [&](const char* what, Arm arm, double Took::*figure, double wanted) {
    return Row{.what = fmt::format("{}, {}", what, setting.what),
               .file_system = system.type(),
               .nothing = ratio(ratios.of(kFloor, kNobody, figure)),
               .guardd = ratio(ratios.of(arm, kNobody, figure)),
               .peer = has_peer ? ratio(ratios.of(kPeer, kNobody, figure)) : "-",
               .target = ratio(wanted)};
  };
  const auto beside = [&](const char* what, Arm arm, Arm other, double Took::*figure,
                          const Target& target) {
    table.add(row(what, arm, figure, target.wanted), ratios.of(arm, other, figure), target);
  };
  beside("outside, beside nobody", kOutside, kNobody, &Took::half, {1.05, 1.5});
  beside("anybody's, beside nobody", kSame, kNobody, &Took::half, {1.8, 10});
  // Two wake-ups in sequence, which a busy machine can delay.
  beside("the owner, beside the floor", kOwner, kFloor, &Took::half, {1.15, 1000, true});
  beside("a reader, beside the floor", kStranger, kFloor, &Took::half, {1.6, 1000, true});
  if (!has_peer) return;
  beside("the owner, beside fapolicyd", kOwner, kPeer, &Took::half, {1 / 1.4, 1000, true});
  beside("a reader, beside fapolicyd", kStranger, kPeer, &Took::half, {1 / 1.4, 1000, true});
  beside("the owner, 99 in 100, beside fapolicyd", kOwner, kPeer, &Took::most,
         {1 / 1.4, 1000, true});
}

int bench(std::vector<std::string> systems) {
  if (kSanitized) {
    fmt::print("a sanitized build says nothing about speed\n");
    return kSkipped;
  }
  if (systems.empty()) systems = {"tmpfs", "ext4"};
  leave_the_machine(kSeconds);
  const bool has_peer = Fapolicyd::is_here();
  if (!has_peer) fmt::print("fapolicyd is not here: $GUARD_PEERS, tests/bench/fetch-peers\n");
  fmt::print("times what nobody asks about: the floor, guardd, fapolicyd\n");
  constexpr Setting kSettings[] = {{"1, same cpu", 1, 0, 0},
                                   {"1, own cpus", 1, 0, 1},
                                   {"2 openers", 2, kAll, kAll},
                                   {"8 openers", 8, kAll, kAll}};
  Table table("fapolicyd");
  for (const auto& type : systems) {
    const FileSystem system(type, 1000);
    for (const auto& setting : kSettings) {
      std::optional<On> answers_on(setting.answers_on);
      const std::optional<Peer> peer = has_peer ? std::optional<Peer>(std::in_place) : std::nullopt;
      answers_on.reset();
      tell(system, setting, measure(system, peer ? peer->system : system, setting), has_peer,
           table);
    }
  }
  return table.finish();
}

}  // namespace
}  // namespace guard::bench

int main(int argc, char** argv) {
  return guard::bench::bench({argv + 1, argv + argc});
}
