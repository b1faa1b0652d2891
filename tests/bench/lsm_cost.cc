// The cost of the LSM programs for operations outside of every tree, and for the owner: the same
// work with and without them, in one run. Run it in a virtual machine whose clock counts
// instructions:
//   tests/machines/vm -i -b build/release -t 600 -- build/release/tests/lsm_cost
// On other machines the results are times, and noisy. Arguments that name programs
// ("guard_file_open") attach only these, to show the share of each. With "idle" they guard nothing,
// so that only the kernel's cost of calling them remains.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "bpf/lsm.h"
#include "bpf/probe.h"
#include "policy/base/handle.h"
#include "tests/bench/harness.h"

namespace guard::bench {
namespace {

constexpr unsigned kSeconds = 1800;
constexpr unsigned kWarmUp = 20;
constexpr std::size_t kSamples = 301;
constexpr unsigned kDepth = 8;
constexpr unsigned kWalked = 64;

// A failed operation must not be measured.
void must(long result, const char* what) {
  if (result < 0) give_up(what);
}

Fd directory_at(const Fd& in, const char* name) {
  Fd opened(::openat(in.get(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened) give_up(name);
  return opened;
}

// A guarded tree, and a directory outside of it on the same file system.
struct Place {
  Fd tree, outside;
  std::string deep;  // from outside

  explicit Place(const FileSystem& system) {
    tree = open(system.directory_of_app("tree"));
    std::filesystem::create_directory(system.root() / "outside");
    outside = open(system.root() / "outside");
    for (unsigned i = 1; i < kDepth; ++i) {
      deep += "d" + std::to_string(i) + "/";
      must(::mkdirat(outside.get(), deep.c_str(), 0755), "mkdir");
    }
    for (const auto& name : {std::string("file"), deep + "file"}) make(name);
    must(::mkdirat(outside.get(), "walked", 0755), "mkdir");
    for (unsigned i = 0; i < kWalked; ++i) make("walked/" + std::to_string(i));
    deep += "file";
  }

 private:
  static Fd open(const std::filesystem::path& path) {
    Fd opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) give_up(path);
    return opened;
  }
  void make(const std::string& name) const {
    must(::close(::openat(outside.get(), name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)),
         "make");
  }
};

void open_and_close(const Fd& in, const char* name, int how) {
  const int file = ::openat(in.get(), name, how | O_CLOEXEC);
  must(file, "open");
  ::close(file);
}

void read_outside(const Place& place) {
  open_and_close(place.outside, "file", O_RDONLY);
}

void write_deep_outside(const Place& place) {
  open_and_close(place.outside, place.deep.c_str(), O_WRONLY);
}

void work_of_owner(const Place& place) {
  open_and_close(place.tree, "own", O_CREAT | O_EXCL | O_WRONLY);
  must(::unlinkat(place.tree.get(), "own", 0), "unlink");
}

void look_outside(const Place& place) {
  const auto walked = directory_at(place.outside, "walked");
  alignas(16) std::array<char, 8192> entries{};
  while (::getdents64(walked.get(), entries.data(), entries.size()) > 0) {
  }
  for (unsigned i = 0; i < kWalked; ++i) {
    std::array<char, 8> name{};
    *fmt::format_to(name.data(), "{}", i) = '\0';
    struct stat facts {};
    must(::fstatat(walked.get(), name.data(), &facts, AT_SYMLINK_NOFOLLOW), "stat");
  }
}

// Creates a directory with four files, each created under one name and then renamed.
void unpack_outside(const Place& place) {
  static const std::array<char, 4096> content{};
  must(::mkdirat(place.outside.get(), "unpacked", 0755), "mkdir");
  const auto unpacked = directory_at(place.outside, "unpacked");
  for (const char* name : {"one", "two", "three", "four"}) {
    const Fd file(::openat(unpacked.get(), ".new", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    must(file.get(), "create");
    must(::write(file.get(), content.data(), content.size()), "write");
    must(::fchmod(file.get(), 0644), "chmod");
    must(::futimens(file.get(), nullptr), "utimes");
    must(::renameat(unpacked.get(), ".new", unpacked.get(), name), "rename");
  }
}

void throw_away(const Place& place) {
  const auto unpacked = directory_at(place.outside, "unpacked");
  for (const char* name : {"one", "two", "three", "four"})
    must(::unlinkat(unpacked.get(), name, 0), "unlink");
  must(::unlinkat(place.outside.get(), "unpacked", AT_REMOVEDIR), "rmdir");
}

void nothing(const Place& /*place*/) {}

struct Work {
  const char* name;
  void (*run)(const Place& place);
  void (*clean)(const Place& place);
  bool is_owners;
  Target target;
};
constexpr std::array<Work, 5> kWork{
    {{"open for reading and close, outside", read_outside, nothing, false, {1.00, 1.00}},
     {"open for writing and close, outside, 8 deep",
      write_deep_outside,
      nothing,
      false,
      {1.00, 1.00}},
     {"the owner's create, close and unlink, inside", work_of_owner, nothing, true, {1.04, 1.05}},
     {"look at 64 files, outside", look_outside, nothing, false, {1.00, 1.01}},
     // Each program that is attached to a hook costs about 200 instructions, whatever it does:
     // "idle" shows that these alone are 1.03 x.
     {"unpack four files, outside", unpack_outside, throw_away, false, {1.03, 1.06, true}}}};

// In nanoseconds, or in instructions if the clock counts these. Few samples include the timer
// interrupt.
double cost_of(const Work& work, const Place& place) {
  if (work.is_owners) {
    ::setfsgid(kApp);
    ::setfsuid(kApp);
  }
  std::vector<double> samples;
  for (unsigned i = 0; i < kWarmUp + kSamples; ++i) {
    const auto began = Clock::now();
    work.run(place);
    const std::chrono::duration<double, std::nano> took = Clock::now() - began;
    work.clean(place);
    if (i >= kWarmUp) samples.push_back(took.count());
  }
  ::setfsuid(0);
  ::setfsgid(0);
  return median(std::move(samples));
}

std::array<double, kWork.size()> cost_of_all(const Place& place) {
  std::array<double, kWork.size()> costs{};
  for (std::size_t i = 0; i < kWork.size(); ++i) costs[i] = cost_of(kWork[i], place);
  return costs;
}

template <typename T>
T need(Result<T> result) {
  if (result) return *std::move(result);
  fmt::print("{}\n", result.error().text());
  std::exit(EXIT_FAILURE);
}
void need(const Status& status) {
  if (status) return;
  fmt::print("{}\n", status.error().text());
  std::exit(EXIT_FAILURE);
}

// As a policy with an owner, a group and `action = "deny"`.
void guard_tree(Lsm& lsm, const Place& place) {
  struct stat facts {};
  must(::fstat(place.tree.get(), &facts), "stat");
  TreeTag tag{};
  tag.terms = {kApp, kApp, kAnyMode, kAnyMode, kTreeActionDeny};
  tag.tree = 1;
  tag.guards = kOwnershipBit;
  const TaggedInode inode{facts.st_ino, major(facts.st_dev) << 20U | minor(facts.st_dev), 0, 0};
  need(lsm.tag(place.tree.get(), inode, tag));
}

int bench(std::vector<std::string> programs) {
  if (std::getenv("GUARD_KERNEL") == nullptr && probe_lsm().level != LsmLevel::kWorks) {
    fmt::print("LSM programs cannot be loaded here; run this with tests/machines/vm -i\n");
    return kSkipped;
  }
  leave_the_machine(kSeconds);
  const bool is_idle = std::erase(programs, "idle") > 0;
  const FileSystem system("tmpfs", 1000);
  const Place place(system);
  std::vector<KnownHook> hooks;
  for (const auto& hook : kKnownHooks)
    if (programs.empty() ||
        std::find(programs.begin(), programs.end(), hook.program) != programs.end())
      hooks.push_back(hook);

  const auto before = cost_of_all(place);
  const auto began = Clock::now();
  auto lsm = need(Lsm::load(hooks));
  const auto loaded = Clock::now();
  guard_tree(lsm, place);
  if (!is_idle) lsm.set_guards_in_use(kOwnershipBit);
  need(lsm.attach(kOwnershipBit));
  using Milliseconds = std::chrono::duration<double, std::milli>;
  fmt::print("loaded in {:.0f} ms, attached in {:.0f} ms\n", Milliseconds(loaded - began).count(),
             Milliseconds(Clock::now() - loaded).count());
  const auto after = cost_of_all(place);

  Table table;
  for (std::size_t i = 0; i < kWork.size(); ++i) {
    const double figure = after[i] / before[i];
    table.add({.what = kWork[i].name,
               .file_system = "tmpfs",
               .nothing = fmt::format("{:.0f}", before[i]),
               .guardd = fmt::format("{:.0f}", after[i]),
               .peer = fmt::format("{:.3f} x", figure),
               .target = ratio(kWork[i].target.wanted)},
              figure, kWork[i].target);
  }
  return table.finish();
}

}  // namespace
}  // namespace guard::bench

int main(int argc, char** argv) {
  return guard::bench::bench({argv + 1, argv + argc});
}
