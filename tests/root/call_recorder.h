// Watches the system calls of a daemon that name files, and keeps those that its main process must
// leave to helpers: what lies in /proc/PID/{exe,cmdline,cwd,environ,mem} of other processes. The
// kernel holds each call until the recorder has read its path.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "policy/base/handle.h"

namespace guard::test {

class CallRecorder {
 public:
  CallRecorder() = default;
  ~CallRecorder();
  CallRecorder(const CallRecorder&) = delete;
  CallRecorder& operator=(const CallRecorder&) = delete;

  // Starts a program whose calls are watched, with this file as its output. -1: not possible here.
  pid_t start(const std::vector<std::string>& command, const std::string& output);
  // The calls that were against the rule, and how many calls of the main process were watched.
  std::vector<std::string> forbidden();
  unsigned watched();

 private:
  void run();
  void look(pid_t thread, int call, const std::uint64_t* arguments);
  pid_t process_of(pid_t thread);

  pid_t daemon_ = -1;
  Fd listener_;
  std::mutex mutex_;
  std::vector<std::string> forbidden_;
  unsigned watched_ = 0;
  std::map<pid_t, pid_t> processes_;  // by thread
  std::thread thread_;
};

}  // namespace guard::test
