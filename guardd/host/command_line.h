// The command line of a program: flags, options, words and verbs. An error is one sentence. Only
// command_line.cc includes the parser, which takes long to compile.
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

// Declares the arguments of a program or of one of its verbs. A name is "--json" or "-q,--quiet";
// for a word without dashes it is any name. The values must outlive the parsing.
class Arguments {
 public:
  explicit Arguments(CLI::App& app) : app_(app) {}

  // A name that begins with "!" sets the value to false.
  void flag(const std::string& name, bool& value);
  // A text or a number, which may be optional.
  template <typename Value>
  void option(const std::string& name, Value& value);
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
  // The help of a verb, or of the program for any other word.
  using Help = std::string_view (*)(std::string_view verb);

  CommandLine(std::string program, const std::string& version, Help help);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Arguments of the program, before or after the verb.
  Arguments arguments();
  // `needs` is the word that the verb requires, as error messages call it.
  Arguments add_verb(std::string_view name, std::string_view needs);

  // The first word that is not an option: the verb that the user meant.
  std::string_view intended_verb(int argc, char** argv) const;
  // Returns the exit status after printing help, the version or an error.
  std::optional<int> parse(int argc, char** argv);
  // After parse(): the index of the verb.
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

// Prints one sentence on standard error, with a pointer to the help of the verb, or of the program
// if the verb is empty. Returns the exit status for wrong usage.
int complain_about_usage(std::string_view program, const std::string& what, std::string_view verb);

// Opens closed standard streams in a way that makes their use fail: otherwise a file opened later
// would take their place.
void reserve_standard_streams();

// Writes the text to standard output. A reader that closes the pipe early is not an error. Reports
// errors on standard error, in the name of the program.
bool print(std::string_view program, std::string_view text);

}  // namespace guard
