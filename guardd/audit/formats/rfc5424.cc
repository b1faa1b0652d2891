#include <algorithm>

#include "guardd/audit/formats/field_text.h"

namespace guard {
namespace {

constexpr std::size_t kLongestValue = 1024;
constexpr std::size_t kLongestMessage = 2048;
constexpr int kSecurity = 10;  // the facility "authpriv"
constexpr int kError = 3;
constexpr int kWarning = 4;

// guardd has no number of its own with IANA; this one is for documentation.
constexpr const char* kStructure = "guardd@32473";

// As the RFC says of a value: with a backslash before these.
std::string value_of(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("\"\\]").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// Printable ASCII without spaces; "-" is no value.
std::string name_of(std::string_view text) {
  const bool is_good =
      !text.empty() && text.size() <= 255 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return is_good ? std::string(text) : "-";
}

}  // namespace

std::string rfc5424_line(const Violation& violation, const FormatContext& context) {
  // The same as in the journal: the priority shows whether guardd could act.
  const int severity = violation.action == Outcome::kSkipped ? kError : kWarning;
  std::string line = '<' + std::to_string(kSecurity * 8 + severity) + ">1 ";
  line += rfc3339(violation.time) + ' ' + name_of(host_of(violation, context));
  line += " guardd - violation [";
  line += kStructure;
  for (const auto& field : kFields) {
    const auto value = field_text(field.value(violation), kLongestValue);
    if (!value.empty()) line.append(" ").append(field.name).append("=\"" + value_of(value) + '"');
  }
  return line + "] " + sentence_about(violation, kLongestMessage) + '\n';
}

}  // namespace guard
