#include "guardd/ctl/doctor/pam.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include "guardd/ctl/machine/config_lines.h"

namespace guard::doctor {
namespace {

struct Text {
  std::string file;
  std::vector<std::string> lines;
};

// The file of the administrator, or else of the vendor.
Result<Text> text_of(const Machine& machine, const std::string& service) {
  for (const char* directory : {"/etc/pam.d/", "/usr/lib/pam.d/"}) {
    auto lines = machine.lines(directory + service);
    if (lines) return Text{directory + service, *std::move(lines)};
    if (lines.error().code() != ENOENT) return std::move(lines).error();
  }
  return Error::from_errno(ENOENT, "/etc/pam.d/" + service);
}

// The words of a line; "[success=ok default=bad]" is one.
std::vector<std::string> words_in(const std::string& line) {
  std::vector<std::string> words;
  for (auto& word : machine::words_of(line.substr(0, line.find('#')))) {
    const bool goes_on = !words.empty() && words.back().starts_with('[') &&
                         words.back().find(']') == std::string::npos;
    if (goes_on)
      words.back() += ' ' + word;
    else
      words.push_back(std::move(word));
  }
  return words;
}

// `within`: the services being included, so that a circle ends.
Status add(const Machine& machine, const std::string& service, std::set<std::string>& within,
           std::vector<PamLine>& stack) {
  GUARD_TRY(const auto text, text_of(machine, service));
  if (!within.insert(service).second) return {};
  std::string line;
  std::size_t first = 0;
  for (std::size_t i = 0; i < text.lines.size(); ++i) {
    if (line.empty()) first = i + 1;
    line += text.lines[i];
    if (line.ends_with('\\') && i + 1 < text.lines.size()) {
      line.back() = ' ';
      continue;
    }
    const auto words = words_in(std::exchange(line, {}));
    if (words.size() == 2 && words[0] == "@include") {
      (void)add(machine, words[1], within, stack);  // pam(8) also continues without it
    } else if (words.size() >= 3 && (words[0] == "session" || words[0] == "-session")) {
      if (words[1] == "include" || words[1] == "substack")
        (void)add(machine, words[2], within, stack);
      else
        stack.push_back({words[2].substr(words[2].rfind('/') + 1), text.file, first});
    }
  }
  within.erase(service);
  return {};
}

}  // namespace

Result<std::vector<PamLine>> pam_session(const Machine& machine, const std::string& service) {
  std::vector<PamLine> stack;
  std::set<std::string> within;
  GUARD_CHECK(add(machine, service, within, stack));
  return stack;
}

const PamLine* find_module(const std::vector<PamLine>& stack, std::string_view module) {
  const auto found = std::find_if(stack.begin(), stack.end(),
                                  [&](const PamLine& line) { return line.module == module; });
  return found == stack.end() ? nullptr : &*found;
}

}  // namespace guard::doctor
