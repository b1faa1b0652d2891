// Prints explanations, for people and as JSON.
#pragma once

#include <string>

#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/terminal.h"
#include "policy/explain.h"

namespace guard::ctl {

std::string explanation_text(const Terminal& terminal, const PolicySet& set,
                             const Explanation& explanation, const ExplainQuestion& question);
Json explanation_json(const PolicySet& set, const Explanation& explanation,
                      const ExplainQuestion& question);

}  // namespace guard::ctl
