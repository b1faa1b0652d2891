// The requests that work on trees: scans and undo.

#include <thread>
#include <utility>

#include "guardd/audit/trail.h"
#include "guardd/control/deferred_reply.h"
#include "guardd/control/requests.h"
#include "guardd/enforce/violation.h"
#include "guardd/request_process/request_processes.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using bus::CallFailure;
using bus::Denial;

// `where`: a policy, a path, or empty for all trees.
std::optional<CallFailure> unknown_place(const PolicySet& set, const std::string& where) {
  if (where.empty() || where.starts_with('/')) return std::nullopt;
  return no_such_policy(set, where);
}

CallFailure not_scanned(const Error& error) {
  return {Denial::kInvalidArgument, printable(error.text())};
}

std::uint32_t bounded(std::uint64_t number) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(number, UINT32_MAX));
}

Violation make_violation(const PolicySet& set, const ManualFinding& finding) {
  NoticedChange seen;
  seen.operation = Operation::kScan;
  return make_violation(set, finding.tree, finding.path, seen, finding.outcome);
}

RequestRules rules_in_use(const BusRequests::Context& context) {
  const auto& set = context.policies.loaded();
  return {set, context.repairs.rules_of(*set)};
}

// A scan of the policies in force. Its process is waited for on the thread of a job.
struct ScanJob {
  RequestProcesses& processes;
  TreeSizes& sizes;
  RequestRules rules{};
  ScanRequest request{};
  std::uint64_t expected = 0;
  bus::OnProgress on_progress{};

  Result<ManualScanReport> run(const BackgroundJobs::JobContext& job,
                               std::function<void(const ManualFinding&)> found) const {
    RequestProcesses::OnScan on;
    on.found = std::move(found);
    on.counted = [&](const CountedTree& counted) {
      sizes.note(rules.set->trees()[counted.tree].path, counted.objects);
    };
    on.progress = [&](const RequestProgress& now) {
      job.post([on_progress = on_progress, now = bus::ScanNow{now.objects, expected, now.wrong,
                                                              now.fixed}] { on_progress(now); });
    };
    return processes.scan(rules, request, on, job.stop());
  }
};

Result<ScanJob> scan_job(const BusRequests::Context& context, const std::string& where,
                         bus::OnProgress on_progress) {
  ScanJob job{context.request_processes, context.repairs.sizes()};
  job.rules = rules_in_use(context);
  GUARD_TRY(job.request.scan.targets, targets_of(*job.rules.set, where));
  job.request.threads = context.repairs.scan_threads();
  job.expected = expected_of(*job.rules.set, job.request.scan.targets, job.sizes);
  job.on_progress = std::move(on_progress);
  return job;
}

using UndoingPtr = std::shared_ptr<const bus::UndoCall>;

UndoingPtr undo_reply(UndoReport report, const std::vector<Fix>& fixes, std::size_t limit) {
  auto undoing = std::make_shared<bus::UndoCall>();
  undoing->restored = bounded(report.restored.size());
  undoing->left = bounded(report.left.size());
  // First those that need attention.
  for (auto& file : report.left) {
    if (undoing->files.size() >= limit) break;
    undoing->files.push_back({fixes[file.fix].path, {}, {}, std::move(file.why)});
  }
  for (const auto& file : report.restored) {
    if (undoing->files.size() >= limit) break;
    undoing->files.push_back({fixes[file.fix].path, file.from, file.to, ""});
  }
  return undoing;
}

using Fixes = std::shared_ptr<const std::vector<Fix>>;

std::variant<Fixes, CallFailure> read_fixes(const std::string& trail, const std::string& incident) {
  auto reader = TrailReader::open(trail);
  if (!reader) return failed(std::move(reader).error().context("the audit trail"));
  auto fixes = reader->fixes_of(incident);
  if (!fixes) return failed(std::move(fixes).error().context("the audit trail"));
  if (fixes->empty()) {
    RecordFilter filter;
    filter.incident = incident;
    const auto count = reader->count(filter);
    if (!count || *count == 0)
      return CallFailure{Denial::kNoSuchIncident,
                         "there is no incident " + quote(incident) + ", or it is no longer kept"};
  }
  return std::make_shared<const std::vector<Fix>>(*std::move(fixes));
}

}  // namespace

// Reports manual fixes like all others, so that they can be undone.
void BusRequests::scan(const std::string& where, bool fix, const bus::Caller& caller,
                       std::stop_token stop, bus::OnProgress progress,
                       bus::Reply<bus::ScanTotals> reply) {
  const auto& set = context_.policies.loaded();
  if (const auto denied = unknown_place(*set, where)) return reply(*denied);
  if (const auto& disabled = context_.policies.disabled(); fix && disabled)
    return reply(CallFailure{Denial::kDisabled, "nothing is fixed: " + *disabled});
  const bus::Reply<bus::ScanTotals> done = [dispatcher = &context_.dispatcher, fix, where,
                                            who = person_of(caller).name,
                                            reply](const auto& result) {
    const auto* totals = std::get_if<bus::ScanTotals>(&result);
    if (totals && fix && totals->found > 0)
      dispatcher->manual_repair(
          {ManualRepairNews::Kind::kFix, who, where, totals->fixed, totals->found - totals->fixed});
    reply(result);
  };
  auto scan = scan_job(context_, where, std::move(progress));
  if (!scan) return reply(not_scanned(scan.error()));
  scan->request.scan.fix = fix;
  scan->request.most_findings = UINT64_MAX;
  send<bus::ScanTotals>(
      context_.long_ones, stop, done,
      [scan = *std::move(scan), dispatcher = &context_.dispatcher](
          const BackgroundJobs::JobContext& job) -> std::variant<bus::ScanTotals, CallFailure> {
        const auto report = scan.run(job, [&](const ManualFinding& finding) {
          job.post([dispatcher, violation = make_violation(*scan.rules.set, finding)] {
            dispatcher->violation(violation);
          });
        });
        if (!report) return not_scanned(report.error());
        return bus::ScanTotals{bounded(report->found), bounded(report->fixed)};
      });
}

void BusRequests::find_wrong(const std::string& where, std::size_t limit, std::stop_token stop,
                             bus::OnProgress progress,
                             bus::Reply<std::shared_ptr<const bus::WrongFiles>> reply) {
  if (const auto denied = unknown_place(*context_.policies.loaded(), where)) return reply(*denied);
  auto scan = scan_job(context_, where, std::move(progress));
  if (!scan) return reply(not_scanned(scan.error()));
  scan->request.scan.fix = true;
  scan->request.scan.dry_run = true;
  scan->request.most_findings = limit;
  using WrongFilesPtr = std::shared_ptr<const bus::WrongFiles>;
  send<WrongFilesPtr>(
      context_.long_ones, stop, reply,
      [scan = *std::move(scan),
       limit](const BackgroundJobs::JobContext& job) -> std::variant<WrongFilesPtr, CallFailure> {
        auto wrong = std::make_shared<bus::WrongFiles>();
        const auto report = scan.run(job, [&](const ManualFinding& finding) {
          if (wrong->files.size() < limit)
            wrong->files.push_back(make_violation(*scan.rules.set, finding));
        });
        if (!report) return not_scanned(report.error());
        wrong->found = bounded(report->found);
        return wrong;
      });
}

// In two steps, because jobs that read the trail must not wait for a file system.
void BusRequests::undo(const bus::UndoRequest& asked, const bus::Caller& caller,
                       std::stop_token stop, bus::Reply<UndoingPtr> reply) {
  auto trail = context_.trail();
  if (trail.empty())
    return reply(CallFailure{
        Denial::kFailed, "there is no audit trail, so guardd does not know the previous owners"});
  const auto is_open = context_.dispatcher.open_incident(asked.incident) != nullptr;
  const bus::Reply<UndoingPtr> done = [dispatcher = &context_.dispatcher, asked,
                                       who = person_of(caller).name, reply](const auto& result) {
    const auto* undoing = std::get_if<UndoingPtr>(&result);
    if (undoing && !asked.dry_run && (*undoing)->restored > 0)
      dispatcher->manual_repair({ManualRepairNews::Kind::kUndo, who, asked.incident,
                                 (*undoing)->restored, (*undoing)->left});
    reply(result);
  };
  const bus::Reply<Fixes> found = [this, asked, stop,
                                   done](const std::variant<Fixes, CallFailure>& result) {
    if (const auto* denied = std::get_if<CallFailure>(&result)) return done(*denied);
    undo_these(std::get<Fixes>(result), asked, stop, done);
  };
  send<Fixes>(context_.quick, stop, found,
              [trail = std::move(trail), incident = asked.incident,
               is_open](const BackgroundJobs::JobContext& /*context*/) {
                // Its last fixes may not be written yet.
                if (is_open) std::this_thread::sleep_for(2 * Trail::kDelay);
                return read_fixes(trail, incident);
              });
}

void BusRequests::undo_these(std::shared_ptr<const std::vector<Fix>> fixes,
                             const bus::UndoRequest& asked, const std::stop_token& stop,
                             const bus::Reply<UndoingPtr>& reply) {
  send<UndoingPtr>(
      context_.long_ones, stop, reply,
      [fixes = std::move(fixes), asked, rules = rules_in_use(context_),
       processes = &context_.request_processes, left_alone = &context_.left_alone](
          const BackgroundJobs::JobContext& job) -> std::variant<UndoingPtr, CallFailure> {
        auto report = processes->undo(
            rules, *fixes, asked.dry_run,
            [&](FileVersion file) { left_alone->add(std::move(file)); }, job.stop());
        if (!report) return failed(report.error());
        return undo_reply(*std::move(report), *fixes, asked.limit);
      });
}

}  // namespace guard
