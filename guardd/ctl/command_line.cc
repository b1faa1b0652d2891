#include "guardd/ctl/command_line.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>

#include "guardd/ctl/help.h"
#include "guardd/ctl/verbs.h"
#include "guardd/host/usage.h"
#include "guardd/version.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

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
    if (word == "--policy-dir" || word == "--bus") {
      ++i;
    } else if (!word.starts_with('-')) {
      return word;
    }
  }
  return {};
}

// What is to be run is nobody's option: takes it, and all from -- on, from the command line.
std::vector<std::string> take_command(int& argc, char** argv) {
  char** const end = argv + argc;
  char** const dashes = std::find(argv, end, std::string_view("--"));
  if (dashes == end) return {};
  argc = static_cast<int>(dashes - argv);
  return {dashes + 1, end};
}

// Null where there is none of this name.
const Verb* find_verb(std::string_view name) {
  const auto* found = std::find_if(kVerbs.begin(), kVerbs.end(),
                                   [&](const Verb& verb) { return verb.name == name; });
  return found == kVerbs.end() ? nullptr : found;
}

ExitCode complain_about_verb(std::string_view said) {
  if (said.empty()) return misused("no verb given; try: guardctl check", said);
  std::array<std::string_view, kVerbs.size()> names;
  std::transform(kVerbs.begin(), kVerbs.end(), names.begin(),
                 [](const Verb& verb) { return verb.name; });
  const auto near = nearest(said, names);
  return misused(
      "unknown verb " + quote(said) + (near.empty() ? "" : "; did you mean " + quote(near) + "?"),
      said);
}

// "--for is required" is what the parser says of it.
std::string missing(const Verb& verb, const CLI::ParseError& error) {
  const std::string text = error.what();
  const auto what =
      text.starts_with("--") ? text.substr(0, text.find(' ')) : std::string(verb.needs);
  return std::string(verb.name) + " needs " + what;
}

ExitCode complain_about(const CLI::App& app, const CLI::ParseError& error, std::string_view said) {
  const auto left = app.remaining(true);
  const auto* verb = find_verb(said);
  if (!verb && !said.empty()) return complain_about_verb(said);
  if (!verb && !left.empty() && left.front().empty()) return complain_about_verb(said);
  if (left.empty() && dynamic_cast<const CLI::RequiredError*>(&error))
    return verb ? misused(missing(*verb, error), said) : complain_about_verb(said);
  return misused(complaint(app, error), said);
}

}  // namespace

ExitCode misused(const std::string& what, std::string_view verb) {
  const auto help = find_verb(verb) ? "guardctl " + std::string(verb) + " --help"
                                    : std::string("guardctl --help");
  std::cerr << "guardctl: " << printable(what) << " (see " << help << ")\n";
  return kUsage;
}

std::variant<CommandLine, ExitCode> parse_command_line(int argc, char** argv) {
  CommandLine line;
  auto& options = line.options;
  CLI::App app("", "guardctl");
  app.formatter(std::make_shared<HandWrittenHelp>());
  app.set_version_flag("--version", "guardctl " GUARD_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("--json", options.json);
  app.add_flag("!--no-pager", options.pager);
  app.add_flag("-q,--quiet", options.quiet);
  app.add_option("--policy-dir", options.policy_directories)->allow_extra_args(false);
  app.add_option("--bus", options.bus);
  for (const auto& verb : kVerbs) {
    auto* declared = app.add_subcommand(std::string(verb.name));
    declared->final_callback([&line, run = verb.declare(*declared)] { line.run = run; });
  }

  const auto intended = intended_verb(argc, argv);
  if (intended == "exec") options.command = take_command(argc, argv);
  if (const auto option = option_without_value(argc, argv); !option.empty())
    return misused(option, intended);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    std::ostringstream text;
    app.exit(success, text);
    return print("guardctl", text.str()) ? kDone : kFailed;
  } catch (const CLI::ParseError& error) {
    return complain_about(app, error, intended);
  }
  return line;
}

}  // namespace guard::ctl
