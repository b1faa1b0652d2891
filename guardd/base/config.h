// The daemon's settings, from guardd.toml. All have defaults, so the file may be missing. Loaded at
// start and on reload only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/condition/condition.h"
#include "policy/base/duration.h"
#include "policy/diagnostic.h"
#include "policy/load/load.h"
#include "policy/words.h"

namespace guard {

enum class BackendChoice : std::uint8_t { kAuto, kLsm, kFanotify };
enum class TracerChoice : std::uint8_t { kAuto, kOff };
enum class Answer : std::uint8_t { kAllow, kDeny };
enum class UnknownIntent : std::uint8_t { kWrite, kRead };
enum class Log : std::uint8_t { kJournal, kConsole, kJson };

// What one policy may use at most, so that a service that floods or fills costs no other policy
// anything.
struct Limits {
  std::uint32_t directories = 1'000'000;  // watched
  std::uint32_t pending = 20'000;         // changes that wait in one of its trees
  std::uint32_t queues = 16;           // of kernel events, one for each policy; then a shared one
  std::uint32_t audit_rows = 120'000;  // records in the audit trail a minute
  std::uint64_t audit_size = 0;        // bytes of these records; 0: its share of the trail
};

// How much went beyond one of these limits, by policy: since guardd started.
using BeyondLimit = std::map<std::string, std::uint64_t>;

// An alert: a unit that is started when something is so. See guardd/alert/.
struct AlertSettings {
  std::string name;  // unique; the instance of the unit
  AlertCondition when;
  std::string unit = "guardd-alert@.service";  // a template
  Duration every = std::chrono::minutes(5);    // at most one start in this time
};

inline constexpr std::size_t kMostAlerts = 50;

struct Config {
  BackendChoice backend = BackendChoice::kAuto;
  TracerChoice tracer = TracerChoice::kAuto;
  struct {
    Duration deadline = std::chrono::milliseconds(500);
    Answer on_deadline = Answer::kAllow;
    Answer on_overload = Answer::kAllow;
    UnknownIntent unknown_intent = UnknownIntent::kWrite;
    std::uint32_t threads = 0;  // 0: half as many as processors, at most 4
  } answer;
  struct {
    std::string pin;  // a directory on a BPF file system; empty: none
  } lsm;
  struct {
    std::uint32_t threads = 0;  // 0: as many as processors, at most 4
    Duration every{0};          // 0: off
  } scan;
  struct {
    std::string path;
    Duration retention = std::chrono::hours(24 * 90);
    std::uint64_t max_size = 1U << 30U;
  } audit;
  struct {
    std::uint32_t sample = 5;
    Severity min_severity = Severity::kInfo;  // of violations that get entries of their own
    std::uint32_t rate = 100;                 // entries a second
  } journal;
  struct {
    Duration quiet = std::chrono::seconds(2);
  } incident;
  struct {
    std::string textfile;
  } metrics;
  Limits limits;
  std::vector<AlertSettings> alerts;
};

// Adds every mistake to `diagnostics`, as for policies, and returns the settings that are valid.
Config read_config(std::string_view text, std::uint32_t file, Diagnostics& diagnostics);

inline constexpr std::string_view kConfigFile = "/etc/guardd/guardd.toml";

// Reads the named file, which must exist, or the usual one, which may be missing. Rejects files
// that other users than root can write, as for policies. Adds what is wrong to `diagnostics`, and
// returns nothing if there is an error.
std::optional<Config> load_config(const std::string& named, Diagnostics& diagnostics,
                                  std::optional<FileText>* read = nullptr);

template <>
struct Words<BackendChoice> {
  static constexpr std::array<std::string_view, 3> kAll{"auto", "lsm", "fanotify"};
};
template <>
struct Words<TracerChoice> {
  static constexpr std::array<std::string_view, 2> kAll{"auto", "off"};
};
template <>
struct Words<Answer> {
  static constexpr std::array<std::string_view, 2> kAll{"allow", "deny"};
};
template <>
struct Words<UnknownIntent> {
  static constexpr std::array<std::string_view, 2> kAll{"write", "read"};
};
template <>
struct Words<Log> {
  static constexpr std::array<std::string_view, 3> kAll{"journal", "console", "json"};
};

}  // namespace guard
