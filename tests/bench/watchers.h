// Who watches a tree while it is measured: nobody, guardd, or what people write for themselves. The
// two processes run from construction to destruction; of a watcher that is not there, nothing can
// be measured. One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace guard::bench {

// A program that ends, with all of its process group, when this does.
class Process {
 public:
  // Standard output goes to `output`.
  Process(const std::vector<std::string>& words, const std::filesystem::path& output);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // A line of /proc/PID/status, in its own unit.
  std::uint64_t status(const std::string& key) const;
  // How often any of its threads gave up or lost the processor.
  std::uint64_t switches() const;

 private:
  pid_t pid_ = -1;
};

class Guardd {
 public:
  // With a policy for each tree; back when it watches them and has looked through them.
  Guardd(const std::vector<std::filesystem::path>& trees, std::chrono::milliseconds settle,
         const std::string& terms = "action = \"fix\"\n");

  const Process& process() const { return process_; }
  // How many lines it has said with this in them, so far.
  std::size_t said(const std::string& words) const;

 private:
  std::filesystem::path place_;
  Process process_;
};

// fapolicyd as Debian has it, which lets everybody do anything by one rule, and asks about one
// mount. In a mount namespace of one's own: it finds its settings in /etc.
class Fapolicyd {
 public:
  // Of this type no other file system may be mounted in the namespace.
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
