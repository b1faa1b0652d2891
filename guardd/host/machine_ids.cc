#include "guardd/host/machine_ids.h"

#include <sys/utsname.h>

#include <fstream>

namespace guard {
namespace {

std::string first_word_of(const char* file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

}  // namespace

MachineIds MachineIds::read() {
  MachineIds machine;
  machine.boot_id = first_word_of("/proc/sys/kernel/random/boot_id");
  std::erase(machine.boot_id, '-');
  machine.id = first_word_of("/etc/machine-id");
  machine.host = host_name();
  return machine;
}

std::string host_name() {
  utsname names{};
  return ::uname(&names) == 0 ? names.nodename : "";
}

}  // namespace guard
