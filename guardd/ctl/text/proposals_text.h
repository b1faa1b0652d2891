// Proposals as lines of a policy that can be pasted, and as JSON.
#pragma once

#include <string>

#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/text/proposals.h"
#include "guardd/ctl/text/report_view.h"

namespace guard::ctl {

struct LessonOrigin {
  std::string policy;
  std::string action;
  std::string file;  // of the policy
  Range asked;
};

// Everything but the proposed entries is a comment, whatever characters the names contain.
std::string proposals_text(const LessonOrigin& from, const Lessons& lessons,
                           const Proposals& proposals);
Json proposals_json(const LessonOrigin& from, const Lessons& lessons, const Proposals& proposals);

// A text as a quoted TOML string.
std::string toml_text(std::string_view text);

}  // namespace guard::ctl
