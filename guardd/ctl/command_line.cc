#include "guardd/ctl/command_line.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <sstream>
#include <string_view>

#include <CLI/CLI.hpp>

#include "guardd/ctl/help.h"
#include "guardd/host/usage.h"
#include "guardd/version.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

constexpr std::array<std::string_view, 5> kVerbs{"check", "explain", "export", "list", "show"};

class HandWrittenHelp : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    return std::string(help_text(app->get_name()));
  }
};

// The first word that is no option: what the person took for a verb.
std::string_view intended_verb(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--policy-dir") {
      ++i;
    } else if (!word.starts_with('-')) {
      return word;
    }
  }
  return {};
}

bool is_verb(std::string_view word) {
  return std::find(kVerbs.begin(), kVerbs.end(), word) != kVerbs.end();
}

// One sentence on standard error; the help is named, not dumped.
ExitCode complain(const std::string& what, std::string_view verb) {
  const auto help =
      is_verb(verb) ? "guardctl " + std::string(verb) + " --help" : std::string("guardctl --help");
  std::cerr << "guardctl: " << printable(what) << " (see " << help << ")\n";
  return kUsage;
}

ExitCode complain_about_verb(std::string_view verb) {
  if (verb.empty()) return complain("no verb given; try: guardctl check", verb);
  const auto near = nearest(verb, kVerbs);
  return complain(
      "unknown verb " + quote(verb) + (near.empty() ? "" : "; did you mean " + quote(near) + "?"),
      verb);
}

ExitCode complain_about(const CLI::App& app, const CLI::ParseError& error, std::string_view verb) {
  const auto left = app.remaining(true);
  if (!is_verb(verb) && !verb.empty()) return complain_about_verb(verb);
  if (verb.empty() && !left.empty() && left.front().empty()) return complain_about_verb(verb);
  if (left.empty() && dynamic_cast<const CLI::RequiredError*>(&error)) {
    if (verb == "show") return complain("show needs the name of a POLICY", verb);
    if (verb == "explain") return complain("explain needs a PATH", verb);
    return complain_about_verb(verb);
  }
  return complain(complaint(app, error), verb);
}

}  // namespace

std::variant<CommandLine, ExitCode> parse_command_line(int argc, char** argv) {
  CommandLine line;
  auto& options = line.options;
  CheckOptions check;
  ShowOptions show;
  ExplainOptions explain;
  ExportOptions exported;

  CLI::App app("", "guardctl");
  app.formatter(std::make_shared<HandWrittenHelp>());
  app.set_version_flag("--version", "guardctl " GUARD_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("--json", options.json);
  app.add_flag("!--no-pager", options.pager);
  app.add_flag("-q,--quiet", options.quiet);
  app.add_option("--policy-dir", options.policy_directories)->allow_extra_args(false);

  auto* check_verb = app.add_subcommand("check");
  check_verb->add_option("paths", check.paths);
  app.add_subcommand("list");
  auto* show_verb = app.add_subcommand("show");
  show_verb->add_option("policy", show.policy)->required();
  auto* explain_verb = app.add_subcommand("explain");
  explain_verb->add_option("path", explain.path)->required();
  explain_verb->add_option("--user", explain.user);
  explain_verb->add_option("--op", explain.operations)->delimiter(',')->allow_extra_args(false);
  explain_verb->add_option("--exe", explain.exe);
  explain_verb->add_option("--unit", explain.unit);
  explain_verb->add_option("--login", explain.login);
  explain_verb->add_option("--label", explain.labels)->delimiter(',')->allow_extra_args(false);
  explain_verb->add_flag("--terminal", explain.terminal);

  auto* export_verb = app.add_subcommand("export");
  export_verb->add_option("--trail", exported.trail);
  export_verb->add_flag("--csv", exported.csv);
  export_verb->add_flag("--incidents", exported.incidents);
  export_verb->add_option("--since", exported.since);
  export_verb->add_option("--until", exported.until);
  export_verb->add_option("--policy", exported.policy);
  export_verb->add_option("--login", exported.login);
  export_verb->add_option("--severity", exported.severity);
  export_verb->add_option("--path", exported.path);
  export_verb->add_option("--command", exported.command);
  export_verb->add_option("--incident", exported.incident);
  export_verb->add_option("--limit", exported.limit);

  const auto intended = intended_verb(argc, argv);
  if (const auto option = option_without_value(argc, argv); !option.empty())
    return complain(option, intended);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    std::ostringstream text;
    app.exit(success, text);
    return print("guardctl", text.str()) ? kDone : kFailed;
  } catch (const CLI::ParseError& error) {
    return complain_about(app, error, intended);
  }
  if (*explain_verb && explain.path.empty()) return complain("PATH is empty", intended);
  if (std::find(check.paths.begin(), check.paths.end(), "") != check.paths.end())
    return complain("FILE is empty", intended);
  if (*check_verb) {
    line.verb = check;
  } else if (*show_verb) {
    line.verb = show;
  } else if (*explain_verb) {
    line.verb = explain;
  } else if (*export_verb) {
    line.verb = exported;
  } else {
    line.verb = ListOptions{};
  }
  return line;
}

}  // namespace guard::ctl
