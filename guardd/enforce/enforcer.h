// From a noticed change to its repair and its report. Lets the change settle, has what is wrong
// fixed then, and passes the violation on. Never changes a file itself and never prints. Runs on
// the daemon's loop.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "guardd/enforce/actor_queue.h"
#include "guardd/enforce/file_records.h"
#include "guardd/enforce/instant_violations.h"
#include "guardd/enforce/pending_changes.h"
#include "guardd/files/object.h"
#include "guardd/repair_process/repair_process.h"
#include "guardd/settle/settle_queue.h"
#include "guardd/sources/mounts.h"
#include "guardd/sources/source.h"
#include "guardd/who/processes.h"
#include "policy/policy_set.h"
#include "policy/record/fixed_files.h"
#include "policy/record/record.h"

namespace guard {

class Enforcer final : public NoticeReader {
 public:
  struct Callbacks {
    std::function<void(Violation)> report;
    // Files that a scan has fixed; the violation is the first of them.
    std::function<void(Violation, FixedFiles)> report_list;
    std::function<void(std::uint32_t tree, const std::string& why)> scan;
    // There may be a violation once the change has settled, in a tree of this owner.
    std::function<void(const ActingProcess& who, Uid owner)> expect;
  };

  // `store` may be null: then nothing survives a crash.
  Enforcer(Processes& processes, ChangeSource& source, RepairProcess& repairs, Store* store,
           Callbacks callbacks)
      : processes_(processes),
        source_(source),
        repairs_(repairs),
        settle_(source.directories()),
        pending_(store, settle_, source),
        callbacks_(std::move(callbacks)) {}

  // Enforces this set from here on. Trees are numbered as in it.
  void use_policies(std::shared_ptr<const PolicySet> set);
  void forget_tree(std::uint32_t tree);
  void set_limits(const Limits& limits) { settle_.set_most(limits.pending); }
  // The tree is watched from here on.
  void watch(std::uint32_t tree) { pending_.watch(tree); }

  // Starts repairs of changes that have settled, while there is room. Returns when to call it again
  // at the latest; a finished repair is a reason, too.
  std::optional<SteadyTime> work(SteadyTime now);
  // Helpers have answered who acted.
  void handle_answers() { actors_.run_known(); }
  // Reports what waits for answers, with what is known: guardd ends.
  void finish() { actors_.run_all(); }
  void handle_repair(const RepairReport& report, SteadyTime now);
  void handle_finding(const ScanFinding& finding);
  // `watched`: the trees that were watched before the mounts changed.
  void handle_mounts(const MountNews& news, const std::vector<std::uint32_t>& watched);

  // How many objects of the tree are left to other users, because guardd has no evidence that the
  // owner may have them.
  std::size_t unproven_in(const std::string& tree) const;
  // Changes that were merged because too many were pending, by policy.
  const BeyondLimit& merged() {
    count_merged();
    return merged_;
  }

  // Whether other processes have changed something in the trees since the last call.
  bool take_activity() { return std::exchange(has_activity_, false); }

  void noticed(const Notice& notice) noexcept override;
  void violated(std::uint32_t tree, Violation violation, std::uint64_t time) noexcept override;
  void lost_notices() noexcept override;
  void lost_sight(std::uint32_t tree, const std::string& why) noexcept override;

 private:
  const Policy& policy_of(std::uint32_t tree) const { return set_->policy_of(set_->trees()[tree]); }
  bool is_new(const WatchedDirectory& directory, std::string_view name) const;
  void report_instant(const Notice& notice, const Policy& policy,
                      const std::shared_ptr<const ActingProcess>& who);
  void handle_owner(const Notice& notice);
  void handle_another(const Notice& notice, const Policy& policy,
                      std::shared_ptr<const ActingProcess> who);
  void expect(const std::shared_ptr<const ActingProcess>& who, Uid owner);
  bool is_in_progress(const SettledChange& due, const WatchedDirectory& directory, SteadyTime now);
  // Judges an object again that was met while a process was working on it. `inode`: of a file that
  // is open for writing; 0: of none.
  void judge_later(std::uint32_t tree, const std::string& path, FileId object, std::uint64_t inode,
                   SteadyTime when);
  void judge_contents(const RepairReport& report, SteadyTime now);
  void wait_for_writer(const RepairReport& report, SteadyTime now);
  void retry(SettledChange due, SteadyTime when);
  void handle_list(const ScanFinding& finding);
  void report(const PolicySet& set, std::uint32_t tree, const std::string& relative_path,
              const NoticedChange& seen, const RepairOutcome& outcome);
  void count_merged();
  bool was_reported(const std::string& tree, const NoticedChange& seen,
                    const RepairOutcome& outcome);

  const std::int32_t self_ = ::getpid();  // compared with every notice
  Processes& processes_;
  ChangeSource& source_;
  RepairProcess& repairs_;
  std::shared_ptr<const PolicySet> set_;
  SettleQueue settle_;
  PendingChanges pending_;
  std::multiset<std::pair<std::uint64_t, std::string>> under_repair_;  // directory and name
  OwnershipWar war_;
  ReportedStates reported_;
  JustCreated just_created_;
  ActorQueue actors_;
  InstantViolations instant_;
  BeyondLimit merged_;
  bool has_activity_ = false;
  std::pair<std::shared_ptr<const ActingProcess>, Uid> expected_;  // the last
  // Whether processes are alive, during one call of work().
  std::map<std::shared_ptr<const ActingProcess>, bool> alive_;
  Callbacks callbacks_;
};

}  // namespace guard
