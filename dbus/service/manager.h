// What the bus asks of guardd, and what guardd answers: the seam between this room and the daemon.
// The daemon's loop calls and is called; what takes long is done elsewhere and answered later.
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
#include "policy/record/report.h"

namespace guard::bus {

// Why a call was not done; each has an error name on the bus.
enum class Denial : std::uint8_t {
  kNoSuchPolicy,
  kNoSuchIncident,
  kInvalidPolicy,
  kInvalidArgument,
  kBusy,      // too much is asked for at once
  kDisabled,  // break-glass: nothing is enforced
  kFailed,
};

struct CallFailure {
  Denial why = Denial::kFailed;
  std::string text;  // a sentence, or one line a mistake
};

// Called once, on the loop: at once or later. Not at all where its caller has left.
template <typename T>
using Reply = std::function<void(std::variant<T, CallFailure>)>;
using Done = std::monostate;

// Who asks, as the bus vouches for it.
struct Caller {
  Uid uid;
  std::int32_t pid = 0;     // 0: the bus does not say
  bool is_trusted = false;  // is told everything
};

// A process, and what it says of itself.
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

// Called on the loop now and then until there is a reply.
using OnProgress = std::function<void(const ScanNow&)>;

struct WrongFiles {
  std::vector<Violation> files;  // as many as were asked for; as they would be told if put right
  std::uint32_t found = 0;       // all of them
};

struct UndoRequest {
  std::string incident;
  bool dry_run = false;   // only say what would be done
  std::size_t limit = 0;  // of the files that are told one by one
};

struct UndoneFile {
  std::string path;  // raw bytes
  std::optional<Ownership> from;
  std::optional<Ownership> to;
  std::string why_left;  // empty: it was given back
};

struct UndoCall {
  std::vector<UndoneFile> files;
  std::uint32_t restored = 0;
  std::uint32_t left = 0;
};

struct ExplainRequest {
  std::string path;  // raw bytes
  Uid user;
  std::optional<Operation> operation;  // none: all of them
};

// What an explanation points into goes with it.
struct ExplainReply {
  std::shared_ptr<const PolicySet> set;
  ExplainQuestion question;
  std::vector<Gid> groups;
  Explanation explanation;
  Backend backend = Backend::kFanotify;
};

struct IncidentFilter {
  std::optional<std::chrono::system_clock::time_point> since;
  std::optional<std::chrono::system_clock::time_point> until;
  std::string policy;
  std::string login;
  std::optional<Severity> severity;  // at least
  std::string path;
  std::string command;
  std::string incident;
  std::size_t limit = 0;
};

struct IncidentFields {
  Incident incident;
  bool is_closed = false;
  std::string instead;  // what to type instead, for those who may know what was typed
};

class Manager {
 public:
  Manager() = default;
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  virtual ~Manager() = default;

  virtual Facts facts() const = 0;
  virtual std::vector<PolicyFacts> policies() const = 0;

  virtual void reload(Reply<Done> reply) = 0;
  // `where`: the name of a policy, an absolute path, or nothing for all there is.
  virtual void scan(const std::string& where, bool fix, const Caller& caller, std::stop_token stop,
                    OnProgress progress, Reply<ScanTotals> reply) = 0;
  // The same, changing nothing.
  virtual void find_wrong(const std::string& where, std::size_t limit, std::stop_token stop,
                          OnProgress progress, Reply<std::shared_ptr<const WrongFiles>> reply) = 0;
  virtual void explain(const ExplainRequest& asked, const Caller& caller, std::stop_token stop,
                       Reply<std::shared_ptr<const ExplainReply>> reply) = 0;
  virtual void pause(const std::string& policy, std::chrono::microseconds length,
                     const std::string& reason, const Caller& caller, Reply<Done> reply) = 0;
  virtual void resume(const std::string& policy, const Caller& caller, Reply<Done> reply) = 0;
  // The caller itself, and all that it starts.
  virtual void excuse(const ExcuseResult& excused, const Caller& caller, Reply<Done> reply) = 0;
  virtual void incidents(const IncidentFilter& filter, std::stop_token stop,
                         Reply<std::vector<IncidentFields>> reply) = 0;
  // The limit of the filter is that of each table.
  virtual void report(const IncidentFilter& filter, std::stop_token stop,
                      Reply<std::shared_ptr<const Report>> reply) = 0;
  virtual void learn(const IncidentFilter& filter, std::stop_token stop,
                     Reply<std::shared_ptr<const Lessons>> reply) = 0;
  virtual void undo(const UndoRequest& asked, const Caller& caller, std::stop_token stop,
                    Reply<std::shared_ptr<const UndoCall>> reply) = 0;
};

}  // namespace guard::bus
