// The guardd under test, as a process: GUARD_TEST_GUARDD names another program than the build's,
// and GUARD_TEST_BACKEND another backend than fanotify.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>

namespace guard::test {

// How much longer everything takes in a virtual machine in software emulation.
int slowness();
std::string backend_under_test();

class Guardd {
 public:
  struct Options {
    std::string group = "4242";
    std::string fix_at = "settle";
    std::string action = "fix";
    bool has_tracer = true;
  };
  // Guards srv/tree below the root: see kPolicy in guardd.cc.
  Guardd(const std::filesystem::path& root, const Options& options);
  ~Guardd();

  Guardd(const Guardd&) = delete;
  Guardd& operator=(const Guardd&) = delete;

  void start();  // returns when it is ready; throws if it is not in time
  void kill();   // SIGKILL
  void send(int signal) const;
  bool is_started() const { return pid_ > 0; }
  // Why it has ended on its own; empty: it has not.
  std::string why_it_ended();

 private:
  bool is_ready() const;
  std::string last_words() const;

  std::filesystem::path files_;  // policies, state and output, outside the file system under test
  pid_t pid_ = -1;
};

}  // namespace guard::test
