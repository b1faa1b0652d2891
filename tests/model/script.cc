#include "tests/model/script.h"

#include <sstream>

namespace guard::test {

Step step_of(std::string_view line) {
  std::istringstream words{std::string(line)};
  Step step;
  words >> step.actor;
  for (std::string word; words >> word;) step.words.push_back(word);
  return step;
}

Script script_of(std::string_view text) {
  std::istringstream lines{std::string(text)};
  Script script;
  for (std::string line; std::getline(lines, line);)
    if (auto step = step_of(line); !step.words.empty()) script.push_back(std::move(step));
  return script;
}

std::string text_of(const Step& step) {
  std::string text = step.actor;
  for (const auto& word : step.words) text += " " + word;
  return text;
}

std::string text_of(const Script& script) {
  std::string text;
  for (const auto& step : script) text += text_of(step) + "\n";
  return text;
}

}  // namespace guard::test
