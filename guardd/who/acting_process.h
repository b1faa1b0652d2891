// A process that acted: what records say of it, and what the judge needs to know. Owns all that its
// subject() refers to. Its ids are known from the start; a helper may still be reading the rest:
// until it is complete, judge and report nothing by it. It completes soon in any case, and is
// immutable from then on. Cheap to make: most are judged and never reported, so the actor is
// described at the first call. Any thread once it is complete, before only the one that made it;
// but actor() never on the permission responder's.
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
  // Not complete.
  static std::shared_ptr<ActingProcess> with_ids(Snapshot self,
                                                 std::shared_ptr<const Lineage> lineage);
  ActingProcess(const ActingProcess&) = delete;
  ActingProcess& operator=(const ActingProcess&) = delete;

  bool known() const { return is_known_; }
  bool is_complete() const { return is_complete_; }
  // `is_delayed`: its program is unknown, because no helper could read it in time.
  void complete(Snapshot self, std::shared_ptr<const Lineage> lineage, bool is_delayed);
  bool is_delayed() const { return is_delayed_; }
  const Actor& actor() const { return *shared_actor(); }
  const SharedActor& shared_actor() const;
  const Snapshot& snapshot() const { return self_; }
  const std::shared_ptr<const Lineage>& lineage() const { return lineage_; }  // null: unknown
  // It is or was this user, or the previous process with its number was.
  bool may_have_been(Uid user) const;
  bool was_another_since(Uid user, std::uint64_t boot_time) const;
  Subject subject() const;  // valid as long as this object exists

 private:
  Snapshot self_;
  std::shared_ptr<const Lineage> lineage_;
  std::vector<Process> ancestors_;
  bool is_known_ = false;
  bool is_complete_ = true;
  bool is_delayed_ = false;
  mutable std::once_flag described_;
  mutable SharedActor actor_;
};

}  // namespace guard
