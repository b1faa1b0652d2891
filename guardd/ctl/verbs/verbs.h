// All verbs. Each function declares the arguments of its verb, and returns the function that runs
// it once they are parsed.
#pragma once

#include <array>
#include <string_view>

#include "guardd/ctl/screen/complaint.h"
#include "guardd/ctl/screen/options.h"
#include "guardd/host/command_line.h"

namespace guard::ctl {

Run check_verb(Arguments& arguments);
Run doctor_verb(Arguments& arguments);
Run exec_verb(Arguments& arguments);
Run explain_verb(Arguments& arguments);
Run export_verb(Arguments& arguments);
Run fix_verb(Arguments& arguments);
Run incidents_verb(Arguments& arguments);
Run learn_verb(Arguments& arguments);
Run list_verb(Arguments& arguments);
Run metrics_verb(Arguments& arguments);
Run pause_verb(Arguments& arguments);
Run reload_verb(Arguments& arguments);
Run report_verb(Arguments& arguments);
Run resume_verb(Arguments& arguments);
Run scan_verb(Arguments& arguments);
Run show_verb(Arguments& arguments);
Run show_incident_verb(Arguments& arguments);
Run status_verb(Arguments& arguments);
Run suggest_verb(Arguments& arguments);
Run undo_verb(Arguments& arguments);
Run watch_verb(Arguments& arguments);

struct Verb {
  std::string_view name;
  Run (*declare)(Arguments& arguments);
  std::string_view needs;  // the argument that it requires, as error messages call it
};

inline constexpr std::array kVerbs{
    Verb{"check", check_verb, ""},
    Verb{"doctor", doctor_verb, ""},
    Verb{"exec", exec_verb, "the name of a POLICY"},
    Verb{"explain", explain_verb, "a PATH"},
    Verb{"export", export_verb, ""},
    Verb{"fix", fix_verb, ""},
    Verb{"incidents", incidents_verb, ""},
    Verb{"learn", learn_verb, "the name of a POLICY"},
    Verb{"list", list_verb, ""},
    Verb{"metrics", metrics_verb, ""},
    Verb{"pause", pause_verb, "the name of a POLICY"},
    Verb{"reload", reload_verb, ""},
    Verb{"report", report_verb, ""},
    Verb{"resume", resume_verb, "the name of a POLICY"},
    Verb{"scan", scan_verb, ""},
    Verb{"show", show_verb, "the name of a POLICY"},
    Verb{"show-incident", show_incident_verb, "the ID of an incident"},
    Verb{"status", status_verb, ""},
    Verb{"suggest", suggest_verb, ""},
    Verb{"undo", undo_verb, "the ID of an incident"},
    Verb{"watch", watch_verb, ""},
};

}  // namespace guard::ctl
