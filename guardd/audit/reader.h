// Reads the audit trail, also while guardd writes it and from another process. Owns a connection
// that changes nothing; holds the database only while it fetches a page, not while it is waited for
// what becomes of one. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "guardd/audit/columns.h"
#include "guardd/audit/search.h"
#include "guardd/state/database.h"

namespace guard {

struct KeptIncident {
  Incident incident;
  bool is_closed = false;
};

// Who owned a file before guardd changed that.
struct Fix {
  std::chrono::system_clock::time_point time;
  std::string incident;
  std::string policy;
  std::string path;  // absolute
  InodeId object;
  Ownership before;
  Ownership after;
};

class TrailReader {
 public:
  static Result<TrailReader> open(const std::string& path);

  // Newest first, each is told; false: that is enough.
  using OnViolation = std::function<bool(const Violation&)>;
  using OnIncident = std::function<bool(const KeptIncident&)>;
  Status violations(const TrailFilter& filter, const OnViolation& tell);
  // Those with a violation that matches, but for the time, when they need only have been going on.
  // What an incident counts is always the whole of it.
  Status incidents(const TrailFilter& filter, const OnIncident& tell);
  Result<std::uint64_t> count(const TrailFilter& filter);  // of violations, without the limit

  // What was put right, the last first: undone in this order, each file is as it was found.
  Result<std::vector<Fix>> fixes_of(const std::string& incident);

 private:
  TrailReader(Database database, Statement violation, Statement ancestor);

  Result<std::vector<Violation>> load(Search& search, std::size_t most);
  Status load(const std::vector<Search::Key>& keys, std::vector<Violation>& page);
  Result<std::vector<KeptIncident>> load(const TrailFilter& filter, Search::Key& cursor,
                                         std::size_t most);
  Status read_lineage(const LineageStart& start, Actor& actor);
  template <typename Fetch>
  auto fetch(Fetch fetch) -> decltype(fetch());

  Database database_;  // before its statements: it outlives them
  Statement violation_;
  Statement ancestor_;
};

}  // namespace guard
