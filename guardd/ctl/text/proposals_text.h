// Proposals as lines of a policy, ready to be pasted, and as JSON.
#pragma once

#include <string>

#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/text/proposals.h"
#include "guardd/ctl/text/report_view.h"

namespace guard::ctl {

struct LessonOrigin {
  std::string policy;
  std::string action;
  std::string file;  // where the policy stands
  Range asked;
};

// What is not to be obeyed is a comment, whatever a name has in it.
std::string proposals_text(const LessonOrigin& from, const Lessons& lessons,
                           const Proposals& proposals);
Json proposals_json(const LessonOrigin& from, const Lessons& lessons, const Proposals& proposals);

// A text in quotes, as TOML reads it.
std::string toml_text(std::string_view text);

}  // namespace guard::ctl
