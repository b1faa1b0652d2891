// A process that acted: what records say of it, and what the judge needs to know. Immutable, and
// owns all that its subject() refers to. Cheap to make: most are judged and never reported, so the
// actor is described at the first call. Any thread, but actor() never on the permission
// responder's.
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
  // An unknown process: the actor has only this number.
  explicit ActingProcess(std::int32_t pid) { self_.pid = pid; }
  ActingProcess(Snapshot self, std::shared_ptr<const Lineage> lineage);
  ActingProcess(const ActingProcess&) = delete;
  ActingProcess& operator=(const ActingProcess&) = delete;

  bool known() const { return is_known_; }
  const Actor& actor() const;
  const Snapshot& snapshot() const { return self_; }
  const Lineage* lineage() const { return lineage_.get(); }  // null: unknown
  // It is or was this user, or the previous process with its number was.
  bool may_have_been(Uid user) const;
  bool was_another_since(Uid user, std::uint64_t boot_time) const;
  Subject subject() const;  // valid as long as this object exists

 private:
  Snapshot self_;
  std::shared_ptr<const Lineage> lineage_;
  std::vector<Process> ancestors_;
  bool is_known_ = false;
  mutable std::once_flag described_;
  mutable Actor actor_;
};

}  // namespace guard
