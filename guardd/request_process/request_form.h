// How a user's request goes from the main process to its request process, and how the answer comes
// back. The readers trust nothing: what is not whole is nothing, and an answer can only be about
// what was asked for. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/helpers/record.h"
#include "guardd/request_process/manual_scan.h"
#include "guardd/request_process/undo.h"
#include "policy/policy_set.h"
#include "policy/record/fix.h"

namespace guard {

// Kinds of messages. To the request process: the rules, and one request. Nothing more to come: it
// is to stop.
enum class RequestAsk : std::uint32_t { kRules = 1, kScan, kFixes, kUndo };
// From it. The last one is kScanned, kUndone or kFailed.
enum class RequestTell : std::uint32_t {
  kProgress = 1,
  kFound,
  kCounted,
  kScanned,
  kLeftAlone,
  kRestored,
  kUnrestored,
  kUndone,
  kFailed,  // a sentence
};

struct ScanRequest {
  ManualScan scan;
  std::uint32_t threads = 0;
  std::uint64_t most_findings = 0;  // more are only counted
};

// How far a request is.
struct RequestProgress {
  std::uint64_t objects = 0;
  std::uint64_t wrong = 0;
  std::uint64_t fixed = 0;

  friend bool operator==(const RequestProgress&, const RequestProgress&) = default;
};

// A tree with so many objects.
struct CountedTree {
  std::uint32_t tree = 0;
  std::uint64_t objects = 0;
};

std::string write_scan_request(const ScanRequest& request);
std::optional<ScanRequest> read_scan_request(std::string_view contents, const PolicySet& set);

void write_fix(ContentsWriter& out, const Fix& fix);
std::optional<std::vector<Fix>> read_fixes(std::string_view contents);

std::string write_progress(const RequestProgress& progress);
std::optional<RequestProgress> read_progress(std::string_view contents);

void write_manual_finding(ContentsWriter& out, const ManualFinding& finding);
std::optional<std::vector<ManualFinding>> read_manual_findings(std::string_view contents,
                                                               const PolicySet& set,
                                                               const ManualScan& asked);

std::string write_counted(const CountedTree& counted);
std::optional<CountedTree> read_counted(std::string_view contents, const ManualScan& asked);

std::string write_scan_report(const ManualScanReport& report);
std::optional<ManualScanReport> read_scan_report(std::string_view contents);

// `fixes`: how many were asked about.
void write_restored(ContentsWriter& out, const RestoredFile& file);
std::optional<std::vector<RestoredFile>> read_restored(std::string_view contents,
                                                       std::size_t fixes);
void write_unrestored(ContentsWriter& out, const UnrestoredFile& file);
std::optional<std::vector<UnrestoredFile>> read_unrestored(std::string_view contents,
                                                           std::size_t fixes);

}  // namespace guard
