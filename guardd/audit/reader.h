// Reads the audit trail, even from another process while guardd writes it. Owns a read-only
// connection. Keeps a transaction open only while it fetches a page, not while the caller processes
// it. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "guardd/audit/columns.h"
#include "guardd/audit/search.h"
#include "guardd/state/database.h"
#include "policy/record/fix.h"

namespace guard {

struct TrailIncident {
  Incident incident;
  bool is_closed = false;
};

class TrailReader {
 public:
  static Result<TrailReader> open(const std::string& path);

  // Called for each record, newest first; return false to stop. A file without a record of its own
  // has that of its list, without the id; by a path, only lists are found that begin below it.
  using OnViolation = std::function<bool(const Violation&)>;
  using OnIncident = std::function<bool(const TrailIncident&)>;
  Status violations(const RecordFilter& filter, const OnViolation& visit);
  // Incidents with a matching violation; the incident itself must overlap the time of the filter.
  // The counts are always those of the whole incident.
  Status incidents(const RecordFilter& filter, const OnIncident& visit);
  Result<std::uint64_t> count(const RecordFilter& filter);  // of violations, without the limit

  // The fixes, last first: undoing them in this order restores each file's original state.
  Result<std::vector<Fix>> fixes_of(const std::string& incident);

 private:
  // A record, with the list of the files that it stands for.
  struct ListedRecord {
    Violation violation;
    std::optional<std::string> files;
  };

  TrailReader(Database database, Statement violation, Statement ancestor, Statement files);

  Result<std::vector<ListedRecord>> load(Search& search, std::size_t most);
  Result<std::optional<std::string>> files_of(std::int64_t violation);
  Status load(const std::vector<Search::Key>& keys, std::vector<ListedRecord>& page);
  Result<std::vector<TrailIncident>> load(const RecordFilter& filter, Search::Key& cursor,
                                          std::size_t most);
  Status read_lineage(const LineageStart& start, Actor& actor);
  template <typename Fetch>
  auto fetch(Fetch fetch) -> decltype(fetch());

  Database database_;  // before the statements, which it must outlive
  Statement violation_;
  Statement ancestor_;
  Statement files_;
};

}  // namespace guard
