// The fields of a violation as text for other formats. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "guardd/audit/formats/formats.h"
#include "policy/record/fields.h"

namespace guard {

// Printable, at most this long; empty if it is absent.
std::string field_text(const FieldValue& value, std::size_t longest);
std::string field_text(const Violation& violation, std::string_view name, std::size_t longest);

std::string host_of(const Violation& violation, const FormatContext& context);
// One sentence about the violation.
std::string sentence_about(const Violation& violation, std::size_t longest);

}  // namespace guard
