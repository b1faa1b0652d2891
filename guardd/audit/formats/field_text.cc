#include "guardd/audit/formats/field_text.h"

#include <fmt/format.h>

#include "guardd/publish/sentences.h"
#include "policy/base/overloaded.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// An escaped character takes four bytes at most: what is cut later is not escaped first.
std::string cut_and_escaped(std::string_view text, std::size_t longest) {
  (void)cut_text(text, longest);
  const auto whole = escaped(text);
  std::string_view shown = whole;
  (void)cut_text(shown, longest);
  return std::string(shown);
}

}  // namespace

std::string field_text(const FieldValue& value, std::size_t longest) {
  return std::visit(
      Overloaded{[](std::monostate) { return std::string(); },
                 [](std::uint64_t number) { return std::to_string(number); },
                 [&](TextValue text) { return cut_and_escaped(text.text, longest); },
                 [&](PathValue path) { return cut_and_escaped(path.bytes, longest); },
                 [](Mode mode) { return fmt::format("{:04o}", mode.value); },
                 [](TimePoint time) { return rfc3339(time); },
                 [&](LineageValue lineage) {
                   std::string text;
                   for (const auto& each : lineage.ancestors)
                     text += fmt::format("{}{} [{}]", text.empty() ? "" : " < ",
                                         each.exe.empty() ? each.comm : each.exe, each.pid);
                   return cut_and_escaped(text, longest);
                 },
                 [&](ProcessValue one) {
                   const auto& process = *one.process;
                   return cut_and_escaped(process.cmdline.empty() ? process.comm : process.cmdline,
                                          longest);
                 },
                 [&](ListValue list) {
                   std::string text;
                   for (const auto& each : list.texts) text += (text.empty() ? "" : " > ") + each;
                   return cut_and_escaped(text, longest);
                 }},
      value);
}

std::string field_text(const Violation& violation, std::string_view name, std::size_t longest) {
  for (const auto& field : kFields)
    if (field.name == name) return field_text(field.value(violation), longest);
  return {};
}

std::string host_of(const Violation& violation, const FormatContext& context) {
  constexpr std::size_t kLongestHost = 255;
  auto host = field_text(violation, "host", kLongestHost);
  return host.empty() ? escaped(context.host) : host;
}

std::string sentence_about(const Violation& violation, std::size_t longest) {
  const auto whole = printable(sentence_of(violation));
  std::string_view shown = whole;
  (void)cut_text(shown, longest);
  return std::string(shown);
}

}  // namespace guard
