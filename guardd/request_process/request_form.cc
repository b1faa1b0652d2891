#include "guardd/request_process/request_form.h"

#include <algorithm>
#include <utility>

#include "guardd/repair_process/outcome_form.h"

namespace guard {
namespace {

void write_ownership(ContentsWriter& out, const Ownership& ownership) {
  out.number(ownership.uid.value);
  out.number(ownership.gid.value);
  out.number(ownership.mode.value);
}

Ownership read_ownership(ContentsReader& in) {
  Ownership ownership;
  ownership.uid.value = in.number<decltype(Uid::value)>();
  ownership.gid.value = in.number<decltype(Gid::value)>();
  ownership.mode.value = in.number<decltype(Mode::value)>();
  return ownership;
}

bool asks_about(const ManualScan& asked, std::uint32_t tree) {
  return std::any_of(asked.targets.begin(), asked.targets.end(),
                     [tree](const ScanTarget& each) { return each.tree == tree; });
}

}  // namespace

// ---- requests

std::string write_scan_request(const ScanRequest& request) {
  ContentsWriter out;
  write_flag(out, request.scan.fix);
  write_flag(out, request.scan.dry_run);
  out.number(request.threads);
  out.number(request.most_findings);
  for (const auto& [tree, start] : request.scan.targets) {
    out.number(tree);
    out.text(start);
  }
  return out.take();
}

std::optional<ScanRequest> read_scan_request(std::string_view contents, const PolicySet& set) {
  ContentsReader in(contents);
  ScanRequest request;
  request.scan.fix = in.flag();
  request.scan.dry_run = in.flag();
  request.threads = in.number<std::uint32_t>();
  request.most_findings = in.number<std::uint64_t>();
  while (in.is_valid() && !in.at_end()) {
    const auto tree = in.number<std::uint32_t>();
    if (tree >= set.trees().size()) return std::nullopt;
    request.scan.targets.push_back({tree, in.text(kMostPath)});
  }
  return in.is_whole() ? std::optional(std::move(request)) : std::nullopt;
}

void write_fix(ContentsWriter& out, const Fix& fix) {
  out.number(fix.time.time_since_epoch().count());
  out.text(fix.path);
  out.number(fix.object);
  write_ownership(out, fix.before);
  write_ownership(out, fix.after);
}

std::optional<std::vector<Fix>> read_fixes(std::string_view contents) {
  return read_all<Fix>(contents, [](ContentsReader& in) {
    Fix fix;
    using Time = std::chrono::system_clock;
    fix.time = Time::time_point(Time::duration(in.number<Time::rep>()));
    fix.path = in.text(kMostPath);
    fix.object = in.number<InodeId>();
    fix.before = read_ownership(in);
    fix.after = read_ownership(in);
    return std::optional(std::move(fix));
  });
}

// ---- answers

std::string write_progress(const RequestProgress& progress) {
  ContentsWriter out;
  out.number(progress);
  return out.take();
}

std::optional<RequestProgress> read_progress(std::string_view contents) {
  ContentsReader in(contents);
  const auto progress = in.number<RequestProgress>();
  return in.is_whole() ? std::optional(progress) : std::nullopt;
}

void write_manual_finding(ContentsWriter& out, const ManualFinding& finding) {
  out.number(finding.tree);
  out.text(finding.path);
  write_outcome(out, finding.outcome);
}

std::optional<std::vector<ManualFinding>> read_manual_findings(std::string_view contents,
                                                               const PolicySet& set,
                                                               const ManualScan& asked) {
  return read_all<ManualFinding>(contents, [&](ContentsReader& in) -> std::optional<ManualFinding> {
    ManualFinding finding;
    finding.tree = in.number<std::uint32_t>();
    finding.path = in.text(kMostPath);
    if (!asks_about(asked, finding.tree)) return std::nullopt;
    const auto& policy = set.policy_of(set.trees()[finding.tree]);
    if (!read_outcome(in, policy, finding.path, finding.outcome)) return std::nullopt;
    return finding;
  });
}

std::string write_counted(const CountedTree& counted) {
  ContentsWriter out;
  out.number(counted.tree);
  out.number(counted.objects);
  return out.take();
}

std::optional<CountedTree> read_counted(std::string_view contents, const ManualScan& asked) {
  ContentsReader in(contents);
  CountedTree counted;
  counted.tree = in.number<std::uint32_t>();
  counted.objects = in.number<std::uint64_t>();
  if (!in.is_whole() || !asks_about(asked, counted.tree)) return std::nullopt;
  return counted;
}

std::string write_scan_report(const ManualScanReport& report) {
  ContentsWriter out;
  out.number(report.found);
  out.number(report.fixed);
  write_flag(out, report.complete);
  for (const auto& trouble : report.troubles)
    out.text(std::string_view(trouble).substr(0, kMostError));
  return out.take();
}

std::optional<ManualScanReport> read_scan_report(std::string_view contents) {
  ContentsReader in(contents);
  ManualScanReport report;
  report.found = in.number<std::uint64_t>();
  report.fixed = in.number<std::uint64_t>();
  report.complete = in.flag();
  while (in.is_valid() && !in.at_end()) report.troubles.push_back(in.text(kMostError));
  return in.is_whole() ? std::optional(std::move(report)) : std::nullopt;
}

void write_restored(ContentsWriter& out, const RestoredFile& file) {
  out.number(std::uint64_t{file.fix});
  write_ownership(out, file.from);
  write_ownership(out, file.to);
}

std::optional<std::vector<RestoredFile>> read_restored(std::string_view contents,
                                                       std::size_t fixes) {
  return read_all<RestoredFile>(contents, [&](ContentsReader& in) -> std::optional<RestoredFile> {
    RestoredFile file;
    file.fix = in.number<std::uint64_t>();
    if (file.fix >= fixes) return std::nullopt;
    file.from = read_ownership(in);
    file.to = read_ownership(in);
    return file;
  });
}

void write_unrestored(ContentsWriter& out, const UnrestoredFile& file) {
  out.number(std::uint64_t{file.fix});
  out.text(std::string_view(file.why).substr(0, kMostError));
}

std::optional<std::vector<UnrestoredFile>> read_unrestored(std::string_view contents,
                                                           std::size_t fixes) {
  return read_all<UnrestoredFile>(
      contents, [&](ContentsReader& in) -> std::optional<UnrestoredFile> {
        UnrestoredFile file;
        file.fix = in.number<std::uint64_t>();
        file.why = in.text(kMostError);
        return file.fix < fixes ? std::optional(std::move(file)) : std::nullopt;
      });
}

}  // namespace guard
