#include "guardd/permission/responder.h"

#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "guardd/permission/crash_release.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// Enough for the opens that wait, are fixed or removed at once, and for the rest of guardd.
constexpr rlim_t kDescriptors = 4096;

bool has_same_trees(const PolicySet& one, const PolicySet& other) {
  const auto same = [&](const Tree& a, const Tree& b) {
    return a.path == b.path && one.policy_of(a).name() == other.policy_of(b).name();
  };
  return std::equal(one.trees().begin(), one.trees().end(), other.trees().begin(),
                    other.trees().end(), same);
}

// The same text may still mean another program: one that was replaced.
bool has_same_meaning(const Policy& one, const Policy& other) {
  const auto same_program = [](const Allow& a, const Allow& b) { return a.exe == b.exe; };
  return one.name() == other.name() && canonical_text({one}) == canonical_text({other}) &&
         std::equal(one.allows.begin(), one.allows.end(), other.allows.begin(), other.allows.end(),
                    same_program);
}

}  // namespace

PermissionResponder::PermissionResponder(bool denies_opens)
    : terms_(denies_opens),
      watchdog_(*counters_),
      handler_(terms_, *counters_, watchdog_, follow_up_),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      extra_readers_(terms_, *counters_, watchdog_, follow_up_, wake_.get()),
      reader_(handler_, watchdog_, extra_readers_, wake_.get()) {}

PermissionResponder::~PermissionResponder() {
  stop();
}

// The threads run from the first policy that needs an answer.
void PermissionResponder::start(const AnswerSettings& settings) {
  if (std::exchange(is_started_, true)) return;
  release_opens_on_fatal_signals();
  handler_.start();
  watchdog_.start();
  extra_readers_.start(settings.threads);
  reader_.start();
}

void PermissionResponder::begin_change(std::shared_ptr<const PolicySet> set,
                                       const AnswerSettings& settings) {
  const auto before = std::exchange(set_, std::move(set));
  shortcomings_.clear();
  is_changing_ = true;
  make_groups(before.get());
  rlimit limit{};
  if (!groups_.empty() && ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < kDescriptors)
    shortcomings_.push_back("guardd may open only " + std::to_string(limit.rlim_cur) +
                            " files (RLIMIT_NOFILE): when more opens wait, the kernel denies them");
  terms_.use_settings(settings);
  watchdog_.use_settings(settings);
  publish();
  if (!groups_.empty()) start(settings);
}

// A policy that has not changed keeps its group: groups are few, and this way a change needs no
// second one.
void PermissionResponder::make_groups(const PolicySet* before) {
  auto old_groups = std::exchange(groups_, {});
  const bool same_trees = before && has_same_trees(*before, *set_);
  for (std::uint32_t policy = 0; policy < set_->policies().size(); ++policy) {
    const auto& each = set_->policies()[policy];
    if (!needs_answers(each, terms_.denies_opens())) continue;
    const auto same = std::find_if(old_groups.begin(), old_groups.end(), [&](const auto& old) {
      return same_trees && has_same_meaning(old.second->policy(), each);
    });
    if (same != old_groups.end()) {
      same->second->forget_unmarked();
      groups_.emplace(policy, std::move(same->second));
      old_groups.erase(same);
      continue;
    }
    if (auto group = PermissionGroup::create(set_, policy, counters_))
      groups_.emplace(policy, *std::move(group));
    else
      shortcomings_.push_back(
          "the policy " + quote(each.name()) +
          " denies no opens and fixes no files before their opens return: " + group.error().text());
  }
  for (auto& [policy, group] : old_groups) leaving_.push_back(std::move(group));
}

// The reader gets the groups in force and those that leave.
void PermissionResponder::publish() {
  auto groups = leaving_;
  for (const auto& [policy, group] : groups_) groups.push_back(group);
  reader_.use(std::move(groups));
}

void PermissionResponder::end_change() {
  is_changing_ = false;
  leaving_.clear();
  publish();
}

std::shared_ptr<PermissionGroup> PermissionResponder::group_of(std::uint32_t tree) const {
  if (!set_) return nullptr;
  const auto group = groups_.find(set_->trees()[tree].policy);
  return group == groups_.end() ? nullptr : group->second;
}

// Fails open: files opened in a directory without a mark are fixed once they have settled.
std::vector<std::string> PermissionResponder::shortcomings() const {
  auto all = shortcomings_;
  for (const auto& [policy, group] : groups_)
    for (auto& each : group->unmarked()) all.push_back(std::move(each));
  return all;
}

void PermissionResponder::stop() {
  for (const auto& [policy, group] : groups_) group->release_all();
  groups_.clear();
  end_change();
}

}  // namespace guard
