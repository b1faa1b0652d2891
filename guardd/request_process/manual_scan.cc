#include "guardd/request_process/manual_scan.h"

#include <cerrno>
#include <filesystem>
#include <utility>

#include "policy/base/text.h"
#include "policy/covered.h"

namespace guard {
namespace {

constexpr std::size_t kMostTroubles = 32;

bool is_off(const PolicySet& set, const Tree& tree) {
  return set.policy_of(tree).action() == Action::kOff;
}

Error policy_is_off(const Policy& policy) {
  return Error("policy " + quote(policy.name()) + " is off, so nothing in its trees is wrong");
}

template <typename WantedState>
std::vector<ScanTarget> whole_trees(const PolicySet& set, WantedState wanted) {
  std::vector<ScanTarget> targets;
  for (std::uint32_t tree = 0; tree < set.trees().size(); ++tree) {
    const auto& each = set.trees()[tree];
    if (!is_off(set, each) && wanted(each)) targets.push_back({tree, ""});
  }
  return targets;
}

// The part of a tree at this path, and all trees below it.
Result<std::vector<ScanTarget>> targets_at(const PolicySet& set, const std::string& requested) {
  // guardd follows no links, so the path can be normalized as text.
  auto path = std::filesystem::path(requested).lexically_normal().string();
  while (path.ends_with('/')) path.pop_back();
  const auto* holder = set.tree_of(path.empty() ? "/" : path);
  auto targets =
      whole_trees(set, [&](const Tree& tree) { return tree.path.starts_with(path + "/"); });
  if (holder && !is_off(set, *holder)) {
    targets.push_back({static_cast<std::uint32_t>(holder - set.trees().data()),
                       std::string(PolicySet::relative(*holder, path))});
  }
  if (!targets.empty()) return targets;
  if (holder) return policy_is_off(set.policy_of(*holder));
  return Error("no policy has a tree at, above or below " + quote(requested));
}

// A manual fix also fixes what the policy only logs.
Policy with_fix(Policy policy) {
  const auto at_least_fix = [](Action& action) {
    if (action == Action::kLog) action = Action::kFix;
  };
  at_least_fix(policy.said.action.value);
  for (auto& rule : policy.rules) at_least_fix(rule.action);
  return policy;
}

class TreeSearch {
 public:
  TreeSearch(const PolicySet& set, const ManualScan& request, const ScanOptions& options,
             const OnManualScan& on, ScanProgress& progress)
      : set_(set), request_(request), options_(options), on_(on), progress_(progress) {}

  Result<bool> look_at(const ScanTarget& target, const std::stop_token& stop,
                       std::vector<std::string>& troubles) {
    const auto& tree = set_.trees()[target.tree];
    const auto root = open_tree(tree.root());
    const bool is_not_there = !root && root.error().code() == ENOENT;
    if (is_not_there && target.start.empty()) return true;
    if (!root) return root.error();
    const auto policy = with_fix(set_.policy_of(tree));
    const OnFinding found = [&](const Finding& finding) { report(target.tree, finding); };
    GUARD_TRY(const auto start, open_object(*root, target.start));
    if (start.state.type != FileType::kDirectory) {
      look_at_one(*root, policy, target.start, start, found);
      return true;
    }
    ScanTask task;
    task.policy = &policy;
    task.nested = nested_trees(set_, tree);
    task.start = target.start;
    task.fix = request_.fix;
    task.dry_run = request_.dry_run;
    task.is_requested = true;
    const auto before = progress_.objects.load();
    GUARD_TRY(auto report, scan(*root, task, options_, found, stop, progress_));
    if (on_.counted && target.start.empty() && report.complete)
      on_.counted(target.tree, progress_.objects - before);
    troubles.insert(troubles.end(), report.troubles.begin(), report.troubles.end());
    return report.complete;
  }

 private:
  // A scan can only start at a directory.
  void look_at_one(const Object& root, const Policy& policy, const std::string& path,
                   const Object& object, const OnFinding& found) {
    ++progress_.objects;
    Finding finding{path, object.state, object.id, judge(policy, path, object.state), nullptr};
    if (!finding.verdict.violation()) return;
    ++progress_.wrong;
    RepairTask task;
    task.policy = &policy;
    task.relative_path = path;
    task.is_requested = true;
    task.dry_run = request_.dry_run;
    if (!request_.fix) return found(finding);
    const auto outcome = repair(root, task);
    finding.outcome = &outcome;
    ++(outcome.what == RepairResult::kFixed     ? progress_.fixed
       : outcome.what == RepairResult::kSkipped ? progress_.skipped
                                                : progress_.failed);
    found(finding);
  }

  void report(std::uint32_t tree, const Finding& finding) const {
    if (on_.found && finding.outcome && finding.outcome->what != RepairResult::kCorrect)
      on_.found({tree, std::string(finding.path), *finding.outcome});
  }

  const PolicySet& set_;
  const ManualScan& request_;
  const ScanOptions& options_;
  const OnManualScan& on_;
  ScanProgress& progress_;
};

}  // namespace

Result<std::vector<ScanTarget>> targets_of(const PolicySet& set, const std::string& where) {
  if (where.empty()) return whole_trees(set, [](const Tree&) { return true; });
  if (where.starts_with('/')) return targets_at(set, where);
  GUARD_TRY(const auto* policy, set.policy_called(where));
  if (policy->action() == Action::kOff) return policy_is_off(*policy);
  return whole_trees(set, [&](const Tree& tree) { return &set.policy_of(tree) == policy; });
}

std::uint64_t expected_of(const PolicySet& set, const std::vector<ScanTarget>& targets,
                          const TreeSizes& sizes) {
  std::uint64_t expected = 0;
  for (const auto& target : targets) {
    const auto objects = target.start.empty() ? sizes.of(set.trees()[target.tree].path) : 0;
    if (objects == 0) return 0;
    expected += objects;
  }
  return expected;
}

Result<ManualScanReport> scan_now(const PolicySet& set, const ManualScan& request,
                                  const ScanOptions& options, const OnManualScan& on,
                                  const std::stop_token& stop, ScanProgress& progress) {
  const auto wrong_before = progress.wrong.load();
  const auto fixed_before = progress.fixed.load();
  ManualScanReport report;
  TreeSearch search(set, request, options, on, progress);
  for (const auto& target : request.targets) {
    const auto done = search.look_at(target, stop, report.troubles);
    if (!done && request.targets.size() == 1) return done.error();
    if (!done) report.troubles.push_back(done.error().text());
    if (!done || !*done) report.complete = false;
  }
  if (report.troubles.size() > kMostTroubles) report.troubles.resize(kMostTroubles);
  report.complete = report.complete && !stop.stop_requested();
  report.found = progress.wrong - wrong_before;
  report.fixed = progress.fixed - fixed_before;
  return report;
}

}  // namespace guard
