// The decision code of the LSM programs, on any kernel with BPF. For tests and benchmarks. Judges
// this thread in its current directory.
#pragma once

#include <cstdint>
#include <memory>

#include "bpf/lsm.h"
#include "bpf/wire/wire.h"
#include "policy/base/result.h"

namespace guard {

enum DecisionKind {
  kDecideNothing,
  kDecideCreation,  // of the current directory itself
  kDecideWrite,
  kDecideRmdir,
  kDecideOpen,  // of the running program, which is open for reading
};

struct Decision {
  std::uint32_t denied = 0;       // how many times
  std::uint64_t nanoseconds = 0;  // for all of them
};

class Decisions {
 public:
  static Result<Decisions> load();

  Decisions(Decisions&& other) noexcept;
  Decisions& operator=(Decisions&& other) noexcept;
  Decisions(const Decisions&) = delete;
  Decisions& operator=(const Decisions&) = delete;
  ~Decisions();

  Status tag(const TaggedInode& inode, const TreeTag& tag);
  // Marks the device of a file system that has trees, without tagging an inode.
  void add_device(std::uint32_t device);
  void set_guards_in_use(std::uint32_t guards);
  void exempt(const Exemptions& exemptions);
  Status set_subject(const SubjectKey& key, std::uint64_t exemptions);

  Result<Decision> decide(DecisionKind kind, std::uint32_t times = 1);
  Result<std::uint64_t> counted(Counter counter) const;

 private:
  struct Program;
  explicit Decisions(std::unique_ptr<Program> program);
  std::unique_ptr<Program> program_;
};

}  // namespace guard
