// The front desk: takes what is asked for over the bus, has it done by those who can, and hands the
// answer back. Decides nothing about what is right, and never waits: what may take long goes to
// errands. Whether the caller may is known by then. One thread: the daemon's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dbus/manager.h"
#include "guardd/audit/reader.h"
#include "guardd/backend.h"
#include "guardd/errands.h"
#include "guardd/herald.h"
#include "guardd/pardons.h"
#include "guardd/pauses.h"
#include "guardd/policy_facts.h"
#include "guardd/reloads.h"
#include "guardd/scans.h"
#include "guardd/trees.h"
#include "guardd/undone.h"

namespace guard {

class Desk final : public bus::Manager {
 public:
  // The house behind it; all of it outlives the desk.
  struct House {
    Herald& herald;
    const ChosenSource& source;
    const Trees& trees;
    const Pauses& pauses;
    Reloads& reloads;
    Errands& quick;      // seconds at most, and may read the trail
    Errands& long_ones;  // may wait for guarded file systems
    Undone& undone;
    Scans& scans;
    Processes& processes;
    std::function<InForce()> in_force;
    std::function<std::string()> trail;  // where it is; empty: there is none
    std::function<Status(const std::string& policy, std::chrono::microseconds length,
                         const std::string& reason, const Person& who)>
        pause;
    std::function<Status(const std::string& policy)> resume;
  };

  explicit Desk(House house)
      : house_(std::move(house)), pardons_(house_.processes, house_.source, house_.herald) {}

  Pardons& pardons() { return pardons_; }
  const Pardons& pardons() const { return pardons_; }

  bus::Facts facts() const override;
  std::vector<bus::PolicyFacts> policies() const override;
  void reload(bus::Reply<bus::Done> reply) override;
  void scan(const std::string& where, bool fix, const bus::Caller& caller, std::stop_token stop,
            bus::OnProgress progress, bus::Reply<bus::ScanTotals> reply) override;
  void find_wrong(const std::string& where, std::size_t limit, std::stop_token stop,
                  bus::OnProgress progress,
                  bus::Reply<std::shared_ptr<const bus::WrongFiles>> reply) override;
  void explain(const bus::Asked& asked, const bus::Caller& caller, std::stop_token stop,
               bus::Reply<std::shared_ptr<const bus::Explained>> reply) override;
  void pause(const std::string& policy, std::chrono::microseconds length, const std::string& reason,
             const bus::Caller& caller, bus::Reply<bus::Done> reply) override;
  void resume(const std::string& policy, const bus::Caller& caller,
              bus::Reply<bus::Done> reply) override;
  void excuse(const bus::Excused& excused, const bus::Caller& caller,
              bus::Reply<bus::Done> reply) override;
  void incidents(const bus::IncidentFilter& filter, std::stop_token stop,
                 bus::Reply<std::vector<bus::ToldIncident>> reply) override;
  void report(const bus::IncidentFilter& filter, std::stop_token stop,
              bus::Reply<std::shared_ptr<const Report>> reply) override;
  void learn(const bus::IncidentFilter& filter, std::stop_token stop,
             bus::Reply<std::shared_ptr<const Lessons>> reply) override;
  void undo(const bus::UndoAsked& asked, const bus::Caller& caller, std::stop_token stop,
            bus::Reply<std::shared_ptr<const bus::Undoing>> reply) override;

 private:
  void undo_these(std::shared_ptr<const std::vector<Fix>> fixes, const bus::UndoAsked& asked,
                  const std::stop_token& stop,
                  const bus::Reply<std::shared_ptr<const bus::Undoing>>& reply);

  House house_;
  Pardons pardons_;
};

}  // namespace guard
