#include "guardd/ctl/doctor/forecast.h"

#include "guardd/ctl/doctor/probe_file.h"
#include "guardd/host/path_facts.h"

namespace guard::doctor {
namespace {

// A rule or an exclude may cover only some of these names.
constexpr std::array<const char*, 4> kEndings{"", ".log", ".conf", ".txt"};

bool proves_something(ExpectedOutcome outcome) {
  return outcome == ExpectedOutcome::kLogged || outcome == ExpectedOutcome::kFixed ||
         outcome == ExpectedOutcome::kDenied;
}

}  // namespace

Forecast forecast(const PolicySet& set, const Tree& tree, Backend backend, const Subject& self) {
  Forecast forecast;
  const auto& policy = set.policy_of(tree);
  forecast.settle = std::chrono::duration_cast<std::chrono::milliseconds>(policy.said.settle.value);
  for (const char* ending : kEndings) {
    auto name = random_name(kProbeName, ending);
    if (!name) {
      forecast.why_not = name.error().text();
      return forecast;
    }
    ExplainQuestion question;
    question.user = "root";
    question.subject = self;
    question.operations = {Operation::kCreate, Operation::kUnlink};
    add_path_facts(question, tree.path + '/' + *name);
    const auto explanation = explain(set, question);
    if (explanation.tree != &tree || explanation.operations.size() != 2) continue;
    const auto& create = explanation.operations.front();
    const auto& remove = explanation.operations.back();
    const auto at = static_cast<std::size_t>(backend);
    if (remove.outcomes.at(at) == ExpectedOutcome::kDenied) {
      forecast.why_not =
          "root could not remove the file again, because the policy guards deletions";
      return forecast;
    }
    if (!proves_something(create.outcomes.at(at))) {
      if (forecast.why_not.empty())
        forecast.why_not = "a file created by root would be " +
                           std::string(word(create.outcomes.at(at))) + ": " + create.because;
      continue;
    }
    forecast.name = *std::move(name);
    forecast.why_not.clear();
    forecast.outcome = create.outcomes.at(at);
    forecast.because = create.because;
    if (explanation.wanted) forecast.wanted = *explanation.wanted;
    return forecast;
  }
  return forecast;
}

}  // namespace guard::doctor
