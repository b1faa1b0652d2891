#include "guardd/publish/machine.h"

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

Machine Machine::read() {
  Machine machine;
  machine.boot_id = first_word_of("/proc/sys/kernel/random/boot_id");
  std::erase(machine.boot_id, '-');
  machine.id = first_word_of("/etc/machine-id");
  utsname names{};
  if (::uname(&names) == 0) machine.host = names.nodename;
  return machine;
}

}  // namespace guard
