// How orders and results go from the main process to the repair process and back. The readers trust
// nothing: what is not whole is nothing. Numbers stand for policy sets and orders. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/helpers/record.h"
#include "guardd/repair/left_alone.h"
#include "guardd/repair_process/orders.h"
#include "policy/load/load.h"
#include "policy/policy_set.h"

namespace guard {

// Kinds of messages. To the repair process:
enum class RepairAsk : std::uint32_t {
  kBegin = 1,
  kRules,
  kRepairs,
  kScan,
  kLeaveAlone,
  kActivity,
  kAlive,
};
// From it:
enum class RepairTell : std::uint32_t {
  kWitness = 1,  // a descriptor comes along: the channel for questions to the witness
  kTrouble,      // a sentence; empty: none any longer
  kRepaired,
  kFound,
  kHanging,
  kExcused,
  kAlive,
};

// How the repair process works. The first message.
struct RepairTerms {
  std::uint32_t scan_threads = 1;
  bool has_witness = false;
  bool has_memory = false;    // of the witness
  bool wants_object = false;  // the witness does
};

// How many sets the repair process keeps by number, the newest. Orders keep theirs. Both ends
// count: the policies of a pause, a reload and the time before can be in use at once.
inline constexpr std::size_t kMostSets = 2;

// What a policy set is made of.
struct RepairRules {
  std::uint64_t number = 0;
  std::uint64_t generation = 0;
  std::string identity;
  std::vector<FileText> texts;
  std::string accounts;                        // see KnownAccounts
  std::map<std::string, std::string> excuses;  // of the paused policies
};

// A set by its number; null: there is none.
using SetOfNumber = std::function<std::shared_ptr<const PolicySet>(std::uint64_t number)>;

std::string write_terms(const RepairTerms& terms);
std::optional<RepairTerms> read_terms(std::string_view contents);

std::string write_rules(const RepairRules& rules);
std::optional<RepairRules> read_rules_of(std::string_view contents);
// The policies; an error says why they cannot be the same.
Result<std::shared_ptr<const PolicySet>> make_set(const RepairRules& rules);

void write_order(ContentsWriter& out, const RepairOrder& order, std::uint64_t set);
// All orders of a message. Nothing: the message is not whole.
std::optional<std::vector<RepairOrder>> read_orders(std::string_view contents,
                                                    const SetOfNumber& set_of);
std::string write_scan_order(const ScanOrder& order, std::uint64_t set);
std::optional<ScanOrder> read_scan_order(std::string_view contents, const SetOfNumber& set_of);

void write_files_left_alone(ContentsWriter& out, const FileVersion& file);
std::optional<std::vector<FileVersion>> read_files_left_alone(std::string_view contents);

// The verdict stays behind: the reader judges again. `policy` is that of the order.
void write_report(ContentsWriter& out, const OrderReport& report);
using PolicyOfOrder = std::function<const Policy*(std::uint64_t order)>;
std::optional<std::vector<OrderReport>> read_reports(std::string_view contents,
                                                     const PolicyOfOrder& policy_of);

void write_finding(ContentsWriter& out, const ScanFinding& finding);
// The order supplies the set and the tree; null: it was not given.
using OrderOfNumber = std::function<const ScanOrder*(std::uint64_t order)>;
std::optional<std::vector<ScanFinding>> read_findings(std::string_view contents,
                                                      const OrderOfNumber& order_of);

std::string write_paths(const std::vector<std::string>& paths);
std::optional<std::vector<std::string>> read_paths(std::string_view contents);

}  // namespace guard
