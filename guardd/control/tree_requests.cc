// The requests that work on trees: scans and undo.

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "guardd/audit/trail.h"
#include "guardd/control/deferred_reply.h"
#include "guardd/control/manual_scan.h"
#include "guardd/control/requests.h"
#include "guardd/control/undo.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using bus::CallFailure;
using bus::Denial;

constexpr auto kProgressEvery = std::chrono::milliseconds(200);

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

ScanOptions options_of(const RepairProcess& repairs) {
  ScanOptions options;
  options.threads = repairs.scan_threads();
  return options;
}

// Reports the progress of a scan to the loop while it exists.
class ProgressReports {
 public:
  ProgressReports(const BackgroundJobs::JobContext& context, const ScanProgress& scan,
                  const bus::OnProgress& on_progress)
      : thread_([this, &context, &scan, &on_progress](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          while (!ended_.wait_for(lock, stop, kProgressEvery, [] { return false; }) &&
                 !stop.stop_requested())
            context.post([on_progress, now = bus::ScanNow{scan.objects, scan.expected, scan.wrong,
                                                          scan.fixed}] { on_progress(now); });
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any ended_;
  std::jthread thread_;  // last, so that it ends first
};

using UndoingPtr = std::shared_ptr<const bus::UndoCall>;

UndoingPtr undo_reply(UndoReport report, std::size_t limit) {
  auto undoing = std::make_shared<bus::UndoCall>();
  undoing->restored = bounded(report.restored.size());
  undoing->left = bounded(report.left.size());
  // First those that need attention.
  for (auto& file : report.left) {
    if (undoing->files.size() >= limit) break;
    undoing->files.push_back({std::move(file.path), {}, {}, std::move(file.why)});
  }
  for (auto& file : report.restored) {
    if (undoing->files.size() >= limit) break;
    undoing->files.push_back({std::move(file.path), file.from, file.to, ""});
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
  send<bus::ScanTotals>(
      context_.long_ones, stop, done,
      [set, where, fix, dispatcher = &context_.dispatcher, repairs = &context_.repairs,
       on_progress = std::move(progress)](
          const BackgroundJobs::JobContext& context) -> std::variant<bus::ScanTotals, CallFailure> {
        ScanProgress scanned;
        const auto report_violation = [&](const ManualFinding& finding) {
          if (!finding.outcome || finding.outcome->what == RepairResult::kCorrect) return;
          context.post([dispatcher, violation = make_violation(*set, finding)] {
            dispatcher->violation(violation);
          });
        };
        const ProgressReports reports(context, scanned, on_progress);
        const auto report =
            scan_now(*set, {where, fix, false, &repairs->sizes()}, options_of(*repairs),
                     report_violation, context.stop(), scanned);
        if (!report) return not_scanned(report.error());
        return bus::ScanTotals{bounded(report->found), bounded(report->fixed)};
      });
}

void BusRequests::find_wrong(const std::string& where, std::size_t limit, std::stop_token stop,
                             bus::OnProgress progress,
                             bus::Reply<std::shared_ptr<const bus::WrongFiles>> reply) {
  const auto& set = context_.policies.loaded();
  if (const auto denied = unknown_place(*set, where)) return reply(*denied);
  using WrongFilesPtr = std::shared_ptr<const bus::WrongFiles>;
  send<WrongFilesPtr>(
      context_.long_ones, stop, reply,
      [set, where, limit, repairs = &context_.repairs, on_progress = std::move(progress)](
          const BackgroundJobs::JobContext& context) -> std::variant<WrongFilesPtr, CallFailure> {
        auto wrong = std::make_shared<bus::WrongFiles>();
        const auto note = [&](const ManualFinding& finding) {
          if (wrong->files.size() < limit && finding.outcome)
            wrong->files.push_back(make_violation(*set, finding));
        };
        ScanProgress scanned;
        const ProgressReports reports(context, scanned, on_progress);
        const auto report = scan_now(*set, {where, true, true, &repairs->sizes()},
                                     options_of(*repairs), note, context.stop(), scanned);
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
      [fixes = std::move(fixes), asked, set = context_.policies.loaded(),
       left_alone = &context_.left_alone](const BackgroundJobs::JobContext& context) {
        return undo_reply(
            guard::undo(*fixes, *set, asked.dry_run ? nullptr : left_alone, context.stop()),
            asked.limit);
      });
}

}  // namespace guard
