// Who it was: what is told of a process, and what the judge needs of it. Immutable once made; it
// owns all that its subject() refers to. Cheap to make: most are judged and never told of, so the
// actor is described when it is first asked for, once. Any thread, but for actor(): never the
// answerer's.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "guardd/who/snapshot.h"
#include "policy/change.h"
#include "policy/record/record.h"

namespace guard {

class ActingProcess {
 public:
  // A number of which nothing else is known: the actor has that and nothing more.
  explicit ActingProcess(std::int32_t pid) { self_.pid = pid; }
  ActingProcess(Snapshot self, std::shared_ptr<const Lineage> lineage);
  ActingProcess(const ActingProcess&) = delete;
  ActingProcess& operator=(const ActingProcess&) = delete;

  bool known() const { return is_known_; }
  const Actor& actor() const;
  const Snapshot& snapshot() const { return self_; }
  const Lineage* lineage() const { return lineage_.get(); }  // null: unknown
  // This user, or was it before, or whoever had the number just before was.
  bool may_have_been(Uid user) const;
  bool was_another_since(Uid user, std::uint64_t boot_time) const;
  Subject subject() const;  // good as long as this object lives

 private:
  Snapshot self_;
  std::shared_ptr<const Lineage> lineage_;
  std::vector<Process> ancestors_;
  bool is_known_ = false;
  mutable std::once_flag described_;
  mutable Actor actor_;
};

}  // namespace guard
