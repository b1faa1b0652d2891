#include "guardd/ctl/doctor/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <sstream>

namespace guard::doctor {
namespace {

constexpr std::size_t kLongest = std::size_t{1} << 20U;

}  // namespace

Result<Fd> Machine::open(const std::string& path, int flags) const {
  const Fd root(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return Error::from_errno(errno, root_);
  struct open_how how {};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT;
  for (;;) {
    const auto fd =
        static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how));
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR && errno != EAGAIN) return Error::from_errno(errno, path);
  }
}

Result<std::string> Machine::read(const std::string& path) const {
  GUARD_TRY(const auto file, open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat facts {};
  if (::fstat(file.get(), &facts) < 0) return Error::from_errno(errno, path);
  if (!S_ISREG(facts.st_mode)) return Error::from_errno(EINVAL, path);
  std::string text;
  std::array<char, 16384> piece{};
  while (text.size() < kLongest) {
    const auto got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno(errno, path);
    if (got == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

Result<std::vector<std::string>> Machine::lines(const std::string& path) const {
  GUARD_TRY(const auto text, read(path));
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

Result<std::vector<std::string>> Machine::names(const std::string& path) const {
  GUARD_TRY(auto directory, open(path, O_RDONLY | O_DIRECTORY));
  const Handle<DIR, ::closedir> listing(::fdopendir(directory.get()));
  if (!listing) return Error::from_errno(errno, path);
  (void)directory.release();
  std::vector<std::string> names;
  while (const auto* each = ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string name = each->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool Machine::is_there(const std::string& path) const {
  return static_cast<bool>(open(path, O_PATH));
}

std::string Machine::target_of(const std::string& path) const {
  const auto link = open(path, O_PATH | O_NOFOLLOW);
  if (!link) return {};
  std::array<char, 4096> target{};
  const auto length = ::readlinkat(link->get(), "", target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

std::vector<std::string> Machine::merged(const std::vector<std::string>& directories,
                                         const std::string& suffix) const {
  std::map<std::string, std::string> found;  // by name
  for (const auto& directory : directories) {
    const auto listing = names(directory);
    if (!listing) continue;
    for (const auto& name : *listing)
      if (name.ends_with(suffix)) found.emplace(name, fmt::format("{}/{}", directory, name));
  }
  std::vector<std::string> paths;
  for (const auto& each : found)
    if (!is_masked(each.second)) paths.push_back(each.second);
  return paths;
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool begun = false;
  char quote = 0;
  for (const char each : line) {
    if (quote != 0) {
      if (each == quote)
        quote = 0;
      else
        word += each;
    } else if (each == '"' || each == '\'') {
      quote = each;
      begun = true;
    } else if (each == ' ' || each == '\t' || each == '\r' || each == '\n') {
      if (begun) words.push_back(std::exchange(word, {}));
      begun = false;
    } else {
      word += each;
      begun = true;
    }
  }
  if (begun) words.push_back(word);
  return words;
}

}  // namespace guard::doctor
