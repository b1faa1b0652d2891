// Writes the tables that the LSM programs use. Implemented by Lsm, and by tests that record what
// was written. One thread: the daemon's loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bpf/wire/wire.h"
#include "policy/base/result.h"

namespace guard {

class KernelTables {
 public:
  KernelTables() = default;
  KernelTables(const KernelTables&) = delete;
  KernelTables& operator=(const KernelTables&) = delete;
  virtual ~KernelTables() = default;

  virtual Status add_patterns(std::uint32_t patterns, std::span<const PatternRow> rows) = 0;
  virtual void drop_patterns(std::uint32_t patterns, std::size_t rows) = 0;
  virtual Status add_rule(const RuleKey& key, const Terms& terms) = 0;
  virtual void drop_rule(const RuleKey& key) = 0;

  virtual void exempt(const Exemptions& exemptions) = 0;
  // An entry without exemptions or labels is deleted.
  virtual Status set_subject(const SubjectKey& key, std::uint64_t exemptions) = 0;
  virtual Status set_unit(std::string_view name, std::uint64_t exemptions) = 0;
  virtual Status set_container(std::uint64_t control_group, std::uint64_t exemptions) = 0;
  virtual Status set_script(std::string_view comm, std::uint32_t labels) = 0;
  virtual Status set_program(const ProgramKey& key, const Program& program) = 0;
  virtual Status drop_program(const ProgramKey& key) = 0;

 protected:
  KernelTables(KernelTables&&) = default;
  KernelTables& operator=(KernelTables&&) = default;
};

}  // namespace guard
