// A small service: takes a bus name, writes a journal record with an additional field, and runs
// until it is stopped.
#include <csignal>
#include <cstdio>
#include <cstring>

#include <systemd/sd-bus.h>
#include <systemd/sd-journal.h>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const char* const name = argv[1];
  const char* const proof = argv[2];
  sd_bus* bus = nullptr;
  int result = sd_bus_open_system(&bus);
  if (result >= 0) result = sd_bus_request_name(bus, name, 0);
  if (result < 0) {
    (void)std::fprintf(stderr, "cannot own %s: %s\n", name, std::strerror(-result));
    return 1;
  }
  (void)sd_journal_send("MESSAGE=%s is mine", name, "PRIORITY=4", "GUARD_PROOF=%s", proof, nullptr);

  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  int signal = 0;
  sigwait(&stop, &signal);
  sd_bus_flush_close_unref(bus);
  return 0;
}
