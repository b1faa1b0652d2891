#include "guardd/ctl/text/doctor_text.h"

#include <langinfo.h>

#include <algorithm>
#include <array>
#include <clocale>

#include "policy/base/text.h"

namespace guard::ctl {
namespace {

using doctor::Check;
using doctor::Checks;
using doctor::Mark;

constexpr std::size_t kIndent = 4;

struct MarkStyle {
  std::string_view sign;
  std::string_view plain;  // for locales other than UTF-8
  Tone tone;
};
constexpr std::array<MarkStyle, 4> kMarkStyles{
    MarkStyle{"✓", "+", Tone::kGood}, MarkStyle{"!", "!", Tone::kOdd},
    MarkStyle{"✗", "x", Tone::kBad}, MarkStyle{"-", "-", Tone::kFaint}};

bool locale_is_utf8() {
  (void)std::setlocale(LC_CTYPE, "");
  return std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
}

std::string sign_of(const Terminal& terminal, Mark mark, bool is_utf8) {
  const auto& style = kMarkStyles.at(static_cast<std::size_t>(mark));
  return terminal.paint(style.tone, is_utf8 ? style.sign : style.plain);
}

std::string detail(const Terminal& terminal, std::string_view lead, const std::string& text) {
  if (text.empty()) return {};
  std::string out(kIndent, ' ');
  out += terminal.paint(Tone::kFaint, lead);
  return out + wrapped(text, kIndent + 2, kIndent + lead.size()) + '\n';
}

std::string check_text(const Terminal& terminal, const Check& check, bool is_utf8, bool all) {
  auto text = "  " + sign_of(terminal, check.mark, is_utf8) + ' ' +
              terminal.paint(Tone::kStrong, check.name) + ": " +
              wrapped(check.finding, kIndent, kIndent + columns_of(check.name) + 2) + '\n';
  if (check.mark != Mark::kOk || all) text += detail(terminal, "why: ", check.why);
  if (check.mark != Mark::kSkipped || all) text += detail(terminal, "fix: ", check.repair);
  return text;
}

}  // namespace

CheckCounts tally(const Checks& checks) {
  const auto count = [&](Mark mark) {
    return static_cast<std::size_t>(std::count_if(
        checks.begin(), checks.end(), [&](const Check& check) { return check.mark == mark; }));
  };
  return {count(Mark::kOk), count(Mark::kWarn), count(Mark::kFail), count(Mark::kSkipped)};
}

std::string diagnosis_text(const Terminal& terminal, const Checks& checks, bool all) {
  const bool is_utf8 = locale_is_utf8();
  std::string text;
  std::string group;
  for (const auto& check : checks) {
    if (check.group != group) {
      group = check.group;
      text += (text.empty() ? "" : "\n") + terminal.paint(Tone::kStrong, group) + '\n';
    }
    text += check_text(terminal, check, is_utf8, all);
  }
  const auto sum = tally(checks);
  text += '\n' + counted(checks.size(), "check", "checks") + ": " + std::to_string(sum.passed) +
          " passed, " + counted(sum.warnings, "warning", "warnings") + ", " +
          std::to_string(sum.failures) + " failed, " + std::to_string(sum.skipped) + " skipped.\n";
  return text;
}

Json diagnosis_json(const Checks& checks) {
  Json list = Json::array();
  for (const auto& check : checks) {
    Json json;
    json["group"] = json_text(check.group);
    json["name"] = json_text(check.name);
    json["result"] = std::string(word(check.mark));
    json["finding"] = json_text(check.finding);
    json["why"] = json_text(check.why);
    json["remedy"] = json_text(check.repair);
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace guard::ctl
