// Handles requests that come over the bus: passes them on and sends the reply. Never judges a
// change and never waits: slow work goes to background jobs. The bus has authorized the caller
// before. Runs on the daemon's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dbus/service/manager.h"
#include "guardd/audit/reader.h"
#include "guardd/base/background_jobs.h"
#include "guardd/control/excuse_grants.h"
#include "guardd/control/policies_in_force.h"
#include "guardd/control/policy_status.h"
#include "guardd/control/reloader.h"
#include "guardd/enforce/watched_trees.h"
#include "guardd/publish/dispatcher.h"
#include "guardd/repair/left_alone.h"
#include "guardd/repair_process/repair_process.h"
#include "guardd/request_process/request_processes.h"
#include "guardd/sources/choose.h"

namespace guard {

class BusRequests final : public bus::Manager {
 public:
  // All of it outlives the requests.
  struct Context {
    Dispatcher& dispatcher;
    const ChosenSource& source;
    const WatchedTrees& trees;
    PoliciesInForce& policies;
    Reloader& reloads;
    BackgroundJobs& quick;      // take seconds at most, and may read the trail
    BackgroundJobs& long_ones;  // may wait long for a process
    LeftAlone& left_alone;
    RepairProcess& repairs;
    RequestProcesses& request_processes;
    Processes& processes;
    HelperPort& helpers;                 // those that inquire
    std::function<std::string()> trail;  // its path; empty if there is none
    std::function<HelperLosses()> helper_losses;
    std::function<std::vector<bus::AlertState>()> alerts;
    std::function<bus::Counts(const std::string& policy)> beyond_limit;
    // Calls this once the policies in force are, in all trees but the biggest ones.
    std::function<void(std::function<void()>)> when_watched;
  };

  explicit BusRequests(Context context)
      : context_(std::move(context)),
        excuse_grants_(context_.processes, context_.source, context_.dispatcher) {}

  ExcuseGrants& excuse_grants() { return excuse_grants_; }
  const ExcuseGrants& excuse_grants() const { return excuse_grants_; }

  bus::Facts facts() const override;
  std::vector<bus::PolicyFacts> policies() const override;
  bus::Counts beyond_limit(const std::string& policy) const override {
    return context_.beyond_limit(policy);
  }
  void reload(bus::Reply<bus::NoValue> reply) override;
  void scan(const std::string& where, bool fix, const bus::Caller& caller, std::stop_token stop,
            bus::OnProgress progress, bus::Reply<bus::ScanTotals> reply) override;
  void find_wrong(const std::string& where, std::size_t limit, std::stop_token stop,
                  bus::OnProgress progress,
                  bus::Reply<std::shared_ptr<const bus::WrongFiles>> reply) override;
  void explain(const bus::ExplainRequest& asked, const bus::Caller& caller, std::stop_token stop,
               bus::Reply<std::shared_ptr<const bus::ExplainReply>> reply) override;
  void pause(const std::string& policy, std::chrono::microseconds length, const std::string& reason,
             const bus::Caller& caller, bus::Reply<bus::NoValue> reply) override;
  void resume(const std::string& policy, const bus::Caller& caller,
              bus::Reply<bus::NoValue> reply) override;
  void excuse(const bus::ExcuseResult& excused, const bus::Caller& caller,
              bus::Reply<bus::NoValue> reply) override;
  void incidents(const RecordFilter& filter, const bus::Caller& caller, std::stop_token stop,
                 bus::Reply<std::vector<bus::IncidentFields>> reply) override;
  void report(const RecordFilter& filter, const bus::Caller& caller, std::stop_token stop,
              bus::Reply<std::shared_ptr<const Report>> reply) override;
  void learn(const RecordFilter& filter, const bus::Caller& caller, std::stop_token stop,
             bus::Reply<std::shared_ptr<const Lessons>> reply) override;
  void undo(const bus::UndoRequest& asked, const bus::Caller& caller, std::stop_token stop,
            bus::Reply<std::shared_ptr<const bus::UndoCall>> reply) override;

 private:
  void undo_these(std::shared_ptr<const std::vector<Fix>> fixes, const bus::UndoRequest& asked,
                  const std::stop_token& stop,
                  const bus::Reply<std::shared_ptr<const bus::UndoCall>>& reply);

  Context context_;
  ExcuseGrants excuse_grants_;
};

}  // namespace guard
