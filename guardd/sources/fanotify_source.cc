#include "guardd/sources/fanotify_source.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "guardd/files/listing.h"
#include "guardd/permission/decision.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::uint64_t kMask =
    FAN_CREATE | FAN_ATTRIB | FAN_CLOSE_WRITE | FAN_DELETE_SELF | FAN_ONDIR | FAN_EVENT_ON_CHILD;
// A rename is one event with both of its places, or before Linux 5.17 what it did to each.
constexpr std::uint64_t kRenames = FAN_RENAME;
constexpr std::uint64_t kHalfRenames = FAN_MOVED_TO | FAN_MOVE_SELF;

}  // namespace

Result<std::unique_ptr<FanotifySource>> FanotifySource::create(const Options& options,
                                                               PermissionResponder& responder) {
  Result<EventQueues> queues = Error("not tried");
  for (const unsigned report : {0U | FAN_REPORT_DFID_NAME_TARGET, 0U | FAN_REPORT_DFID_NAME}) {
    queues = EventQueues::open({report, options.with_pidfds, options.queues});
    if (!queues) continue;
    const bool names = report == FAN_REPORT_DFID_NAME_TARGET;
    std::unique_ptr<FanotifySource> source(
        new FanotifySource(*std::move(queues), names, responder));
    source->walks_ = std::make_unique<DirectoryWalks>();
    source->ready_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (options.with_evidence && names)
      source->witness_ = std::make_unique<FanotifyWitness>(source->directories_);
    GUARD_CHECK(source->poll(source->walks_->fd(), kWalks));
    GUARD_CHECK(source->read_new_queues());
    return source;
  }
  return std::move(queues).error();
}

FanotifySource::~FanotifySource() = default;

Status FanotifySource::poll(int fd, std::uint32_t number) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = number;
  if (::epoll_ctl(ready_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return Error::from_errno(errno, "epoll");
}

Status FanotifySource::read_new_queues() {
  for (; read_queues_ < queues_.size(); ++read_queues_) {
    GUARD_CHECK(poll(queues_.group(read_queues_), read_queues_));
    if (witness_) witness_->add_queue(queues_.group(read_queues_));
  }
  return {};
}

std::unique_lock<std::mutex> FanotifySource::lock() const {
  return witness_ ? std::unique_lock(witness_->mutex()) : std::unique_lock<std::mutex>();
}

Status FanotifySource::prepare(std::shared_ptr<const PolicySet> set) {
  const auto locked = lock();
  set_ = std::move(set);
  if (witness_) witness_->use_policies(set_);
  return {};
}

// Until a directory has its marks, the group of the previous policies answers for it.
void FanotifySource::finish() {
  ends_change_ = true;
  end_change_if_marked();
}

void FanotifySource::end_change_if_marked() {
  if (!ends_change_ || !not_marked_.empty()) return;
  ends_change_ = false;
  responder_.end_change();
}

std::vector<std::string> FanotifySource::shortcomings() const {
  std::vector<std::string> all;
  if (!witness_) {
    all.emplace_back(
        "this kernel is older than Linux 5.17: guardd does not fix new files that their owner "
        "could not read before; it reports them");
  } else if (!links_are_protected()) {
    all.emplace_back(
        "fs.protected_hardlinks is 0, so guardd cannot tell new files from hard links: it does "
        "not fix new files that their owner could not read before, but reports them; set it "
        "to 1");
  }
  return all;
}

std::uint64_t FanotifySource::usual_mask() const {
  return kMask | (names_objects_ ? kRenames : kHalfRenames);
}

// Events that only some guards need are requested only for these: the kernel reports them for every
// process, including the owner's.
std::uint64_t FanotifySource::mask_of(std::uint32_t tree) const {
  auto mask = usual_mask();
  if (!set_) return mask;
  const auto& policy = set_->policy_of(set_->trees()[tree]);
  const auto guards = policy.said.guards.value;
  if (policy.strongest_action() == Action::kOff) return mask;
  if (guards.has(Guard::kDelete)) mask |= FAN_DELETE;
  if (guards.has(Guard::kContent)) mask |= FAN_MODIFY;
  if (guards.has(Guard::kRead) && !needs_answers(policy, false)) mask |= FAN_CLOSE_NOWRITE;
  return mask;
}

// ---- queues and marks

// A tree has one more for each subvolume in it.
Status FanotifySource::watch_file_system(std::uint32_t tree, Place& place, const FileId& id,
                                         int directory) {
  const auto policy = set_ ? set_->policy_of(set_->trees()[tree]).name() : std::string();
  GUARD_TRY(const auto queue, queues_.mark(policy, id, directory, mask_of(tree)));
  GUARD_CHECK(read_new_queues());
  place.queues.emplace(id.volume(), queue);
  queues_.use(queue);
  return {};
}

void FanotifySource::use_terms(std::uint32_t tree, Place& place) {
  place.mask |= mask_of(tree);
  place.answers = responder_.group_of(tree);
  const auto all = usual_mask() | FAN_DELETE | FAN_MODIFY | FAN_CLOSE_NOWRITE;
  std::map<std::uint64_t, int> groups;  // by volume
  for (const auto& [volume, queue] : place.queues) groups.emplace(volume, queues_.group(queue));
  const auto usual = groups.at(place.root.volume());
  const auto group_of = [groups = std::move(groups), usual](const FileId& id) {
    const auto group = groups.find(id.volume());
    return group == groups.end() ? usual : group->second;
  };
  auto mark = [group_of, mask = place.mask, answers = place.answers, root = place.path](
                  const FileId& id, int directory) -> Status {
    if (answers) answers->mark(directory, root);
    return mark_directory(group_of(id), directory, mask);
  };
  auto unmark = [group_of, all, answers = place.answers](const FileId& id, int directory) {
    if (answers) answers->unmark(directory);
    constexpr unsigned kRemove = FAN_MARK_REMOVE | FAN_MARK_ONLYDIR;
    (void)::fanotify_mark(group_of(id), kRemove, all, directory, nullptr);
  };
  walks_->use(place.watch, std::make_shared<WalkTerms>(WalkTerms{
                               place.path, place.covered, std::move(mark), std::move(unmark)}));
}

bool FanotifySource::is_nested(const WatchedDirectory& directory, std::string_view name) const {
  const auto tree = trees_.find(directory.tree());
  return tree != trees_.end() && !tree->second.covered.empty() &&
         tree->second.covered.is_nested(WatchedDirectories::path_of(directory, name));
}

bool FanotifySource::is_covered(const WatchedDirectory& directory, std::string_view name) const {
  const auto tree = trees_.find(directory.tree());
  if (tree == trees_.end() || tree->second.covered.empty()) return false;
  const auto path = WatchedDirectories::path_of(directory, name);
  return tree->second.covered.is_nested(path) || tree->second.covered.all_below(path);
}

Result<Object> FanotifySource::locate(const WatchedDirectory& directory) const {
  const auto tree = trees_.find(directory.tree());
  if (tree == trees_.end()) return Error::from_errno(ENOENT, "tree");
  GUARD_TRY(const auto root, open_tree(tree->second.path));
  GUARD_TRY(auto object, open_object(root, WatchedDirectories::path_of(directory)));
  GUARD_TRY(const auto id, FileId::of(object.fd.get()));
  if (id != directory.id) return Error::from_errno(ESTALE, "another directory is there now");
  return object;
}

// ---- trees

// The root is marked here, so that a tree that cannot be watched is known at once.
Status FanotifySource::watch_tree(std::uint32_t tree, const std::string& path, CoveredPart covered,
                                  NoticeReader& /*reader*/) {
  GUARD_TRY(auto root, open_tree(path));
  GUARD_TRY(root.fd, open_directory(root));
  GUARD_TRY(auto id, FileId::of(root.fd.get()));
  const auto locked = lock();
  Place place(path, std::move(covered));
  GUARD_CHECK(watch_file_system(tree, place, id, root.fd.get()));
  place.watch = ++last_watch_;
  place.root = std::move(id);
  auto& known = directories_.add(place.root, tree, nullptr, "");
  known.queue = place.queues.begin()->second;
  known.home->watch = place.watch;
  numbers_[place.watch] = tree;
  auto& kept = trees_.insert_or_assign(tree, std::move(place)).first->second;
  use_terms(tree, kept);
  if (kept.answers) not_marked_.insert(kept.watch);
  visit(kept);
  return {};
}

Status FanotifySource::renew(std::uint32_t tree, CoveredPart covered, NoticeReader& /*reader*/) {
  const auto locked = lock();
  const auto at = trees_.find(tree);
  if (at == trees_.end()) return Error::from_errno(ENOENT, "tree");
  auto& place = at->second;
  const auto answers = responder_.group_of(tree);
  const bool has_new_group = answers != place.answers;
  const bool has_other_terms =
      has_new_group || (mask_of(tree) & ~place.mask) != 0 || !(covered == place.covered);
  if (!has_other_terms) {
    if (!place.is_visiting) visited_.push_back(tree);
    return {};
  }
  place.covered = std::move(covered);
  use_terms(tree, place);
  if (has_new_group && answers) not_marked_.insert(place.watch);
  visit(place);
  return {};
}

Status FanotifySource::look_again(std::uint32_t tree, NoticeReader& /*reader*/) {
  const auto locked = lock();
  const auto at = trees_.find(tree);
  const auto* known = directories_.find(tree, "");
  if (at == trees_.end() || !known) return Error::from_errno(ENOENT, "tree");
  GUARD_TRY(const auto root, locate(*known));
  visit(at->second);
  return {};
}

// A tree's own queue loses all marks at once. Those of a queue that others use are removed one by
// one, and so are those of opens, unless their group leaves with them.
void FanotifySource::forget_tree(std::uint32_t tree) {
  const auto locked = lock();
  const auto at = trees_.find(tree);
  if (at == trees_.end()) return;
  auto& place = at->second;
  const bool is_shared =
      std::any_of(place.queues.begin(), place.queues.end(),
                  [&](const auto& each) { return queues_.is_shared(each.second); });
  const bool keeps_answers = place.answers && !responder_.is_changing();
  const bool has_marks = is_shared || keeps_answers;
  if (has_marks) {
    walks_->stop(place.watch);
    leaving_.push_back(place.watch);
  } else {
    walks_->forget(place.watch);
  }
  directories_.forget_tree(tree, has_marks);
  for (const auto& [volume, queue] : place.queues)
    if (auto flush = queues_.release(queue)) walks_->run(std::move(flush));
  not_marked_.erase(place.watch);
  numbers_.erase(place.watch);
  std::erase(visited_, tree);
  trees_.erase(at);
  end_change_if_marked();
}

std::optional<std::int64_t> FanotifySource::proven_at(const WatchedDirectory& directory,
                                                      std::string_view name, const FileId& object) {
  const auto locked = lock();
  return witness_ ? witness_->proven_at(directory, name, object) : std::nullopt;
}

void FanotifySource::prove_again(const WatchedDirectory& directory, std::string_view name,
                                 const FileId& object, std::int64_t changed) {
  const auto locked = lock();
  if (witness_) witness_->prove_again(directory, name, object, changed);
}

void FanotifySource::renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) {
  const auto locked = lock();
  directories_.renumber(numbers);
  trees_ = renumbered(std::move(trees_), numbers);
  numbers_.clear();
  for (const auto& [tree, place] : trees_) numbers_[place.watch] = tree;
  std::vector<std::uint32_t> visited;
  for (const auto tree : visited_)
    if (const auto now = numbers.find(tree); now != numbers.end()) visited.push_back(now->second);
  visited_ = std::move(visited);
}

}  // namespace guard
