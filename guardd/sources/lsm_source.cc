#include "guardd/sources/lsm_source.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "guardd/files/listing.h"
#include "guardd/host/files.h"
#include "guardd/host/superblock.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using Clock = std::chrono::steady_clock;

// One turn of the loop.
constexpr std::size_t kMostATurn = 4096;
constexpr std::size_t kMostDirectories = 50'000;
constexpr std::size_t kMostWritten = 20'000;

// How long it is told who closes what, since somebody wanted to know. Longer than whoever waits
// goes without asking, and long enough not to come and go with every copy.
constexpr auto kListens = std::chrono::seconds(20);
constexpr std::size_t kMostArrivals = 1'000;

// A rename is told before it is done, and done microseconds later.
constexpr unsigned kTriesToArrive = 8;
constexpr auto kFirstTry = std::chrono::milliseconds(1);

constexpr auto kJustNow = std::chrono::seconds(5);

static_assert(static_cast<int>(Operation::kCreate) == kEventCreate);
static_assert(static_cast<int>(Operation::kChown) == kEventChown);
static_assert(static_cast<int>(Operation::kMap) == kEventMap);
static_assert(static_cast<int>(Operation::kMount) == kEventMount);
static_assert(static_cast<int>(Operation::kRead) == kEventRead);
static_assert(static_cast<int>(Guard::kOwnership) == kGuardOwnership);
static_assert(static_cast<int>(Guard::kRead) == kGuardRead);

Operation operation_of(const EventRecord& what) {
  // Made without a name, it gets its first one now.
  if (what.operation == kEventLink && what.object.inode != 0 && what.object.links == 0)
    return Operation::kCreate;
  return static_cast<Operation>(what.operation);
}

FileType type_of(const EventRecord& what) {
  if (what.object.inode != 0) return file_type(what.object.mode);
  if (what.operation == kEventMkdir) return FileType::kDirectory;
  return what.operation == kEventSymlink ? FileType::kSymlink : FileType::kRegular;
}

bool is_directory(const EventRecord& what) {
  return type_of(what) == FileType::kDirectory;
}

Notice::Kind kind_of(const EventRecord& what) {
  switch (what.operation) {
    case kEventRename:
      return Notice::Kind::kMovedIn;
    case kEventChown:
    case kEventChmod:
      return Notice::Kind::kAttributes;
    default:
      return Notice::Kind::kCreated;
  }
}

// The path's last name, and what stands before it.
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

Violation violation_of(const LsmEvent& event) {
  const auto& what = event.what;
  Violation violation;
  violation.backend = Backend::kLsm;
  violation.guard = static_cast<Guard>(what.guard);
  violation.operation = operation_of(what);
  violation.path = event.path;
  violation.old_path = event.old_path;
  violation.file_type = type_of(what);
  violation.repeats = what.repeats;
  if (what.object.inode != 0) {
    const auto device = what.object.device;
    violation.object = {::gnu_dev_makedev(device >> 20U, device & 0xfffffU), what.object.inode};
    violation.links = what.object.links;
    violation.before =
        Ownership{Uid{what.object.uid}, Gid{what.object.gid}, Mode{what.object.mode & 07777U}};
    violation.after = violation.before;
  }
  violation.action = what.answer == kAnswerDenied ? Outcome::kDenied : Outcome::kLogged;
  violation.actor.pid = what.process.pid;
  violation.actor.tid = static_cast<std::int32_t>(what.tid);
  return violation;
}

}  // namespace

Result<std::unique_ptr<LsmSource>> LsmSource::create(Lsm lsm, Processes& processes) {
  GUARD_TRY(auto pins, InodePins::create());
  GUARD_CHECK(lsm.exempt_self());
  return std::unique_ptr<LsmSource>(new LsmSource(std::move(lsm), std::move(pins), processes));
}

// ---- which trees

Status LsmSource::enforce(std::shared_ptr<const PolicySet> set) {
  is_changing_ = true;
  table_trouble_.clear();
  auto prepared = policy_.prepare(*set);
  if (prepared) prepared = attach(enforced_guards_ | policy_.guards());
  is_prepared_ = static_cast<bool>(prepared);
  return prepared;
}

Status LsmSource::attach(std::uint32_t guards) {
  return lsm_.attach(guards | (listens_until_ ? kClosingBit : 0));
}

void LsmSource::enforced() {
  lsm_.set_guards_in_use(trees_.empty() ? 0 : policy_.guards());
  enforced_guards_ = policy_.guards();
  (void)attach(enforced_guards_);  // nothing is added that could fail
  for (const auto& tree : std::exchange(leaving_, {})) let_go(tree);
  if (const auto done = policy_.finish(); !done) table_trouble_ = done.error().text();
  is_changing_ = false;
}

// Tagged anew, a root has the new policy from one operation to the next. Where the kernel could not
// be told of the policies, fails towards refusing nothing: no tree is held to another's.
Status LsmSource::hold(Tree& tree, std::uint32_t number, const Object& root) {
  if (!is_prepared_) return Error("the kernel could not be told of its policy");
  GUARD_TRY(const auto directory, open_directory(root));
  GUARD_CHECK(pins_.pin(directory.get()));
  auto tag = policy_.tag_of(number);
  tag.tree = tree.id;
  lsm_.set_guards_in_use(policy_.guards());
  return lsm_.tag(directory.get(), tree.inode, tag);
}

Status LsmSource::watch_tree(std::uint32_t tree, const std::string& path, Covered covered,
                             NoticeReader& /*reader*/) {
  GUARD_TRY(const auto root, open_tree(path));
  GUARD_TRY(auto id, FileId::of(root.fd.get()));
  const auto form = HandleForm::of(id, root.id.inode);
  const TaggedInode inode{root.id.inode, superblock_of(root.fd.get())};
  Tree watched{path, std::move(covered), ++last_id_, std::move(id), inode, form};
  GUARD_CHECK(hold(watched, tree, root));
  // What another tree has left there is this one's now.
  std::erase_if(leaving_, [&](const Tree& each) { return each.root == watched.root; });
  (void)directories_.add(watched.root, tree, nullptr, "");
  numbers_[watched.id] = tree;
  trees_.insert_or_assign(tree, std::move(watched));
  return {};
}

bool LsmSource::still_watches(std::uint32_t tree, const Object& root) {
  return trees_.contains(tree) && lsm_.is_tagged(root.fd.get());
}

void LsmSource::cover(std::uint32_t tree, Covered covered) {
  if (const auto at = trees_.find(tree); at != trees_.end())
    at->second.covered = std::move(covered);
}

Status LsmSource::look_again(std::uint32_t tree, NoticeReader& /*reader*/) {
  const auto at = trees_.find(tree);
  if (at == trees_.end()) return Error::from_errno(ENOENT, "tree");
  GUARD_TRY(const auto root, open_tree(at->second.path));
  GUARD_TRY(const auto id, FileId::of(root.fd.get()));
  if (id != at->second.root) return Error::from_errno(ESTALE, "another directory is there now");
  if (!lsm_.is_tagged(root.fd.get()))
    return Error::from_errno(ESTALE, "it was unmounted meanwhile");
  return hold(at->second, tree, root);
}

void LsmSource::forget_tree(std::uint32_t tree) {
  const auto at = trees_.find(tree);
  if (at == trees_.end()) return;
  numbers_.erase(at->second.id);
  directories_.forget_tree(tree);
  if (is_changing_)
    leaving_.push_back(std::move(at->second));
  else
    let_go(at->second);
  trees_.erase(at);
}

// The root may lie elsewhere by now: it is found by its handle, through its file system. Where that
// is not to be had any more, neither is the inode, nor its tag.
void LsmSource::let_go(const Tree& tree) {
  const auto above = tree.path.substr(0, tree.path.rfind('/') + 1);
  for (const auto& way : {tree.path, above.empty() ? std::string("/") : above}) {
    const Fd place(::open(way.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
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
}

std::optional<std::uint32_t> LsmSource::number_of(std::uint64_t id) const {
  const auto at = numbers_.find(id);
  return at == numbers_.end() ? std::nullopt : std::optional(at->second);
}

// ---- what happens

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
  const auto& what = event.what;
  processes_.update(what.process);
  if (what.operation == kEventMount && what.answer == kAnswerNone) {
    mounter_ = what.process.pid;
    mounted_at_ = Clock::now();
    return;
  }
  const auto number = number_of(what.tree);
  if (!number || !is_prepared_) return;  // let go of since
  const auto& tree = trees_.at(*number);
  if (!event.is_whole)
    return reader_->lost_sight(*number, "something happened deeper in it than names are told");
  if (what.answer != kAnswerNone)
    return reader_->violated(*number, violation_of(event), what.process.time);
  tell(*number, tree, event);
}

// An inode that is not there yet has no identity. Of a file system that makes handles in its own
// way the file is looked at, if it is still the one.
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

void LsmSource::tell(std::uint32_t number, const Tree& tree, const LsmEvent& event) {
  const auto& what = event.what;
  const auto& owner_before = what.object.uid;
  const bool is_owners = (what.flags & kFlagByOwner) != 0;
  if (what.operation == kEventRename && is_directory(what)) moved_directory(number, tree, event);
  const auto [above, name] = split(event.path);
  auto* directory = directories_.reach(number, above);
  if (!directory) return;

  Notice notice;
  notice.kind = kind_of(what);
  notice.directory = directory;
  notice.name = name;
  notice.object = identity(tree, what.object, event.old_path.value_or(event.path));
  notice.is_directory = is_directory(what);
  notice.pid = what.process.pid;
  OperationDetail exactly;
  exactly.operation = operation_of(what);
  exactly.by = Uid{what.process.fsuid};
  exactly.time = what.process.time;
  exactly.is_ahead = (what.flags & kFlagAfter) == 0;
  // What was the owner's before somebody else took it can be given back; of what was not, only who
  // makes it or brings it in is evidence.
  const auto wanted = policy_.tag_of(number).terms.owner;
  exactly.is_foreign = what.object.inode != 0 && owner_before != wanted;
  const bool is_here_already =
      notice.kind == Notice::Kind::kAttributes || (what.flags & kFlagWithinTree) != 0;
  exactly.is_evidence = !is_owners && (!is_here_already || owner_before == wanted);
  if (event.old_path) {
    const auto [old_above, last] = split(*event.old_path);
    exactly.old_directory = directories_.reach(number, old_above);
    exactly.old_name = last;
  }
  notice.exactly = exactly;
  reader_->noticed(notice);
}

// What waits below it goes on waiting under its new name. What came in with it from elsewhere has
// to be looked at.
void LsmSource::moved_directory(std::uint32_t number, const Tree& tree, const LsmEvent& event) {
  const auto& what = event.what;
  const auto [above, name] = split(event.path);
  if (event.old_path) {
    auto* known = directories_.find(number, *event.old_path);
    auto* parent = directories_.reach(number, above);
    if (!known || !parent || !known->parent) return;
    if (auto* in_the_way = WatchedDirectories::find_child(*parent, name);
        in_the_way && in_the_way != known)
      directories_.forget(*in_the_way);
    for (auto* at = parent; at; at = at->parent)
      if (at == known) return;  // told too late to make sense: a scan knows better
    WatchedDirectories::move(*known, *parent, std::string(name));
    return;
  }
  if (arrivals_.size() >= kMostArrivals)
    return reader_->lost_sight(number, "more directories came at once than could be looked into");
  arrivals_.push_back({tree.id, event.path, what.object.inode, what.process.pid,
                       Uid{what.process.fsuid}, what.process.time, 0, Clock::now()});
}

std::optional<Clock::time_point> LsmSource::next() const {
  if (arrivals_.empty()) return listens_until_;
  const auto first = std::min_element(
      arrivals_.begin(), arrivals_.end(),
      [](const Arrival& one, const Arrival& other) { return one.due < other.due; });
  return listens_until_ ? std::min(first->due, *listens_until_) : first->due;
}

void LsmSource::work(NoticeReader& reader) {
  const auto now = Clock::now();
  if (listens_until_ && *listens_until_ <= now) {
    listens_until_.reset();
    written_.clear();
    (void)attach(enforced_guards_);
  }
  for (auto count = arrivals_.size(); count > 0; --count) {
    auto arrival = std::move(arrivals_.front());
    arrivals_.pop_front();
    if (arrival.due <= now) {
      if (meet(arrival, reader) || arrival.tries == kTriesToArrive) continue;
      arrival.due = now + kFirstTry * (1U << arrival.tries++);
    }
    arrivals_.push_back(std::move(arrival));
  }
}

// All that lies below it, the directory itself left out: it is told of by itself. False: it is not
// there yet.
bool LsmSource::meet(const Arrival& arrival, NoticeReader& reader) {
  const auto number = number_of(arrival.tree);
  if (!number) return true;
  const auto& tree = trees_.at(*number);
  const auto root = open_tree(tree.path);
  if (!root) return true;
  struct Level {
    Object object;
    std::string path;
    std::vector<DirectoryEntry> below;
    bool out_of_reach;
  };
  std::vector<Level> levels;
  const auto enter = [&](Object object, std::string path, bool out_of_reach) {
    auto entries = list(object, true);
    if (!entries) return reader.lost_sight(*number, quote(path) + ": " + entries.error().text());
    Level level{std::move(object), std::move(path), {}, out_of_reach};
    level.out_of_reach = out_of_reach && !reader.owner_can_write(*number, level.object.state);
    auto* directory = directories_.reach(*number, level.path);
    for (auto& entry : *entries) {
      const auto below = level.path + "/" + entry.name;
      if (entry.is_directory && tree.covered.is_nested(below)) continue;
      Notice notice;
      notice.kind = Notice::Kind::kFound;
      notice.directory = directory;
      notice.name = entry.name;
      notice.object = entry.id;
      notice.is_directory = entry.is_directory;
      notice.pid = arrival.pid;
      notice.was_moved = true;
      notice.out_of_owners_reach = level.out_of_reach;
      OperationDetail exactly;
      exactly.by = arrival.by;
      exactly.time = arrival.time;
      // The owner could have put anything there, so all of it may be what it must not have.
      exactly.is_foreign = true;
      notice.exactly = exactly;
      reader.noticed(notice);
      if (entry.is_directory && !tree.covered.all_below(below))
        level.below.push_back(std::move(entry));
    }
    levels.push_back(std::move(level));
  };

  auto first = open_object(*root, arrival.path);
  if (!first || first->id.inode != arrival.inode) return false;
  enter(*std::move(first), arrival.path, true);
  while (!levels.empty()) {
    auto& level = levels.back();
    if (level.below.empty()) {
      levels.pop_back();
      continue;
    }
    const auto entry = std::move(level.below.back());
    level.below.pop_back();
    auto object = open_object(level.object, entry.name);
    if (!object || object->state.type != FileType::kDirectory) continue;
    auto path = level.path + "/" + entry.name;
    const bool out_of_reach = level.out_of_reach;
    enter(*std::move(object), std::move(path), out_of_reach);
  }
  return true;
}

// What is closed before the program is attached, whoever waits finds out by asking again. So he
// does where it cannot be attached at all, only later.
void LsmSource::await_closing(const WatchedDirectory& directory, std::string_view name,
                              std::uint64_t inode) {
  if (written_.size() < kMostWritten)
    written_[{directory.tree, inode}] = {directory.number, std::string(name)};
  const bool is_new = !listens_until_.has_value();
  listens_until_ = Clock::now() + kListens;
  if (is_new) (void)attach(enforced_guards_);
}

void LsmSource::on_close(const CloseRecord& closed) noexcept {
  const auto number = number_of(closed.tree);
  if (!number) return;
  const auto at = written_.find({*number, closed.object.inode});
  if (at == written_.end()) return;
  const auto [directory, name] = std::move(at->second);
  written_.erase(at);
  auto* known = directories_.find(directory);
  if (!known) return;
  Notice notice;
  notice.kind = Notice::Kind::kClosed;
  notice.directory = known;
  notice.name = name;
  OperationDetail exactly;
  exactly.by = Uid{kNotSet};  // whoever it was, it is not the owner's file
  notice.exactly = exactly;
  reader_->noticed(notice);
}

std::optional<std::int32_t> LsmSource::mounter() const {
  if (mounter_ == 0 || Clock::now() - mounted_at_ > kJustNow) return std::nullopt;
  return mounter_;
}

std::vector<std::string> LsmSource::shortcomings() const {
  auto all = policy_.shortcomings();
  if (!table_trouble_.empty()) all.push_back(table_trouble_);
  for (const auto& hook : lsm_.hooks())
    if (!hook.loaded && hook.guards != 0)
      all.push_back("what passes the hook " + hook.name +
                    " is neither seen nor refused: " + hook.why_not);
  return all;
}

}  // namespace guard
