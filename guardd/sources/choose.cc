#include "guardd/sources/choose.h"

#include <optional>
#include <utility>

#include "bpf/probe.h"
#include "guardd/sources/fanotify_source.h"
#include "guardd/sources/lsm_source.h"

namespace guard {
namespace {

Result<ChosenSource> lsm_source(Lsm lsm, Processes& processes) {
  ChosenSource chosen;
  chosen.backend = Backend::kLsm;
  chosen.responder = std::make_unique<PermissionResponder>(true);
  GUARD_TRY(chosen.source, LsmSource::create(std::move(lsm), processes));
  GUARD_TRY(chosen.marks, PermissionMarks::create(*chosen.responder));
  return chosen;
}

}  // namespace

Result<ChosenSource> choose_source(BackendChoice choice, std::uint32_t queues,
                                   const std::function<Processes&()>& processes) {
  std::string why_not;
  if (choice != BackendChoice::kFanotify) {
    std::optional<Lsm> lsm;
    const auto support = judge_lsm(observe_lsm({}, &lsm));
    if (lsm) return lsm_source(*std::move(lsm), processes());
    why_not = support.text;
    if (!support.repair.empty()) why_not += "; " + support.repair;
    if (choice == BackendChoice::kLsm) return Error("the LSM backend is not available: " + why_not);
  }
  ChosenSource chosen;
  chosen.responder = std::make_unique<PermissionResponder>(false);
  GUARD_TRY(chosen.source,
            FanotifySource::create({!processes().remembers(), true, queues}, *chosen.responder));
  chosen.why_not_lsm = std::move(why_not);
  return chosen;
}

}  // namespace guard
