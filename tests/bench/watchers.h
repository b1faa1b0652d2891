// The watchers of a measured tree: none, guardd, or a script as people write it. The processes run
// from construction to destruction; a watcher that does not exist cannot be measured. One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace guard::bench {

// A program that ends with this object, and its process group with it.
class Process {
 public:
  // Standard output goes to `output`.
  Process(const std::vector<std::string>& words, const std::filesystem::path& output);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The value of a line of /proc/PID/status, in its unit.
  std::uint64_t status(const std::string& key) const;
  // How often its threads gave up or lost the processor.
  std::uint64_t switches() const;

 private:
  pid_t pid_ = -1;
};

class Guardd {
 public:
  // With a policy for each tree. Returns once it watches and has scanned them.
  Guardd(const std::vector<std::filesystem::path>& trees, std::chrono::milliseconds settle,
         const std::string& terms = "action = \"fix\"\n");

  const Process& process() const { return process_; }
  // How many lines with this text it has printed so far.
  std::size_t said(const std::string& words) const;

 private:
  std::filesystem::path place_;
  Process process_;
};

// fapolicyd from Debian, with one rule that allows everything, on one mount. Needs a separate mount
// namespace, because it reads its settings from /etc.
class Fapolicyd {
 public:
  // No other file system of this type may be mounted in the namespace.
  explicit Fapolicyd(const std::string& type);
  static bool is_here();

 private:
  Process process_;
};

// inotifywait -m -r TREE | chown
class Script {
 public:
  explicit Script(const std::filesystem::path& tree);
  static bool is_installed();

 private:
  Process process_;
};

}  // namespace guard::bench
