// From what was noticed to what is put right and told. Decides whose doing a notice is and whether
// that is evidence, lets it settle, and has mended what is wrong then. Never reads policies' files,
// never changes a file itself, never prints: a violation goes to whoever was named. One thread: the
// daemon's loop.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "guardd/enforce/instant_violations.h"
#include "guardd/enforce/pending_changes.h"
#include "guardd/evidence/evidence.h"
#include "guardd/files/object.h"
#include "guardd/repair/repair_worker.h"
#include "guardd/repair/scan_worker.h"
#include "guardd/settle/settle_queue.h"
#include "guardd/sources/mounts.h"
#include "guardd/sources/source.h"
#include "guardd/who/processes.h"
#include "policy/policy_set.h"
#include "policy/record/record.h"

namespace guard {

class Enforcer final : public NoticeReader {
 public:
  struct Ports {
    std::function<void(Violation)> report;
    std::function<void(std::uint32_t tree, const std::string& why)>
        scan;  // this tree has to be looked through
  };

  // `store` may be null: then nothing outlives guardd.
  Enforcer(Processes& processes, ChangeSource& source, RepairWorker& repairs, Store* store,
           Ports ports)
      : processes_(processes),
        source_(source),
        repairs_(repairs),
        settle_(source.directories()),
        pending_(store),
        ports_(std::move(ports)) {}

  // From here on this set counts. Trees are numbered as in it.
  void enforce(std::shared_ptr<const PolicySet> set);
  void forget_tree(std::uint32_t tree);
  // It is watched from here on: what was pending in it when guardd was killed is so again.
  void now_watched(std::uint32_t tree);

  // What a scan found, with nobody to tell who did it.
  void found(const ScanWorker::Wrong& wrong);
  // Something was mounted or unmounted; `watched` are the trees that were there before.
  void mounted(const MountNews& news, const std::vector<std::uint32_t>& watched);

  // Has put right what has come to rest, as much as there is room for. When it wants to be called
  // again, at the latest; it also does once something was repaired.
  std::optional<SteadyTime> work(SteadyTime now);
  // What came of it.
  void repaired(const RepairReport& done, SteadyTime now);

  void noticed(const Notice& notice) noexcept override;
  void violated(std::uint32_t tree, Violation violation, std::uint64_t time) noexcept override;
  void lost_notices() noexcept override;
  void lost_sight(std::uint32_t tree, const std::string& why) noexcept override;
  bool owner_can_write(std::uint32_t tree, const ObjectState& directory) noexcept override;

 private:
  const Policy& policy_of(std::uint32_t tree) const { return set_->policy_of(set_->trees()[tree]); }
  bool is_new(const WatchedDirectory& directory, std::string_view name) const;
  void act(const Notice& notice, const ActingProcess& who);
  void by_owner(const Notice& notice);
  bool is_evidence(const Notice& notice, const Policy& policy, const ActingProcess& who) const;
  bool is_foreign(const Notice& notice) const;
  std::shared_ptr<const ActingProcess> who_did(const Notice& notice);
  void by_another(const Notice& notice, const Policy& policy,
                  std::shared_ptr<const ActingProcess> who);
  // What was left while its policy was paused is judged again where that is over.
  void take_up(std::uint32_t tree);
  void settle_again(std::uint32_t tree, std::vector<Pending> pending);
  struct Name {
    WatchedDirectory* directory;  // null: it is not watched
    std::string name;             // in it; empty: the root of the tree
  };
  Name find(std::uint32_t tree, const std::string& path) const;
  // `inode`: of what somebody still writes, if somebody does.
  void unfinished(std::uint32_t tree, const std::string& path, FileId object, std::uint64_t inode,
                  SteadyTime until);
  bool is_still_at_it(const SettledChange& due, const WatchedDirectory& directory,
                      SteadyTime now) const;
  bool was_excused(const ScanWorker::Wrong& wrong);
  bool is_left_to_later(const RepairReport& done, SteadyTime now);
  void tell(const PolicySet& set, std::uint32_t tree, const std::string& relative_path,
            const NoticedChange& seen, const RepairOutcome& outcome);
  bool was_told(const NoticedChange& seen, const RepairOutcome& outcome);

  const std::int32_t self_ = ::getpid();  // asked for with every notice
  Processes& processes_;
  ChangeSource& source_;
  RepairWorker& repairs_;
  std::shared_ptr<const PolicySet> set_;
  bool links_are_protected_ = false;
  SettleQueue settle_;
  PendingChanges pending_;
  std::multiset<std::pair<std::uint64_t, std::string>> under_repair_;  // directory and name
  // Trees, by path, of which all that is wrong is known since they are watched.
  std::unordered_set<std::string> looked_through_;
  OwnershipWar war_;
  ReportedStates reported_;
  JustCreated just_created_;
  InstantViolations instant_;
  Ports ports_;
};

}  // namespace guard
