#include "guardd/kernel/exempt_programs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <optional>
#include <string_view>

#include "guardd/host/files.h"
#include "guardd/host/superblock.h"
#include "policy/base/handle.h"

namespace guard {
namespace {

constexpr std::size_t kCommLength = 15;
constexpr int kMostLinks = 40;  // as many as the kernel follows

struct ProgramFile {
  Fd file;  // O_PATH
  ExemptPrograms::Id id;
  bool is_trusted = false;
};

std::optional<ProgramFile> find(const std::string& path) {
  ProgramFile found;
  found.file = Fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat facts {};
  if (!found.file || ::fstat(found.file.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
    return std::nullopt;
  found.id = {facts.st_ino, superblock_of(found.file.get()), facts.st_uid};
  found.is_trusted = is_trusted(facts.st_uid, facts.st_mode);
  return found;
}

// Its path, with links followed.
std::string real_path(const ProgramFile& found) {
  std::array<char, PATH_MAX> path{};
  const auto link = "/proc/self/fd/" + std::to_string(found.file.get());
  const auto size = ::readlink(link.c_str(), path.data(), path.size());
  return {path.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// The interpreter of a script: the first word after "#!".
std::optional<std::string> interpreter_of(const ProgramFile& program) {
  const auto link = "/proc/self/fd/" + std::to_string(program.file.get());
  const Fd file(::open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  std::array<char, 256> head{};  // as much as the kernel reads
  const auto size = file ? ::read(file.get(), head.data(), head.size()) : -1;
  std::string_view line(head.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (!line.starts_with("#!")) return std::nullopt;
  line.remove_prefix(2);
  line = line.substr(0, line.find('\n'));
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return std::string(line.substr(0, line.find_first_of(" \t\r")));
}

class Finder {
 public:
  explicit Finder(const std::vector<LabelledPath>& labelled) : labelled_(labelled) {}

  void exempt(const std::string& path, std::uint64_t exemptions) {
    watch(path);
    if (const auto found = find(path)) all_.programs[found->id].exemptions |= exemptions;
  }

  void label(const LabelledPath& labelled) {
    watch(labelled.path);
    const auto found = find(labelled.path);
    if (!found || !found->is_trusted) return;
    const auto bit = 1U << static_cast<unsigned>(labelled.label);
    const auto interpreter = interpreter_of(*found);
    if (!interpreter) {
      // Only its real name counts: "rpm" can be a link to busybox, which is many other programs
      // too.
      const auto real = real_path(*found);
      const bool is_it =
          std::any_of(labelled_.begin(), labelled_.end(), [&](const LabelledPath& other) {
            return other.label == labelled.label && other.path == real;
          });
      if (is_it) all_.programs[found->id].labels |= bit;
    } else if (note_interpreter(*interpreter)) {
      all_.scripts[base_name(labelled.path).substr(0, kCommLength)] |= bit;
    } else {
      all_.hidden.emplace(found->id, labelled);
    }
  }

  ExemptPrograms take() { return std::move(all_); }

 private:
  // Not if it is a script itself, or env: then another program runs in the end, under its own name.
  bool note_interpreter(const std::string& path) {
    if (!path.starts_with('/') || base_name(path) == "env") return false;
    watch(path);
    const auto found = find(path);
    if (!found || !found->is_trusted || interpreter_of(*found)) return false;
    all_.programs[found->id].is_interpreter = 1;
    return true;
  }

  // Follows links, too: to python3.11, or through /etc/alternatives.
  void watch(std::string path) {
    for (int links = 0; links < kMostLinks; ++links) {
      const auto directory = directory_of(path);
      all_.directories.insert(directory);
      std::array<char, PATH_MAX> target{};
      const auto size = ::readlink(path.c_str(), target.data(), target.size());
      if (size <= 0) return;
      path.assign(target.data(), static_cast<std::size_t>(size));
      if (!path.starts_with('/')) path.insert(0, directory + "/");
    }
  }

  const std::vector<LabelledPath>& labelled_;
  ExemptPrograms all_;
};

}  // namespace

ExemptPrograms find_programs(const std::map<std::string, std::uint64_t>& exes,
                             const std::vector<LabelledPath>& labelled) {
  Finder finder(labelled);
  for (const auto& [path, exemptions] : exes) finder.exempt(path, exemptions);
  for (const auto& each : labelled) finder.label(each);
  return finder.take();
}

}  // namespace guard
