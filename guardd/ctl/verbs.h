// All verbs there are. Each function declares what its verb takes, and returns what is to be done
// when that has been read.
#pragma once

#include <array>
#include <string_view>

#include "guardd/ctl/command_line.h"

namespace CLI {
class App;
}

namespace guard::ctl {

Run check_verb(CLI::App& app);
Run doctor_verb(CLI::App& app);
Run exec_verb(CLI::App& app);
Run explain_verb(CLI::App& app);
Run export_verb(CLI::App& app);
Run fix_verb(CLI::App& app);
Run incidents_verb(CLI::App& app);
Run learn_verb(CLI::App& app);
Run list_verb(CLI::App& app);
Run metrics_verb(CLI::App& app);
Run pause_verb(CLI::App& app);
Run reload_verb(CLI::App& app);
Run report_verb(CLI::App& app);
Run resume_verb(CLI::App& app);
Run scan_verb(CLI::App& app);
Run show_verb(CLI::App& app);
Run show_incident_verb(CLI::App& app);
Run status_verb(CLI::App& app);
Run suggest_verb(CLI::App& app);
Run undo_verb(CLI::App& app);
Run watch_verb(CLI::App& app);

struct Verb {
  std::string_view name;
  Run (*declare)(CLI::App& app);
  std::string_view needs;  // an argument it cannot do without, as a complaint calls it
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
