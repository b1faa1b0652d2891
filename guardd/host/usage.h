// What guardd and guardctl share at their command line: complaints of one sentence, and standard
// streams that can be relied upon. No output but on standard error.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace guard {

// What is wrong with this command line: "unknown option "--jsno"; did you mean "--json"?"
std::string complaint(const CLI::App& app, const CLI::ParseError& error);

// "--user=" with nothing after it, for which the parser would take the next word; else empty.
std::string option_without_value(int argc, char** argv);

// Parses the command line of a program without verbs. The status to end with, if help or version
// were asked for or a complaint was said.
std::optional<int> parse(CLI::App& app, int argc, char** argv);

// Standard streams that came closed are opened such that using them fails: a file opened later must
// not take their place.
void hold_standard_streams();

// Writes all of the text to standard output; a reader that has seen enough is no failure. Says on
// standard error, as the program of that name, what went wrong.
bool print(std::string_view program, std::string_view text);

}  // namespace guard
