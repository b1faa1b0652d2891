// The interface between the bus and the daemon: requests and their replies. All calls and replies
// happen on the daemon's loop; work that takes long is done elsewhere and answered later.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "dbus/facts.h"
#include "policy/explain.h"
#include "policy/record/lessons.h"
#include "policy/record/record.h"
#include "policy/record/record_filter.h"
#include "policy/record/report.h"

namespace guard::bus {

// Why a call failed; each value has an error name on the bus.
enum class Denial : std::uint8_t {
  kNoSuchPolicy,
  kNoSuchIncident,
  kInvalidPolicy,
  kInvalidArgument,
  kBusy,      // too many requests at once
  kDisabled,  // break-glass: nothing is enforced
  kFailed,
};

struct CallFailure {
  Denial why = Denial::kFailed;
  std::string text;  // a sentence, or one line per error
};

// Called once on the loop, immediately or later. Not called if the caller has disconnected.
template <typename T>
using Reply = std::function<void(std::variant<T, CallFailure>)>;
using NoValue = std::monostate;

// The caller, as the bus reports it.
struct Caller {
  Uid uid;
  std::int32_t pid = 0;     // 0: unknown
  bool is_trusted = false;  // may see all fields
};

// A process, with what it states about itself.
struct ExcuseResult {
  std::int32_t pid = 0;
  int process = -1;  // its pidfd; borrowed
  std::string reason;
  std::string command;
};

struct ScanTotals {
  std::uint32_t found = 0;
  std::uint32_t fixed = 0;
};

// Called on the loop from time to time until there is a reply.
using OnProgress = std::function<void(const ScanNow&)>;

struct WrongFiles {
  std::vector<Violation> files;  // at most the requested number; as they would be reported if fixed
  std::uint32_t found = 0;       // the total number
};

struct UndoRequest {
  std::string incident;
  bool dry_run = false;   // only report what would be done
  std::size_t limit = 0;  // of the files that are listed
};

struct UndoneFile {
  std::string path;  // raw bytes
  std::optional<Ownership> from;
  std::optional<Ownership> to;
  std::string why_left;  // empty: it was restored
};

struct UndoCall {
  std::vector<UndoneFile> files;
  std::uint32_t restored = 0;
  std::uint32_t left = 0;
};

struct ExplainRequest {
  std::string path;  // raw bytes
  Uid user;
  std::optional<Operation> operation;  // empty: all operations
};

// An explanation, with the objects that it refers to.
struct ExplainReply {
  std::shared_ptr<const PolicySet> set;
  ExplainQuestion question;
  std::vector<Gid> groups;
  Explanation explanation;
  Backend backend = Backend::kFanotify;
};

struct IncidentFields {
  Incident incident;
  bool is_closed = false;
  std::string text;     // a sentence, with only what its readers may know
  std::string instead;  // the suggested command; only for callers who may see commands
};

class Manager {
 public:
  Manager() = default;
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  virtual ~Manager() = default;

  virtual Facts facts() const = 0;
  virtual std::vector<PolicyFacts> policies() const = 0;
  virtual Counts beyond_limit(const std::string& policy) const = 0;

  virtual void reload(Reply<NoValue> reply) = 0;
  // `where`: the name of a policy, an absolute path, or empty for all policies.
  virtual void scan(const std::string& where, bool fix, const Caller& caller, std::stop_token stop,
                    OnProgress progress, Reply<ScanTotals> reply) = 0;
  // The same, but changes nothing.
  virtual void find_wrong(const std::string& where, std::size_t limit, std::stop_token stop,
                          OnProgress progress, Reply<std::shared_ptr<const WrongFiles>> reply) = 0;
  virtual void explain(const ExplainRequest& asked, const Caller& caller, std::stop_token stop,
                       Reply<std::shared_ptr<const ExplainReply>> reply) = 0;
  virtual void pause(const std::string& policy, std::chrono::microseconds length,
                     const std::string& reason, const Caller& caller, Reply<NoValue> reply) = 0;
  virtual void resume(const std::string& policy, const Caller& caller, Reply<NoValue> reply) = 0;
  // Excuses the caller and everything that it starts.
  virtual void excuse(const ExcuseResult& excused, const Caller& caller, Reply<NoValue> reply) = 0;
  virtual void incidents(const RecordFilter& filter, const Caller& caller, std::stop_token stop,
                         Reply<std::vector<IncidentFields>> reply) = 0;
  // The limit of the filter applies to each table.
  virtual void report(const RecordFilter& filter, const Caller& caller, std::stop_token stop,
                      Reply<std::shared_ptr<const Report>> reply) = 0;
  virtual void learn(const RecordFilter& filter, const Caller& caller, std::stop_token stop,
                     Reply<std::shared_ptr<const Lessons>> reply) = 0;
  virtual void undo(const UndoRequest& asked, const Caller& caller, std::stop_token stop,
                    Reply<std::shared_ptr<const UndoCall>> reply) = 0;
};

}  // namespace guard::bus
