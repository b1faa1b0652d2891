#include "guardd/backend.h"

#include <optional>
#include <utility>

#include "bpf/probe.h"
#include "guardd/sources/asking.h"
#include "guardd/sources/notice.h"

namespace guard {
namespace {

Result<ChosenSource> kernel_source(Lsm lsm, Processes& processes) {
  GUARD_TRY(auto source, KernelSource::create(std::move(lsm), processes));
  ChosenSource chosen;
  chosen.backend = Backend::kLsm;
  chosen.kernel = source.get();
  chosen.answers = std::make_unique<Answerer>(true);
  GUARD_TRY(chosen.source, AskingSource::create(std::move(source), *chosen.answers));
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
    if (!support.remedy.empty()) why_not += "; " + support.remedy;
    if (choice == BackendChoice::kLsm) return Error("no LSM backend: " + why_not);
  }
  ChosenSource chosen;
  chosen.answers = std::make_unique<Answerer>(false);
  GUARD_TRY(chosen.source, NoticeSource::create(!processes.remembers(), chosen.answers.get()));
  chosen.why_not_lsm = std::move(why_not);
  return chosen;
}

}  // namespace guard
