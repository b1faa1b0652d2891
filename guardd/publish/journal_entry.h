// One entry of the journal in its native protocol, built field by field. Whatever the bytes given,
// no value can pass for another field; what is too long is cut and named in GUARD_TRUNCATED. Any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/publish/message_ids.h"
#include "policy/record/fields.h"

namespace guard {

class JournalEntry {
 public:
  // `message` is one printable line.
  JournalEntry(std::string_view id, message_id::Priority priority, std::string_view message);

  // Names are those of the contract: "path" is GUARD_PATH. Empty values are left out. Text that is
  // no UTF-8 is C-escaped.
  void text(std::string_view name, std::string_view value);
  // And GUARD_NAME_RAW, the very bytes, where they are no UTF-8.
  void path(std::string_view name, std::string_view bytes);
  void number(std::string_view name, std::uint64_t value);
  void time(std::string_view name, TimePoint time);
  void field(std::string_view name, const FieldValue& value);
  void ancestor(std::string_view name, const Ancestor& process);

  // The process it is about, for journald to add what it sees of it.
  void object(std::int32_t pid);

  std::string finish() &&;

 private:
  void put(std::string_view name, std::string_view value);  // under its very name
  void cut(std::string_view name, std::string_view& value, std::size_t longest);

  std::string datagram_;
  std::vector<std::string> truncated_;
};

}  // namespace guard
