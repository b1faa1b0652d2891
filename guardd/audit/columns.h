// Converts between violations and rows of the audit trail. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "guardd/state/database.h"
#include "policy/record/record.h"

namespace guard {

inline std::int64_t micros_of(std::chrono::system_clock::time_point time) {
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}
// Later than every time of a record, and greater than every number of one.
inline constexpr auto kEver = std::numeric_limits<std::int64_t>::max();
inline std::chrono::system_clock::time_point time_of(std::int64_t micros) {
  return std::chrono::system_clock::time_point(std::chrono::microseconds(micros));
}

// The values of a row, in order. They refer to the record they came from.
class Fields {
 public:
  void add(std::int64_t value) { values_.emplace_back(value); }
  void add(std::uint64_t value) { add(static_cast<std::int64_t>(value)); }
  void add(std::uint32_t value) { add(std::int64_t{value}); }
  void add(std::int32_t value) { add(std::int64_t{value}); }
  void add(std::string_view bytes) { values_.emplace_back(bytes); }
  void add(const std::string& bytes) { add(std::string_view(bytes)); }
  void add(std::chrono::system_clock::time_point time) { add(micros_of(time)); }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void add(Enum word) { add(static_cast<std::int64_t>(word)); }
  template <typename Tag>
  void add(Strong<Tag, std::uint32_t> id) {
    add(id.value);
  }
  template <typename T>
  void add(const std::optional<T>& value) {
    value ? add(*value) : add_null();
  }
  void add(const std::optional<Ownership>& state);
  void add(const std::optional<ObjectTimes>& times);
  void add_null() { values_.emplace_back(); }

  void bind_to(Statement& statement) const;
  std::string key() const;  // equal rows have equal keys

 private:
  std::vector<std::variant<std::monostate, std::int64_t, std::string_view>> values_;
};

// Where the rest of a violation is stored in its segment.
struct SegmentPlace {
  std::int64_t segment = 0;
  std::int64_t kind = 0;
  std::int64_t actor = 0;
};

// The names of columns, separated by commas, in the order of the fields below.
struct ColumnNames {
  std::string segment, kind, setting, actor, process, own;
};
ColumnNames column_names();

Fields segment_fields(const Violation& violation);
Fields kind_fields(const Violation& violation);
Fields setting_fields(const Actor& actor);
Fields actor_fields(const Actor& actor, std::int64_t setting, std::optional<std::int64_t> parent,
                    std::int64_t command);
Fields command_fields(const Ancestor& command);
Fields process_fields(const Ancestor& process);
Fields ancestor_fields(const Ancestor& process, std::optional<std::int64_t> parent);
Fields own_fields(const Violation& violation, const SegmentPlace& place);

// The columns for read_violation(), from a table of violations (v), its incident (i), segment (c),
// kind (k), actor (a), setting (s) and command (m).
std::string violation_columns();
extern const char* const kViolationJoins;  // joins v and c with the other tables

// The first ancestor of a violation, to be read separately.
struct LineageStart {
  std::int64_t segment = 0;
  std::optional<std::int64_t> parent;
};
// The lineage and what follows from it are still missing.
LineageStart read_violation(Statement& row, Violation& violation, Actor& actor);
std::optional<Ownership> read_ownership(Statement& row);
void read_process(Statement& row, Ancestor& process);

// The commands of an incident in one column.
std::string commands_bytes(const std::vector<CountedCommand>& commands);
std::vector<CountedCommand> commands_in(std::string_view bytes);

}  // namespace guard
