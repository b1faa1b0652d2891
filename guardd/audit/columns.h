// What of a violation goes into which row of the audit trail, and back. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "guardd/state/database.h"
#include "policy/record/record.h"

namespace guard {

inline std::int64_t micros_of(std::chrono::system_clock::time_point time) {
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}
inline std::chrono::system_clock::time_point time_of(std::int64_t micros) {
  return std::chrono::system_clock::time_point(std::chrono::microseconds(micros));
}

// The values of a row in their order. They look into what they were made of.
class Fields {
 public:
  void add(std::int64_t value) { values_.emplace_back(value); }
  void add(std::uint64_t value) { add(static_cast<std::int64_t>(value)); }
  void add(std::uint32_t value) { add(std::int64_t{value}); }
  void add(std::int32_t value) { add(std::int64_t{value}); }
  void add(std::string_view bytes) { values_.emplace_back(bytes); }
  void add(const std::string& bytes) { add(std::string_view(bytes)); }
  template <typename Tag>
  void add(Strong<Tag, std::uint32_t> id) {
    add(id.value);
  }
  template <typename T>
  void add(const std::optional<T>& value) {
    value ? add(*value) : nothing();
  }
  void nothing() { values_.emplace_back(); }

  void bind_to(Statement& statement) const;
  std::string key() const;  // two rows have the same if they are the same

 private:
  std::vector<std::variant<std::monostate, std::int64_t, std::string_view>> values_;
};

// Where in its chapter a violation finds the rest of it.
struct SegmentPlace {
  std::int64_t chapter = 0;
  std::int64_t kind = 0;
  std::int64_t actor = 0;
};

Fields chapter_fields(const Violation& violation);  // from policy to human
Fields kind_fields(const Violation& violation);     // without chapter and number, as those below
Fields setting_fields(const Actor& actor);
Fields actor_fields(const Actor& actor, std::int64_t setting, std::optional<std::int64_t> parent);
Fields ancestor_fields(const Ancestor& process, std::optional<std::int64_t> parent);
Fields own_fields(const Violation& violation, const SegmentPlace& place);

// Of a table of violations (v), its incident (i), chapter (c), kind (k), actor (a) and setting (s):
// what read_violation() takes.
extern const char* const kViolationColumns;
extern const char* const kViolationJoins;  // of v and c: the others

// Where the lineage begins: it is not read.
struct LineageStart {
  std::int64_t chapter = 0;
  std::optional<std::int64_t> parent;
};
LineageStart read_violation(Statement& row, Violation& violation);
std::optional<Ownership> read_ownership(Statement& row);
std::optional<std::int64_t> read_ancestor(Statement& row, Ancestor& process);  // its parent

}  // namespace guard
