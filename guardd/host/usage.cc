#include "guardd/host/usage.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <sstream>
#include <system_error>
#include <vector>

#include "policy/base/text.h"

namespace guard {
namespace {

// The options that can be said here: the program's, and those of the verb that was given.
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
  const auto names = option_names(app);
  const auto near = nearest(said, names);
  return "unknown option " + quote(said) +
         (near.empty() ? "" : "; did you mean " + quote(near) + "?");
}

// The parser's own sentences begin with the name of the option.
std::string option_of(const std::string& text) {
  return text.substr(0, text.find_first_of(": "));
}

}  // namespace

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

std::string option_without_value(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") break;
    if (word.starts_with("--") && word.find('=') == word.size() - 1)
      return std::string(word.substr(0, word.size() - 1)) + " needs a value";
  }
  return {};
}

std::optional<int> parse(CLI::App& app, int argc, char** argv) {
  const auto wrong = [&app](const std::string& what) {
    const auto& name = app.get_name();
    std::cerr << name << ": " << printable(what) << " (see " << name << " --help)\n";
    return 2;
  };
  if (const auto option = option_without_value(argc, argv); !option.empty()) return wrong(option);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream text;
    app.exit(success, text);
    return print(app.get_name(), text.str()) ? 0 : 1;
  } catch (const CLI::ParseError& error) {
    return wrong(complaint(app, error));
  }
  return std::nullopt;
}

void hold_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest number free is this one. Opened the wrong way round, so that use still fails.
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
