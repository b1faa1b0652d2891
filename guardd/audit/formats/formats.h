// Violations in the formats that log servers read. Each function returns one line with a newline.
// Text is C-escaped first, so that it is printable UTF-8, and then escaped as the format wants, so
// that no file name and no command can add a field or a line. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "policy/record/record.h"
#include "policy/words.h"

namespace guard {

enum class ExportFormat : std::uint8_t { kJson, kCsv, kCef, kRfc5424, kEcs };

template <>
struct Words<ExportFormat> {
  static constexpr std::array<std::string_view, 5> kAll{"json", "csv", "cef", "rfc5424", "ecs"};
};

// What a record does not say by itself.
struct FormatContext {
  std::string host;     // this machine's name, for records without one
  std::string version;  // guardd's
};

using FormatLine = std::string (*)(const Violation& violation, const FormatContext& context);

// ArcSight's Common Event Format, version 0.
std::string cef_line(const Violation& violation, const FormatContext& context);
// The syslog protocol of RFC 5424, with the fields as structured data.
std::string rfc5424_line(const Violation& violation, const FormatContext& context);
// JSON with the nested fields of the Elastic Common Schema; guardd's own fields are in "guardd".
std::string ecs_line(const Violation& violation, const FormatContext& context);

}  // namespace guard
