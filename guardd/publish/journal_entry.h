// Builds a journal entry in the native protocol, field by field. No value can imitate another
// field, whatever its bytes; values that are too long are cut and named in GUARD_TRUNCATED. Any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/publish/message_ids.h"
#include "policy/record/fields.h"

namespace guard {

class JournalEntry {
 public:
  static constexpr std::size_t kMostTexts = 64;

  // `message` is one printable line.
  JournalEntry(std::string_view id, message_id::Priority priority, std::string_view message);

  // Names are those of the contract: "path" becomes GUARD_PATH. Empty values are omitted. Text that
  // is not UTF-8 is C-escaped.
  void text(std::string_view name, std::string_view value);
  // Adds GUARD_NAME_RAW with the original bytes if they are not UTF-8.
  void path(std::string_view name, std::string_view bytes);
  void number(std::string_view name, std::uint64_t value);
  void boolean(std::string_view name, bool value) { text(name, value ? "true" : "false"); }
  void texts(std::string_view name, std::span<const std::string> values);  // at most kMostTexts
  void time(std::string_view name, TimePoint time);
  void field(std::string_view name, const FieldValue& value);
  void ancestor(std::string_view name, const Ancestor& process);

  // The process that the entry is about; journald adds its own fields about it.
  void object(std::int32_t pid);

  std::string finish() &&;

 private:
  void put(std::string_view name, std::string_view value);  // under exactly this name
  void cut(std::string_view name, std::string_view& value, std::size_t longest);

  std::string datagram_;
  std::vector<std::string> truncated_;
};

}  // namespace guard
