#include "guardd/ctl/suggest/proposal.h"

#include <fmt/format.h>

#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/suggest/pattern.h"
#include "guardd/host/terminal_text.h"
#include "policy/base/text.h"

namespace guard::suggest {
namespace {

using machine::lines_of;

constexpr std::size_t kLongestName = 64;
constexpr const char* kMadeAsRoot =
    ": it is made as root by its package or systemd, and given to the owner at times";

// A sentence as a comment, wrapped. Characters that could end a line are escaped first.
std::string comment(std::string_view text, std::string_view before = "# ",
                    std::string_view after = "# ") {
  std::string out;
  const auto width = kLineWidth - before.size();
  std::string_view lead = before;
  const auto lines = wrapped(printable(text), 0, 0, width);
  for (const auto line : lines_of(lines)) {
    out += lead;
    out += line;
    out += '\n';
    lead = after;
  }
  return out;
}

std::string item(std::string_view text) {
  return comment(text, "# - ", "#   ");
}

// A name in quotes, or the number of a user without a name.
std::string principal(const std::string& name) {
  return parse_number(name) ? name : toml_string(name);
}

std::string list(const std::vector<std::string>& texts, std::string_view indent) {
  std::string all;
  std::size_t width = 12;
  for (const auto& text : texts) {
    const auto one = toml_string(text);
    width += one.size() + 2;
    all += (all.empty() ? "" : ", ") + one;
  }
  if (texts.size() == 1 || width <= kLineWidth) return "[" + all + "]";
  all = "[\n";
  for (const auto& text : texts) all += std::string(indent) + "  " + toml_string(text) + ",\n";
  return all + std::string(indent) + "]";
}

// "3 entries of root:adm, for instance log/x"
std::string count_text(const ProposedRule& rule) {
  auto text = counted(rule.entries, "entry", "entries") + " of " + escaped(rule.owner) + ":" +
              escaped(rule.group);
  if (rule.example.empty())
    return text +
           (rule.entries == 1 ? ": the root of the tree" : ", including the root of the tree");
  return text + ", for instance " + quote(shortened_middle(rule.example, 50));
}

std::string rule_text(const ProposedRule& rule, const std::string& indent) {
  return indent + "[[policy.rule]]\n" +
         fmt::format("{}match = {}\n", indent, list(rule.match, indent)) +
         fmt::format("{}owner = {}\n", indent, principal(rule.owner)) +
         fmt::format("{}group = {}\n", indent, principal(rule.group));
}

}  // namespace

std::string policy_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool is_capital = c >= 'A' && c <= 'Z';
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (is_capital)
      name += static_cast<char>(c - 'A' + 'a');
    else if (is_plain || ((c == '.' || c == '_' || c == '-') && !name.empty()))
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
    if (name.size() == kLongestName) break;
  }
  while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
  return name.empty() ? "suggested" : name;
}

std::string policy_text(const Proposal& proposal) {
  std::string out;
  for (std::size_t i = 0; i < proposal.why.size(); ++i)
    out += i == 0 ? comment(proposal.why[i]) : item(proposal.why[i]);
  out += "[[policy]]\n";
  out += fmt::format("name   = {}\n", toml_string(proposal.name));
  out += fmt::format("paths  = {}\n", list(proposal.paths, ""));
  out += fmt::format("owner  = {}", principal(proposal.owner));
  if (!proposal.owner_there.empty())
    out += "  # " + shortened(printable(proposal.owner_there), kLongestName);
  out += '\n';
  out += fmt::format("group  = {}\n", principal(proposal.group));
  out += "action = \"log\"\n";
  const auto mode = [&](std::string_view key, std::string_view what, const auto& value) {
    if (value)
      out += fmt::format("# {} = \"{:04o}\"  # nearly all {} have it\n", key, value->value, what);
  };
  mode("file_mode", "files", proposal.file_mode);
  mode("dir_mode", "directories", proposal.dir_mode);
  for (const auto& rule : proposal.rules) {
    out += '\n' +
           comment(count_text(rule) + (rule.is_made_as_root ? kMadeAsRoot : ""), "  # ", "  # ");
    out += rule_text(rule, "  ");
    if (rule.is_made_as_root) out += "  action = \"off\"\n";
  }
  const auto fix_gives = [&](std::size_t entries) {
    return std::string("\"fix\" would give ") + (entries == 1 ? "it" : "them") + " to " +
           escaped(proposal.owner) + ":" + escaped(proposal.group);
  };
  for (const auto& stray : proposal.strays) {
    out += '\n' + comment(count_text(stray) + ", probably accidental: " + fix_gives(stray.entries) +
                              ". If that is wrong, uncomment this rule:",
                          "  # ", "  # ");
    const auto text = rule_text(stray, "");
    for (const auto line : lines_of(text)) out += "  #   " + std::string(line) + "\n";
  }
  for (const auto& rest : proposal.unsaid) {
    out += '\n' + comment(count_text(rest) +
                              ", without a rule, because there are too many, or their names are "
                              "too long or not UTF-8: " +
                              fix_gives(rest.entries) + ".",
                          "  # ", "  # ");
  }
  return out;
}

std::string file_text(const Suggestion& suggestion) {
  std::string out = comment("Suggested by guardctl suggest, from " + suggestion.sources +
                            ". Read and correct it, then check it:");
  out +=
      "#   guardctl check FILE\n"
      "# action = \"log\" only reports violations. Once it reports nothing unexpected for\n"
      "# a while, use \"fix\" to fix them too, and later \"deny\" to prevent them.\n";
  for (const auto& proposal : suggestion.proposals) out += '\n' + policy_text(proposal);
  if (suggestion.left_out.empty()) return out;
  out += "\n# Not suggested:\n";
  for (const auto& [what, why] : suggestion.left_out) out += item(escaped(what) + ": " + why);
  return out;
}

}  // namespace guard::suggest
