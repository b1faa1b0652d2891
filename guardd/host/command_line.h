// The command line of a program: flags, options, words and verbs, and a complaint of one sentence
// about what is wrong with it. Only command_line.cc includes the parser, which takes long to
// compile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace guard {

// Declares what a program, or one of its verbs, takes. A name is "--json", "-q,--quiet", or, for a
// word without dashes, what help calls it. The values must outlive the parsing.
class Arguments {
 public:
  explicit Arguments(CLI::App& app) : app_(app) {}

  // A name that begins with "!" sets the value to false.
  void flag(const std::string& name, bool& value);
  void option(const std::string& name, std::string& value);
  void option(const std::string& name, std::optional<std::string>& value);
  void option(const std::string& name, std::size_t& value);
  void option(const std::string& name, std::uint32_t& value);
  void option(const std::string& name, std::optional<std::uint32_t>& value);
  void required(const std::string& name, std::string& value);
  void choice(const std::string& name, std::string& value, std::span<const std::string_view> words);
  // One value each time the option is given.
  void repeated(const std::string& name, std::vector<std::string>& values);
  // "--op create,write"
  void comma_separated(const std::string& name, std::vector<std::string>& values);
  // Every word that follows, up to the next option.
  void words(const std::string& name, std::vector<std::string>& values);

 private:
  CLI::App& app_;
};

class CommandLine {
 public:
  // The help of a verb; of the program for anything else.
  using Help = std::string_view (*)(std::string_view verb);

  CommandLine(std::string program, const std::string& version, Help help);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // What the program takes, before or after its verb.
  Arguments arguments();
  // `needs`: the word that the verb cannot do without, as a complaint calls it.
  Arguments add_verb(std::string_view name, std::string_view needs);

  // The first word that is not an option: what the user meant as the verb.
  std::string_view intended_verb(int argc, char** argv) const;
  // The status to exit with, after help, the version, or a complaint has been printed.
  std::optional<int> parse(int argc, char** argv);
  // After parse(): the number of the verb that was given.
  std::size_t verb() const;

 private:
  struct Verb {
    std::string name;
    std::string needs;
  };

  const Verb* find_verb(std::string_view name) const;
  int complain(const std::string& what, std::string_view verb) const;
  int complain_about_verb(std::string_view said) const;

  std::unique_ptr<CLI::App> app_;
  std::vector<Verb> verbs_;
};

// One sentence on standard error. It names the help of the program, or of the verb unless that is
// empty. The exit status for wrong usage.
int complain_about_usage(std::string_view program, const std::string& what, std::string_view verb);

// Opens the standard streams that were closed, in a way that makes their use fail: otherwise a file
// opened later would take their place.
void hold_standard_streams();

// Writes all of the text to standard output; a reader that has seen enough is not a failure.
// Reports what went wrong on standard error, as the program of that name.
bool print(std::string_view program, std::string_view text);

}  // namespace guard
