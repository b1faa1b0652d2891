// What guardd keeps in SQLite: its state, which survives a crash, and the audit trail. guardd
// guards without them, and says what is missing then. Runs on the daemon's loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "guardd/audit/trail.h"
#include "guardd/base/config.h"
#include "guardd/base/event_loop.h"
#include "guardd/control/shortcomings.h"
#include "guardd/state/store.h"

namespace guard {

class Databases {
 public:
  Databases(const std::string& directory, Shortcomings& shortcomings)
      : directory_(directory), shortcomings_(shortcomings) {}

  void open_state();
  void open_trail(const Config& config);
  void use(const Config& config);
  // Reports what fails from here on, and when it works again.
  Status listen(EventLoop& loop);

  // Null: there is none.
  Store* state() const { return state_.get(); }
  Trail* trail() const { return trail_.get(); }
  // Empty: there is none.
  std::string trail_path() const { return trail_ ? trail_path_ : std::string(); }

  std::uint64_t records_lost() const;
  // By the key of [limits].
  std::map<std::string, BeyondLimit> beyond_limits() const;
  std::vector<std::string> shortcomings(SteadyTime now) const;

  void close_state() { state_.reset(); }

 private:
  const std::string& directory_;
  Shortcomings& shortcomings_;
  std::unique_ptr<Store> state_;
  std::unique_ptr<Trail> trail_;
  std::string trail_path_;
};

}  // namespace guard
