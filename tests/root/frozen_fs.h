// A file system that does not respond, and what /proc says of the processes that wait for it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "policy/base/handle.h"

namespace guard::test {

// How long a killed daemon may take to end. A sanitizer has much memory to give back.
#ifdef GUARD_SANITIZED
constexpr std::chrono::milliseconds kKilled(1000);
#else
constexpr std::chrono::milliseconds kKilled(100);
#endif

// Freezes a file system until it goes out of scope.
class FrozenFileSystem {
 public:
  explicit FrozenFileSystem(const std::filesystem::path& root)
      : fd_(::open(root.c_str(), O_RDONLY | O_CLOEXEC)) {
    EXPECT_EQ(::ioctl(fd_.get(), FIFREEZE, 0), 0);
  }
  ~FrozenFileSystem() { EXPECT_EQ(::ioctl(fd_.get(), FITHAW, 0), 0); }
  FrozenFileSystem(const FrozenFileSystem&) = delete;
  FrozenFileSystem& operator=(const FrozenFileSystem&) = delete;

 private:
  Fd fd_;
};

inline std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// The value in /proc/PID/status.
inline std::string process_status(pid_t process, const std::string& key) {
  std::istringstream lines(text_of("/proc/" + std::to_string(process) + "/status"));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
  return "";
}

// The children of a process that have this name.
inline std::vector<pid_t> children_of(pid_t process, const std::string& name) {
  std::vector<pid_t> found;
  std::error_code gone;
  const auto task = "/proc/" + std::to_string(process) + "/task";
  for (const auto& thread : std::filesystem::directory_iterator(task, gone)) {
    std::istringstream children(text_of(thread.path() / "children"));
    for (pid_t child = 0; children >> child;)
      if (process_status(child, "Name") == name) found.push_back(child);
  }
  return found;
}

}  // namespace guard::test
