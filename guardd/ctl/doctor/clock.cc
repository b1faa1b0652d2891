#include <sys/stat.h>
#include <sys/timex.h>

#include "guardd/ctl/doctor/checks.h"

namespace guard::doctor {

using std::chrono::system_clock;

namespace {

constexpr const char* kWhyClock =
    "if the clock is wrong, incidents cannot be compared with those of other machines";

}  // namespace

ClockFacts look_at_clock() {
  ClockFacts facts;
  facts.now = system_clock::now();
  struct stat self {};
  // Packages preserve the time of the build.
  if (::stat("/proc/self/exe", &self) == 0) facts.built = system_clock::from_time_t(self.st_mtime);
  struct timex kernel {};
  const int state = ::adjtimex(&kernel);  // modes are 0: nothing is changed
  if (state >= 0) facts.is_synchronised = (kernel.status & STA_UNSYNC) == 0;
  return facts;
}

Checks clock_checks(const Machine& machine, const ClockFacts& facts) {
  Group group("clock");
  if (facts.built && facts.now < *facts.built)
    group.fail(
        "time", "the clock is earlier than the build of guardctl",
        "incidents get wrong times, so they sort wrongly and guardctl incidents --since misses "
        "them",
        "timedatectl set-ntp true, or set the clock: timedatectl set-time");
  const bool timesync = machine.is_there("/run/systemd/timesync/synchronized");
  if (timesync || facts.is_synchronised == true) {
    group.ok("synchronised", "the clock is synchronised", kWhyClock);
  } else if (!facts.is_synchronised) {
    group.skip("synchronised", "the kernel does not report whether the clock is synchronised");
  } else {
    group.warn("synchronised", "the clock is not synchronised", kWhyClock,
               "timedatectl set-ntp true");
  }
  return group.take();
}

}  // namespace guard::doctor
