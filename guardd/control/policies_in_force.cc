#include "guardd/control/policies_in_force.h"

#include <utility>

#include "guardd/host/users.h"
#include "guardd/service/break_glass.h"

namespace guard {
namespace {

std::set<std::string> owners(const PolicySet& set) {
  std::set<std::string> names;
  for (const auto& policy : set.policies()) {
    names.insert(policy.wanted.owner.name);
    for (const auto& rule : policy.rules) names.insert(rule.wanted.owner.name);
  }
  return names;
}

}  // namespace

PoliciesInForce::PoliciesInForce(Context context, Pauses pauses)
    : context_(std::move(context)),
      pauses_(std::move(pauses)),
      path_watch_(context_.loop, [this] { look_around(); }) {}

void PoliciesInForce::use(Rules rules) {
  loaded_ = std::move(rules.set);
  limits_ = std::move(rules.limits);
  answer_ = rules.config.answer;
  pauses_.keep_those_of(*loaded_);
  (void)pauses_.take_ended(Clocks::read());
  set_ = pauses_.applied_to(loaded_);
  accounts_ = local_users(owners(*set_));
  enforce();
}

void PoliciesInForce::enforce() {
  watch_surroundings();
  disabled_ = why_disabled();
  if (disabled_) {
    context_.trees.release();
    context_.source.responder->stop();
  } else {
    context_.source.responder->begin_change(set_, answer_);
    context_.trees.use_policies(set_);
  }
}

Status PoliciesInForce::pause(const std::string& policy, std::chrono::microseconds length,
                              const std::string& reason, const Person& who) {
  GUARD_CHECK(pauses_.start(*loaded_, policy, length, reason, who, Clocks::read()));
  enforce_pauses();
  return {};
}

Status PoliciesInForce::resume(const std::string& policy) {
  GUARD_CHECK(pauses_.end(policy));
  enforce_pauses();
  return {};
}

void PoliciesInForce::work(SteadyTime /*now*/) {
  if (!pauses_.take_ended(Clocks::read()).empty()) enforce_pauses();
}

std::optional<SteadyTime> PoliciesInForce::next() const {
  const auto wait = pauses_.next_due(Clocks::read());
  return wait ? std::optional(std::chrono::steady_clock::now() + *wait) : std::nullopt;
}

// As a reload does: pending changes stay pending, and all trees are scanned.
void PoliciesInForce::enforce_pauses() {
  set_ = pauses_.applied_to(loaded_);
  enforce();
  context_.changed();
}

// Watches the directories above the trees, the break-glass file and the accounts before guardd
// looks at them, so that no change in between is missed.
void PoliciesInForce::watch_surroundings() {
  std::vector<std::string> paths{kDisableFile, kAccountsFile};
  for (const auto& tree : set_->trees()) paths.push_back(tree.root());
  for (const auto& directory : context_.source.source->program_directories())
    paths.push_back(directory + "/any");
  path_watch_.watch_above(paths);
}

void PoliciesInForce::look_around() {
  watch_surroundings();
  auto news = mounts_.news();
  auto& source = *context_.source.source;
  if (!news.pid) news.pid = source.mounter();
  context_.shortcomings.note("exempt programs", source.refresh_programs());
  const auto disabled = why_disabled();
  if (disabled.has_value() != disabled_.has_value()) {
    enforce();
  } else if (!disabled) {
    const auto watched = context_.trees.watched();
    context_.trees.find();
    context_.enforcer.handle_mounts(news, watched);
  }
  context_.changed();
}

}  // namespace guard
