// guardd-notifier: shows guardd's incidents on the desktop.

#include <getopt.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <string_view>

#include "dbus/notifier/notifier.h"
#include "guardd/version.h"
#include "policy/base/text.h"

namespace {

constexpr int kWrongUsage = 2;

constexpr const char* kHelp =
    "Usage: guardd-notifier [OPTION]...\n"
    "Shows guardd's incidents as notifications of the desktop, until it is ended.\n"
    "\n"
    "  --severity LEVEL   only incidents of this severity or a higher one: info, low,\n"
    "                     medium, high or critical (info)\n"
    "  -h, --help         print this\n"
    "  --version          print the version\n";

int run(guard::Severity least) {
  sd_event* made = nullptr;
  if (sd_event_default(&made) < 0) return 1;
  const guard::Handle<sd_event, sd_event_unref> loop(made);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  (void)::sigprocmask(SIG_BLOCK, &signals, nullptr);
  (void)sd_event_add_signal(made, nullptr, SIGTERM, nullptr, nullptr);
  (void)sd_event_add_signal(made, nullptr, SIGINT, nullptr, nullptr);
  guard::bus::Notifier notifier(made, least);
  if (const auto started = notifier.start(); !started) {
    if (started.error().code() == EEXIST) {
      std::cerr << "guardd-notifier: another one runs in this session\n";
      return 0;
    }
    std::cerr << "guardd-notifier: " << guard::printable(started.error().text()) << '\n';
    return 1;
  }
  return sd_event_loop(made) == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const std::array options{option{"severity", required_argument, nullptr, 's'},
                           option{"help", no_argument, nullptr, 'h'},
                           option{"version", no_argument, nullptr, 'v'}, option{}};
  auto least = guard::Severity::kInfo;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
  for (int each = 0;
       (each = ::getopt_long(count, arguments, "h", options.data(), nullptr)) != -1;) {
    if (each == 'h') {
      std::cout << kHelp;
      return 0;
    }
    if (each == 'v') {
      std::cout << "guardd-notifier " << GUARD_VERSION << '\n';
      return 0;
    }
    const auto chosen =
        each == 's' ? guard::parse_word<guard::Severity>(optarg) : std::optional<guard::Severity>();
    if (!chosen) {
      if (each == 's')
        std::cerr << "guardd-notifier: --severity must be info, low, medium, high or critical\n";
      return kWrongUsage;
    }
    least = *chosen;
  }
  if (optind != count) {
    std::cerr << "guardd-notifier: it takes no arguments; see --help\n";
    return kWrongUsage;
  }
  return run(least);
}
