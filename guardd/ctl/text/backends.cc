#include "guardd/ctl/text/backends.h"

#include "bpf/probe.h"
#include "guardd/host/fanotify_probe.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

BackendSupport lsm_here() {
  const auto support = probe_lsm();
  const bool tried = support.level != LsmLevel::kUntried && support.level != LsmLevel::kUnknown;
  return {Backend::kLsm, support.level == LsmLevel::kWorks,
          tried,         std::string(to_string(support.level)),
          support.text,  support.repair};
}

BackendSupport fanotify_here() {
  const auto support = probe_fanotify();
  BackendSupport here{
      Backend::kFanotify, support.notices, true, "works", "notices and permission events", ""};
  if (!support.notices) {
    here.state = "does not work";
    here.text = support.reason;
  } else if (!support.permission) {
    here.state = "partly";
    here.text = "notices, for log and fix; " + support.reason;
  }
  return here;
}

}  // namespace

std::array<BackendSupport, 2> probe_backends() {
  return {lsm_here(), fanotify_here()};
}

std::string backends_text(const Terminal& terminal, const std::array<BackendSupport, 2>& backends) {
  constexpr std::size_t kIndent = 12;
  std::string out = terminal.paint(Tone::kStrong, "Backends here") + '\n';
  for (const auto& here : backends) {
    std::string name(word(here.backend));
    name.resize(kIndent - 2, ' ');
    const auto state = terminal.paint(here.usable ? Tone::kGood : Tone::kOdd, here.state);
    out += "  ";
    out += name;
    out += state;
    out += ": ";
    out += wrapped(printable(here.text), kIndent, kIndent + here.state.size() + 2);
    out += '\n';
    if (!here.repair.empty())
      out += std::string(kIndent, ' ') + wrapped(printable(here.repair), kIndent) + '\n';
  }
  return out;
}

Json backends_json(const std::array<BackendSupport, 2>& backends) {
  Json list;
  for (const auto& here : backends) {
    auto& entry = list[std::string(word(here.backend))];
    entry["usable"] = here.usable;
    entry["state"] = here.state;
    entry["text"] = json_text(here.text);
    if (!here.repair.empty()) entry["remedy"] = json_text(here.repair);
  }
  return list;
}

}  // namespace guard::ctl
