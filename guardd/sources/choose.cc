#include "guardd/sources/choose.h"

#include <optional>
#include <utility>

#include "bpf/probe.h"
#include "guardd/sources/fanotify_source.h"
#include "guardd/sources/permission_marks.h"

namespace guard {
namespace {

Result<ChosenSource> kernel_source(Lsm lsm, Processes& processes) {
  GUARD_TRY(auto source, LsmSource::create(std::move(lsm), processes));
  ChosenSource chosen;
  chosen.backend = Backend::kLsm;
  chosen.kernel = source.get();
  chosen.answers = std::make_unique<PermissionResponder>(true);
  GUARD_TRY(chosen.source, PermissionMarks::create(std::move(source), *chosen.answers));
  return chosen;
}

}  // namespace

Result<ChosenSource> choose_source(BackendChoice choice, Processes& processes) {
  std::string why_not;
  if (choice != BackendChoice::kFanotify) {
    std::optional<Lsm> lsm;
    const auto support = judge_lsm(observe_lsm({}, &lsm));
    if (lsm) return kernel_source(*std::move(lsm), processes);
    why_not = support.text;
    if (!support.repair.empty()) why_not += "; " + support.repair;
    if (choice == BackendChoice::kLsm) return Error("no LSM backend: " + why_not);
  }
  ChosenSource chosen;
  chosen.answers = std::make_unique<PermissionResponder>(false);
  GUARD_TRY(chosen.source, FanotifySource::create(!processes.remembers(), chosen.answers.get()));
  chosen.why_not_lsm = std::move(why_not);
  return chosen;
}

}  // namespace guard
