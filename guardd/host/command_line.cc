#include "guardd/host/command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <sstream>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>

#include "policy/base/text.h"

namespace guard {
namespace {

// The options that are valid here: those of the program and of the given verb.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  const auto add = [&names](const CLI::App& from) {
    for (const auto* option : from.get_options())
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  };
  add(app);
  for (const auto* verb : app.get_subcommands()) add(*verb);
  return names;
}

std::string not_expected(const CLI::App& app, const std::string& word) {
  if (!word.starts_with('-') || word == "-") return quote(word) + " is one argument too many";
  const auto said = word.substr(0, word.find('='));
  return "unknown option " + quote(said) + did_you_mean(said, option_names(app));
}

// The sentences of the parser begin with the name of the option.
std::string option_of(const std::string& text) {
  return text.substr(0, text.find_first_of(": "));
}

// The error as a sentence: "unknown option "--jsno"; did you mean "--json"?"
std::string complaint(const CLI::App& app, const CLI::ParseError& error) {
  const std::string text = error.what();
  if (const auto words = app.remaining(true); !words.empty())
    return not_expected(app, words.front());
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) && text.starts_with('-'))
    return option_of(text) + " needs a value";
  constexpr std::string_view kNotConverted = "Could not convert: ";
  if (dynamic_cast<const CLI::ConversionError*>(&error) && text.starts_with(kNotConverted))
    return option_of(text.substr(kNotConverted.size())) + " takes no value";
  // "--log: xml not in {console,json}"
  const auto choices = text.find(" not in {");
  if (dynamic_cast<const CLI::ValidationError*>(&error) && choices != std::string::npos) {
    const auto option = option_of(text);
    auto words = text.substr(choices + 9, text.rfind('}') - choices - 9);
    for (std::size_t comma = 0; (comma = words.find(',', comma)) != std::string::npos; comma += 4)
      words.replace(comma, 1, " or ");
    return option + " can be " + words + ", not " +
           quote(text.substr(option.size() + 2, choices - option.size() - 2));
  }
  std::string one_line = text;
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  return one_line;
}

// An error about "--user=" with nothing after it, where the parser would take the next word. Or
// empty.
std::string option_without_value(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") break;
    if (word.starts_with("--") && word.find('=') == word.size() - 1)
      return std::string(word.substr(0, word.size() - 1)) + " needs a value";
  }
  return {};
}

class HandWrittenHelp : public CLI::Formatter {
 public:
  explicit HandWrittenHelp(CommandLine::Help help) : help_(help) {}
  std::string make_help(const CLI::App* app, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    return std::string(help_(app->get_name()));
  }

 private:
  CommandLine::Help help_;
};

}  // namespace

void Arguments::flag(const std::string& name, bool& value) {
  app_.add_flag(name, value);
}

template <typename Value>
void Arguments::option(const std::string& name, Value& value) {
  app_.add_option(name, value);
}
template void Arguments::option(const std::string& name, std::string& value);
template void Arguments::option(const std::string& name, std::optional<std::string>& value);
template void Arguments::option(const std::string& name, std::uint32_t& value);
template void Arguments::option(const std::string& name, std::optional<std::size_t>& value);

void Arguments::required(const std::string& name, std::string& value) {
  app_.add_option(name, value)->required();
}

void Arguments::choice(const std::string& name, std::string& value,
                       std::span<const std::string_view> words) {
  app_.add_option(name, value)
      ->check(CLI::IsMember(std::vector<std::string>(words.begin(), words.end())));
}

void Arguments::repeated(const std::string& name, std::vector<std::string>& values) {
  app_.add_option(name, values)->allow_extra_args(false);
}

void Arguments::comma_separated(const std::string& name, std::vector<std::string>& values) {
  app_.add_option(name, values)->delimiter(',')->allow_extra_args(false);
}

void Arguments::words(const std::string& name, std::vector<std::string>& values) {
  auto* option = app_.add_option(name, values);
  if (name.starts_with('-')) option->expected(1, -1);
}

CommandLine::CommandLine(std::string program, const std::string& version, Help help)
    : app_(std::make_unique<CLI::App>("", std::move(program))) {
  app_->formatter(std::make_shared<HandWrittenHelp>(help));
  app_->set_version_flag("--version", app_->get_name() + " " + version);
  app_->fallthrough();
}

CommandLine::~CommandLine() = default;

Arguments CommandLine::arguments() {
  return Arguments(*app_);
}

Arguments CommandLine::add_verb(std::string_view name, std::string_view needs) {
  verbs_.push_back({std::string(name), std::string(needs)});
  app_->require_subcommand(1);
  return Arguments(*app_->add_subcommand(verbs_.back().name));
}

std::string_view CommandLine::intended_verb(int argc, char** argv) const {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with('-')) return word;
    const auto* option = app_->get_option_no_throw(std::string(word));
    if (option && option->get_items_expected_max() > 0) ++i;
  }
  return {};
}

std::size_t CommandLine::verb() const {
  const auto* verb = find_verb(app_->get_subcommands().front()->get_name());
  return static_cast<std::size_t>(verb - verbs_.data());
}

// Null if there is no such verb.
const CommandLine::Verb* CommandLine::find_verb(std::string_view name) const {
  for (const auto& verb : verbs_)
    if (verb.name == name) return &verb;
  return nullptr;
}

int CommandLine::complain(const std::string& what, std::string_view verb) const {
  return complain_about_usage(app_->get_name(), what, find_verb(verb) ? verb : "");
}

int CommandLine::complain_about_verb(std::string_view said) const {
  if (said.empty()) return complain("no verb given; try: guardctl check", said);
  std::vector<std::string> names;
  for (const auto& verb : verbs_) names.push_back(verb.name);
  return complain("unknown verb " + quote(said) + did_you_mean(said, names), said);
}

std::optional<int> CommandLine::parse(int argc, char** argv) {
  const auto said = intended_verb(argc, argv);
  if (const auto option = option_without_value(argc, argv); !option.empty())
    return complain(option, said);
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    std::ostringstream text;
    app_->exit(success, text);
    return print(app_->get_name(), text.str()) ? 0 : 1;
  } catch (const CLI::ParseError& error) {
    if (verbs_.empty()) return complain(complaint(*app_, error), "");
    const auto left = app_->remaining(true);
    const auto* verb = find_verb(said);
    if (!verb && (!said.empty() || (!left.empty() && left.front().empty())))
      return complain_about_verb(said);
    if (left.empty() && dynamic_cast<const CLI::RequiredError*>(&error)) {
      if (!verb) return complain_about_verb(said);
      const std::string text = error.what();  // "--for is required"
      const auto what = text.starts_with("--") ? text.substr(0, text.find(' ')) : verb->needs;
      return complain(verb->name + " needs " + what, said);
    }
    return complain(complaint(*app_, error), said);
  }
  return std::nullopt;
}

int complain_about_usage(std::string_view program, const std::string& what, std::string_view verb) {
  std::cerr << program << ": " << printable(what) << " (see " << program
            << (verb.empty() ? "" : " ") << verb << " --help)\n";
  return 2;
}

void reserve_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() takes the lowest free number, which is this one. The wrong mode makes its use fail.
    if (::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

bool print(std::string_view program, std::string_view text) {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail for SIGPIPE
  while (!text.empty()) {
    const auto wrote = ::write(STDOUT_FILENO, text.data(), text.size());
    if (wrote >= 0) {
      text.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno == EPIPE) {
      return true;
    } else if (errno != EINTR) {
      std::cerr << program
                << ": standard output cannot be written: " << std::generic_category().message(errno)
                << '\n';
      return false;
    }
  }
  return true;
}

}  // namespace guard
