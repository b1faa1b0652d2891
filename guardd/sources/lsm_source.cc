#include "guardd/sources/lsm_source.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "guardd/files/listing.h"
#include "guardd/host/superblock.h"
#include "guardd/sources/descent.h"
#include "guardd/sources/lsm_notice.h"
#include "policy/base/text.h"
#include "policy/judge.h"

namespace guard {
namespace {

using Clock = std::chrono::steady_clock;

// One turn of the loop.
constexpr std::size_t kMostATurn = 4096;
constexpr std::size_t kMostDirectories = 50'000;
constexpr std::size_t kMostAwaited = 20'000;

// How long closes are reported after they were last asked for. Longer than a waiting change goes
// without asking, and long enough not to attach and detach the program with every copy.
constexpr auto kReportsCloses = std::chrono::seconds(20);

// Of directories that are forgotten, in one turn of the loop.
constexpr auto kReleases = std::chrono::milliseconds(5);

constexpr std::size_t kMostIncoming = 1'000;
// A rename is reported microseconds before it is done.
constexpr unsigned kMostTries = 8;
constexpr auto kFirstTry = std::chrono::milliseconds(1);

constexpr auto kJustNow = std::chrono::seconds(5);

// The kernel reports a subvolume before it makes it, which takes it up to many seconds, and does
// not say when it is done.
constexpr std::array kSubvolumeScans{std::chrono::seconds(1), std::chrono::seconds(10),
                                     std::chrono::seconds(60)};

}  // namespace

Result<std::unique_ptr<LsmSource>> LsmSource::create(Lsm lsm, Processes& processes) {
  GUARD_TRY(auto pins, InodePins::create());
  GUARD_CHECK(lsm.exempt_self());
  return std::unique_ptr<LsmSource>(new LsmSource(std::move(lsm), std::move(pins), processes));
}

// ---- trees

Status LsmSource::prepare(std::shared_ptr<const PolicySet> set) {
  is_changing_ = true;
  set_ = set;
  table_error_.clear();
  exempt_containers();
  auto prepared = tables_.prepare(*set);
  if (prepared) prepared = attach(attached_guards_ | tables_.guards());
  is_prepared_ = static_cast<bool>(prepared);
  return prepared;
}

void LsmSource::exempt_containers() {
  const auto done = tables_.set_containers(processes_.containers().of_root());
  if (!done) table_error_ = done.error().text();
}

Status LsmSource::attach(std::uint32_t guards) {
  return lsm_.attach(guards | (reports_closes_until_ ? kClosingBit : 0));
}

void LsmSource::finish() {
  lsm_.set_guards_in_use(trees_.empty() ? 0 : tables_.guards());
  attached_guards_ = tables_.guards();
  (void)attach(attached_guards_);  // adds no program, so it cannot fail
  for (const auto& tree : std::exchange(leaving_, {})) untag(tree);
  if (const auto done = tables_.finish(); !done) table_error_ = done.error().text();
  is_changing_ = false;
}

// A new tag replaces the old one between two operations. Fails open: if the tables could not be
// written, nothing is denied, because a tag could stand for the policy of another tree.
Status LsmSource::tag(const Tree& tree, std::uint32_t number, const Object& root) {
  if (!is_prepared_) return Error("its policy could not be loaded into the kernel");
  GUARD_TRY(const auto directory, open_directory(root));
  GUARD_CHECK(pins_.pin(directory.get()));
  auto tree_tag = tables_.tag_of(number);
  tree_tag.tree = tree.id;
  lsm_.set_guards_in_use(tables_.guards());
  return lsm_.tag(directory.get(), tree.inode, tree_tag);
}

Status LsmSource::watch_tree(std::uint32_t tree, const std::string& path, CoveredPart covered,
                             NoticeReader& /*reader*/) {
  GUARD_TRY(const auto root, open_tree(path));
  GUARD_TRY(auto id, FileId::of(root.fd.get()));
  const auto form = HandleForm::of(id, root.id.inode);
  const TaggedInode inode{root.id.inode, superblock_of(root.fd.get()), form.generation_in(id),
                          id.subvolume().value_or(0)};
  Tree watched{path, std::move(covered), ++last_id_, std::move(id), inode, form};
  GUARD_CHECK(tag(watched, tree, root));
  // The tag that another tree left on this root is replaced.
  std::erase_if(leaving_, [&](const Tree& each) { return each.root == watched.root; });
  (void)directories_.add(watched.root, tree, nullptr, "");
  numbers_[watched.id] = tree;
  trees_.insert_or_assign(tree, std::move(watched));
  visited_.push_back(tree);
  return {};
}

bool LsmSource::still_watches(std::uint32_t tree, const Object& root) {
  return trees_.contains(tree) && lsm_.is_tagged(root.fd.get());
}

Status LsmSource::renew(std::uint32_t tree, CoveredPart covered, NoticeReader& reader) {
  if (const auto at = trees_.find(tree); at != trees_.end())
    at->second.covered = std::move(covered);
  return look_again(tree, reader);
}

Status LsmSource::look_again(std::uint32_t tree, NoticeReader& /*reader*/) {
  const auto at = trees_.find(tree);
  if (at == trees_.end()) return Error::from_errno(ENOENT, "tree");
  GUARD_TRY(const auto root, open_tree(at->second.path));
  GUARD_TRY(const auto id, FileId::of(root.fd.get()));
  if (id != at->second.root) return Error::from_errno(ESTALE, "another directory is there now");
  if (!lsm_.is_tagged(root.fd.get())) return Error::from_errno(ESTALE, "it was unmounted");
  GUARD_CHECK(tag(at->second, tree, root));
  visited_.push_back(tree);
  return {};
}

void LsmSource::forget_tree(std::uint32_t tree) {
  const auto at = trees_.find(tree);
  if (at == trees_.end()) return;
  numbers_.erase(at->second.id);
  directories_.forget_tree(tree);
  if (is_changing_)
    leaving_.push_back(std::move(at->second));
  else
    untag(at->second);
  trees_.erase(at);
}

// The root may have moved: it is found by its handle, through its file system. If the file system
// is gone, so are the inode and its tag.
void LsmSource::untag(const Tree& tree) {
  const auto above = tree.path.substr(0, tree.path.rfind('/') + 1);
  for (const auto& path : {tree.path, above.empty() ? std::string("/") : above}) {
    const Fd place(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
    if (!place) continue;
    const auto root = open_by_id(place.get(), tree.root);
    if (!root) continue;
    pins_.unpin(root->get());
    if (lsm_.untag(root->get(), tree.inode)) return;
    break;
  }
  lsm_.retire(tree.id);
  lsm_.forget(tree.inode);
}

void LsmSource::renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) {
  directories_.renumber(numbers);
  trees_ = renumbered(std::move(trees_), numbers);
  for (const auto& [number, tree] : trees_) numbers_[tree.id] = number;
  visited_.clear();  // a new set of policies has each tree tagged again
}

std::optional<std::uint32_t> LsmSource::number_of(std::uint64_t id) const {
  const auto at = numbers_.find(id);
  return at == numbers_.end() ? std::nullopt : std::optional(at->second);
}

// ---- events

bool LsmSource::dispatch(NoticeReader& reader) {
  reader_ = &reader;
  const bool more = lsm_.dispatch(*this, kMostATurn);
  reader_ = nullptr;
  if (const auto lost = lsm_.lost(); lost != lost_) {
    lost_ = lost;
    reader.lost_notices();
  }
  work(reader);
  if (directories_.size() > kMostDirectories) directories_.prune();
  return more;
}

void LsmSource::on_event(const LsmEvent& event) noexcept {
  const auto& record = event.what;
  processes_.update(record.process);
  if (record.operation == kEventMount && record.answer == kAnswerNone) {
    mounter_ = record.process.pid;
    mounted_at_ = Clock::now();
    return;
  }
  const auto number = number_of(record.tree);
  if (!number || !is_prepared_) return;  // forgotten meanwhile
  const auto& tree = trees_.at(*number);
  if (!event.is_whole)
    return reader_->lost_sight(*number, "a change was too deep in it for its path to be reported");
  if (record.answer != kAnswerNone)
    return reader_->violated(*number, violation_of(event), record.process.time);
  report(*number, tree, event);
}

// An inode that does not exist yet has no identity. On a file system with handles of its own form,
// the file is opened, and its identity counts if it is still the same inode.
FileId LsmSource::identity(const Tree& tree, const InodeFacts& facts,
                           const std::string& path) const {
  if (facts.inode == 0) return {};
  if (tree.form.known()) return tree.form.make(facts.inode, facts.generation);
  const auto root = open_tree(tree.path);
  if (!root) return {};
  const auto object = open_object(*root, path);
  if (!object || object->id.inode != facts.inode) return {};
  auto id = FileId::of(object->fd.get());
  return id ? *std::move(id) : FileId();
}

void LsmSource::report(std::uint32_t number, const Tree& tree, const LsmEvent& event) {
  const auto& record = event.what;
  if ((record.flags & kFlagSubvolume) != 0) return expect_subvolume(tree.id);
  if (record.operation == kEventRename && is_directory(record)) move_directory(number, tree, event);
  auto notice = notice_of(event);
  notice.directory = directories_.reach(number, split(event.path).first);
  if (!notice.directory) return;
  notice.object = identity(tree, record.object, event.old_path.value_or(event.path));
  if (event.old_path)
    notice.detail->old_directory = directories_.reach(number, split(*event.old_path).first);
  reader_->noticed(notice);
}

void LsmSource::expect_subvolume(std::uint64_t tree) {
  subvolumes_[tree] = {Clock::now() + kSubvolumeScans.front()};
}

void LsmSource::scan_subvolumes(Clock::time_point now) {
  for (auto at = subvolumes_.begin(); at != subvolumes_.end();) {
    auto& [tree, coming] = *at;
    if (coming.due > now) {
      ++at;
      continue;
    }
    const auto number = number_of(tree);
    if (number) visited_.push_back(*number);
    if (!number || ++coming.scans == kSubvolumeScans.size()) {
      at = subvolumes_.erase(at);
    } else {
      coming.due = now + kSubvolumeScans[coming.scans];
      ++at;
    }
  }
}

// Changes that wait below the directory go on waiting under its new name. If it comes from outside
// the tree, its contents have to be looked at.
void LsmSource::move_directory(std::uint32_t number, const Tree& tree, const LsmEvent& event) {
  const auto& record = event.what;
  if (event.old_path) {
    const auto [above, name] = split(event.path);
    auto* known = directories_.find(number, *event.old_path);
    auto* parent = directories_.reach(number, above);
    if (!known || !parent || !known->parent) return;
    if (auto* replaced = WatchedDirectories::find_child(*parent, name);
        replaced && replaced != known)
      directories_.forget(*replaced);
    for (auto* at = parent; at; at = at->parent)
      if (at == known) return;  // reported too late to be true: a scan finds out
    WatchedDirectories::move(*known, *parent, std::string(name));
    return;
  }
  if (incoming_.size() >= kMostIncoming)
    return reader_->lost_sight(number, "too many directories were moved into it at once");
  incoming_.push_back({tree.id, event.path, record.object.inode, record.process.pid,
                       Uid{record.process.fsuid}, record.process.time, 0, Clock::now()});
}

std::optional<Clock::time_point> LsmSource::next() const {
  if (directories_.has_forgotten()) return Clock::time_point();
  auto next = reports_closes_until_;
  for (const auto& [tree, coming] : subvolumes_)
    next = next ? std::min(*next, coming.due) : coming.due;
  for (const auto& directory : incoming_)
    next = next ? std::min(*next, directory.due) : directory.due;
  return next;
}

void LsmSource::work(NoticeReader& reader) {
  const auto now = Clock::now();
  directories_.release(now + kReleases);
  scan_subvolumes(now);
  if (reports_closes_until_ && *reports_closes_until_ <= now) {
    reports_closes_until_.reset();
    awaited_.clear();
    (void)attach(attached_guards_);
  }
  for (auto count = incoming_.size(); count > 0; --count) {
    auto directory = std::move(incoming_.front());
    incoming_.pop_front();
    if (directory.due <= now) {
      if (report_contents(directory, reader) || directory.tries == kMostTries) continue;
      directory.due = now + kFirstTry * (1U << directory.tries++);
    }
    incoming_.push_back(std::move(directory));
  }
}

// Everything below the directory, which has its own notice. False: it is not there yet.
bool LsmSource::report_contents(const IncomingDirectory& incoming, NoticeReader& reader) {
  const auto number = number_of(incoming.tree);
  if (!number) return true;
  const auto& tree = trees_.at(*number);
  const auto root = open_tree(tree.path);
  if (!root) return true;
  auto first = open_object(*root, incoming.path);
  if (!first || first->id.inode != incoming.inode) return false;
  auto* known = directories_.reach(*number, incoming.path);
  if (!known) return true;
  Notice found;
  found.kind = Notice::Kind::kFound;
  found.pid = incoming.pid;
  found.was_moved = true;
  auto& detail = found.detail.emplace();
  detail.by = incoming.by;
  detail.time = incoming.time;
  const auto add = [&](Object& /*object*/, WatchedDirectory& parent, const std::string& name) {
    return &directories_.reach(parent, name);
  };
  // If root brought the directory, and only root can have put the rest there, root brought that
  // too.
  const auto departures = lsm_.departures(tree.id);
  const auto tag = lsm_.witness(first->fd.get());
  const bool is_brought = tag && tag->tree == tree.id && tag->kind == kWitnessBrought;
  const auto report = [&](const Object& directory, WatchedDirectory& holder,
                          const DirectoryEntry& entry, bool by_root_alone) {
    if (by_root_alone) {
      const auto object = open_object(directory, entry.name);
      const auto path = WatchedDirectories::path_of(holder, entry.name);
      if (object) prove(*number, *object, path, departures, kWitnessBrought);
    }
    found.directory = &holder;
    found.name = entry.name;
    found.object = entry.id;
    found.is_directory = entry.is_directory;
    reader.noticed(found);
  };
  descend(*std::move(first), *known, is_brought, {*number, tree.covered, reader, report, add, {}});
  return true;
}

// A close before the program is attached is not reported: the caller finds out when it asks again.
// If the program cannot be attached at all, that is later.
void LsmSource::await_closing(const WatchedDirectory& directory, std::string_view name,
                              std::uint64_t inode) {
  const auto tree = trees_.find(directory.tree());
  if (tree == trees_.end()) return;
  if (awaited_.size() < kMostAwaited)
    awaited_[{directory.tree(), inode}] = {directory.number, std::string(name)};
  lsm_.await_closing({inode, tree->second.inode.device, 0}, tree->second.id);
  const bool is_new = !reports_closes_until_.has_value();
  reports_closes_until_ = Clock::now() + kReportsCloses;
  if (is_new) (void)attach(attached_guards_);
}

void LsmSource::on_close(const CloseRecord& record) noexcept {
  const auto number = number_of(record.tree);
  if (!number) return;
  const auto at = awaited_.find({*number, record.inode});
  if (at == awaited_.end()) return;
  const auto [directory, name] = std::move(at->second);
  awaited_.erase(at);
  Notice notice;
  notice.kind = Notice::Kind::kClosed;
  notice.directory = directories_.find(directory);
  if (!notice.directory) return;
  notice.name = name;
  notice.detail.emplace().by = Uid{kNotSet};  // the process that closed it: not the owner
  reader_->noticed(notice);
}

// ---- evidence

std::optional<Evidence> LsmSource::evidence_for(const WitnessQuestion& question) {
  const auto tag = lsm_.witness(question.object);
  return tag ? evidence_of(*tag, question.wanted) : std::nullopt;
}

// Deeper down, a directory could leave the tree without being counted.
void LsmSource::prove(std::uint32_t number, const Object& object, const std::string& path,
                      std::uint64_t departures, WitnessKind kind) {
  const auto& policy = set_->policy_of(set_->trees()[number]);
  const auto* wanted = wanted_at(policy, path);
  if (!wanted || std::count(path.begin(), path.end(), '/') >= kWitnessDepth) return;
  (void)lsm_.bear_witness(object.fd.get(),
                          {trees_.at(number).id, departures, wanted->owner.id.value,
                           wanted->group.id.value, static_cast<__u32>(kind), 0});
}

std::optional<Object> LsmSource::open(const WatchedDirectory& directory, std::string_view name,
                                      const FileId& object) const {
  const auto tree = trees_.find(directory.tree());
  if (tree == trees_.end()) return std::nullopt;
  const auto root = open_tree(tree->second.path);
  if (!root) return std::nullopt;
  auto opened = open_object(*root, WatchedDirectories::path_of(directory, name));
  if (!opened) return std::nullopt;
  const auto id = FileId::of(opened->fd.get());
  return id && id->is_like(object) ? std::optional(*std::move(opened)) : std::nullopt;
}

std::optional<std::int64_t> LsmSource::proven_at(const WatchedDirectory& directory,
                                                 std::string_view name, const FileId& object) {
  const auto opened = open(directory, name, object);
  if (!opened || !lsm_.witness(opened->fd.get()) || !is_past(opened->changed)) return std::nullopt;
  return opened->changed;
}

void LsmSource::prove_again(const WatchedDirectory& directory, std::string_view name,
                            const FileId& object, std::int64_t changed) {
  const auto at = trees_.find(directory.tree());
  if (at == trees_.end()) return;
  const auto departures = lsm_.departures(at->second.id);
  const auto opened = open(directory, name, object);
  if (opened && opened->changed == changed)
    prove(directory.tree(), *opened, WatchedDirectories::path_of(directory, name), departures,
          kWitnessBorn);
}

// ---- for the rest of guardd

std::optional<std::int32_t> LsmSource::mounter() const {
  if (mounter_ == 0 || Clock::now() - mounted_at_ > kJustNow) return std::nullopt;
  return mounter_;
}

std::vector<std::string> LsmSource::shortcomings() const {
  auto all = tables_.shortcomings();
  if (!table_error_.empty()) all.push_back(table_error_);
  for (const auto& hook : lsm_.hooks())
    if (!hook.loaded && hook.guards != 0)
      all.push_back(
          "the kernel hook " + hook.name +
          " is not in use, so what passes it is neither reported nor denied: " + hook.why_not);
  return all;
}

}  // namespace guard
