#include "guardd/who/acting_process.h"

#include <algorithm>
#include <utility>

#include "guardd/who/describe.h"

namespace guard {
namespace {

Process process_of(const Snapshot& snapshot) {
  Process process;
  process.uid = snapshot.fsuid;
  process.gid = snapshot.gid;
  process.groups = snapshot.groups;
  process.login = snapshot.login;
  if (snapshot.image) {
    process.exe = snapshot.image->id;
    process.labels = snapshot.image->labels;
  }
  if (snapshot.control_group) process.unit = snapshot.control_group->unit;
  if (snapshot.container && snapshot.container->is_of_root) {
    process.container = snapshot.container->allow_name;
    process.image = snapshot.container->image;
  }
  return process;
}

}  // namespace

ActingProcess::ActingProcess(Snapshot self, std::shared_ptr<const Lineage> lineage)
    : is_known_(true) {
  complete(std::move(self), std::move(lineage), false);
}

std::shared_ptr<ActingProcess> ActingProcess::with_ids(Snapshot self,
                                                       std::shared_ptr<const Lineage> lineage) {
  auto process = std::make_shared<ActingProcess>(std::move(self), std::move(lineage));
  process->is_complete_ = false;
  return process;
}

void ActingProcess::complete(Snapshot self, std::shared_ptr<const Lineage> lineage,
                             bool is_delayed) {
  self_ = std::move(self);
  lineage_ = std::move(lineage);
  ancestors_.clear();
  is_complete_ = true;
  is_delayed_ = is_delayed;
  if (!lineage_) return;
  ancestors_.reserve(lineage_->size());
  for (const auto& ancestor : *lineage_) ancestors_.push_back(process_of(*ancestor));
}

const SharedActor& ActingProcess::shared_actor() const {
  std::call_once(described_, [this] {
    if (is_known_)
      actor_ = describe(self_, lineage_.get());
    else
      actor_.edit().pid = self_.pid;
  });
  return actor_;
}

bool ActingProcess::may_have_been(Uid user) const {
  return self_.uid == user || self_.euid == user || self_.fsuid == user ||
         std::any_of(self_.earlier.begin(), self_.earlier.end(),
                     [&](const EarlierUser& each) { return each.uid == user; });
}

bool ActingProcess::was_another_since(Uid user, std::uint64_t boot_time) const {
  return std::any_of(self_.earlier.begin(), self_.earlier.end(), [&](const EarlierUser& each) {
    return each.uid != user && each.until > boot_time;
  });
}

Subject ActingProcess::subject() const {
  Subject subject;
  subject.self = process_of(self_);
  subject.ancestors = ancestors_;
  subject.has_terminal = self_.tty != 0;
  return subject;
}

}  // namespace guard
