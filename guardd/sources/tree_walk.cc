#include "guardd/sources/tree_walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "guardd/evidence/access.h"
#include "guardd/host/open_resolved.h"

namespace guard {
namespace {

constexpr std::uint64_t kBeneath =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

std::string below(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + '/' + std::string(name);
}

// Gone, something else, or a mount, which is not part of the tree.
bool is_no_directory(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV || error == ESTALE;
}

InodeId parent_of(int directory) {
  struct stat facts {};
  if (::fstatat(directory, "..", &facts, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) return {};
  return {facts.st_dev, facts.st_ino};
}

}  // namespace

void TreeWalk::visit(FileId root, std::uint32_t visit) {
  next_visit_.emplace(std::move(root), visit);
}

bool TreeWalk::step() {
  if (!terms_) return false;
  if (!chunks_.empty() && chunks_.front()->is_answered.load(std::memory_order_acquire)) {
    list_answered();
    return true;
  }
  if (chunks_.size() >= kMostChunks) return false;
  const bool has_work = !new_names_.empty() || !levels_.empty() || (next_visit_ && in_visit_ == 0);
  if (!has_work) {
    if (chunks_.empty() && root_directory_) close_root();
    return false;
  }
  if (next_visit_ && in_visit_ == 0) begin_visit();
  if (!new_names_.empty()) open_new_names();
  if (!levels_.empty()) read_levels();
  if (chunk_) {
    chunks_.push_back(chunk_);
    WalkStep step;
    step.kind = WalkStep::Kind::kDirectories;
    step.watch = watch_;
    step.chunk = std::move(chunk_);
    put_(std::move(step));
    chunk_.reset();
  }
  return true;
}

// Their loss is no loss: a mark goes with its directory.
void TreeWalk::unmark(const std::vector<FileId>& directories) {
  if (!terms_ || !open_root()) return;
  for (const auto& each : directories)
    if (const auto fd = open_by_id(root_directory_.get(), each)) terms_->unmark(each, fd->get());
}

void TreeWalk::stop() {
  new_names_.clear();
  next_visit_.reset();
  levels_.clear();
  open_levels_ = 0;
  visit_ = 0;
  in_visit_ = 0;
}

// So that the file system can be unmounted.
void TreeWalk::close_root() {
  last_parent_ = {};
  root_directory_.reset();
  root_ = {};
  root_id_ = {};
}

bool TreeWalk::open_root() {
  if (root_directory_) return true;
  auto root = open_tree(terms_->path);
  if (!root) return false;
  auto directory = open_directory(*root);
  auto id = FileId::of(root->fd.get());
  if (!directory || !id) return false;
  root_ = *std::move(root);
  root_directory_ = *std::move(directory);
  root_id_ = *std::move(id);
  return true;
}

// ---- orders

// If another directory is the root now, the loop finds that out by itself.
void TreeWalk::begin_visit() {
  const auto [root, visit] = *std::exchange(next_visit_, std::nullopt);
  visit_ = visit;
  ++in_visit_;
  auto directory = open_root() ? open_directory(root_) : Result<Fd>(Error("gone"));
  if (directory && root_id_ == root) {
    WalkedDirectory first;
    first.id = root;
    first.visit = visit;
    if (const auto marked = terms_->mark(root, directory->get()); !marked) {
      trouble("", marked.error().text());
    } else {
      first.fd = *std::move(directory);
      if (!chunk_) chunk_ = std::make_shared<WalkChunk>();
      chunk_->directories.push_back(std::move(first));
      return;
    }
  }
  leave(visit);
}

Result<Fd> TreeWalk::open_parent(const NewName& name) {
  if (auto parent = open_by_id(root_directory_.get(), name.parent)) return parent;
  // Some file systems identify a directory, but cannot open it by that.
  GUARD_TRY(const auto object, open_object(root_, name.parent_path));
  GUARD_TRY(const auto id, FileId::of(object.fd.get()));
  if (id != name.parent) return Error::from_errno(ESTALE, "another directory is there now");
  return open_directory(object);
}

// Each name is answered, whatever became of it: the loop counts them.
void TreeWalk::open_new_names() {
  const bool has_root = open_root();
  for (std::size_t count = 0; count < kChunk / 2 && !new_names_.empty(); ++count) {
    const auto name = std::move(new_names_.front());
    new_names_.pop_front();
    WalkedDirectory directory;
    directory.is_new_name = true;
    directory.parent = name.parent;
    directory.name = name.name;
    directory.path = below(name.parent_path, name.name);
    directory.arrival = name.arrival;
    directory.by_root_alone = name.is_born;
    directory.visit = name.visit;
    if (has_root && (!last_parent_.second || last_parent_.first != name.parent)) {
      auto parent = open_parent(name);
      if (!parent && !is_no_directory(parent.error().code()))
        directory.trouble = parent.error().text();
      last_parent_ = {name.parent, parent ? *std::move(parent) : Fd()};
    }
    directory.id = name.expected;
    const auto trouble = directory.trouble;
    if (has_root && last_parent_.second && add(last_parent_.second.get(), std::move(directory)))
      continue;
    if (!chunk_) chunk_ = std::make_shared<WalkChunk>();
    WalkedDirectory gone;
    gone.is_new_name = true;
    gone.path = below(name.parent_path, name.name);
    gone.trouble = trouble;
    chunk_->directories.push_back(std::move(gone));
  }
  last_parent_ = {};
}

// ---- opening and listing

// Opens and marks a directory, and has the loop decide about it. False: it is none, or it is gone.
bool TreeWalk::add(int parent, WalkedDirectory directory) {
  auto opened = open_resolved(parent, directory.name.c_str(),
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, kBeneath);
  if (!opened && is_no_directory(errno)) return false;
  Status done;
  if (!opened) done = Error::from_errno(errno, "open");
  Object object;
  object.fd = std::move(opened);
  if (done) done = refresh(object);
  if (done && object.mount != root_.mount) return false;
  if (done) {
    auto id = FileId::of(object.fd.get());
    if (!id) done = id.error();
    // Another directory has taken the name. What happened to this one has its own event.
    if (id && directory.id.known() && directory.id != *id) return false;
    if (id) directory.id = *std::move(id);
  }
  if (done) {
    done = terms_->mark(directory.id, object.fd.get());
    directory.is_apart = !done && done.error().code() == EXDEV;
  }
  if (!done && !directory.is_apart) directory.trouble = done.error().text();
  struct stat facts {};
  if (::fstat(parent, &facts) == 0) directory.parent_inode = {facts.st_dev, facts.st_ino};
  directory.fd = std::move(object.fd);
  if (directory.visit != 0) ++in_visit_;
  if (!chunk_) chunk_ = std::make_shared<WalkChunk>();
  chunk_->directories.push_back(std::move(directory));
  return true;
}

void TreeWalk::list_answered() {
  const auto chunk = std::move(chunks_.front());
  chunks_.pop_front();
  for (auto& directory : chunk->directories) list(std::move(directory));
  suspend_oldest();
}

// It may have been moved away before the loop knew it. From here on, its notices tell of that.
void TreeWalk::list(WalkedDirectory directory) {
  using WatchVerdict = WalkedDirectory::WatchVerdict;
  if (directory.verdict == WatchVerdict::kUnmark && directory.fd)
    terms_->unmark(directory.id, directory.fd.get());
  if (directory.verdict != WatchVerdict::kList || !directory.fd) return leave(directory.visit);
  if (directory.parent.known() && parent_of(directory.fd.get()) != directory.parent_inode) {
    WalkStep gone;
    gone.kind = WalkStep::Kind::kGone;
    gone.watch = watch_;
    gone.directory = std::move(directory.id);
    gone.parent = std::move(directory.parent);
    gone.name = std::move(directory.name);
    put_(std::move(gone));
    return leave(directory.visit);
  }
  Object object;
  object.fd = std::move(directory.fd);
  if (!refresh(object)) return leave(directory.visit);
  Level level;
  level.by_root_alone = directory.by_root_alone && is_filled_by_root_alone(object.state);
  // Opened once more: btrfs lists only what was there when a descriptor was opened, and it was not
  // marked yet when this one was.
  Fd fd(::openat(object.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME));
  level.listing.reset(fd ? ::fdopendir(fd.get()) : nullptr);
  if (!level.listing) {
    trouble(directory.path, Error::from_errno(errno, "list").text());
    return leave(directory.visit);
  }
  (void)fd.release();  // the listing closes it
  level.id = std::move(directory.id);
  level.inode = object.id;
  level.path = std::move(directory.path);
  level.arrival = std::move(directory.arrival);
  level.visit = directory.visit;
  level.losses = directory.losses;
  level.renewal = directory.renewal;
  levels_.push_back(std::move(level));
  ++open_levels_;
}

// The innermost directories first, so that few are open.
void TreeWalk::read_levels() {
  auto budget = kEntries;
  while (!levels_.empty() && budget > 0 && (!chunk_ || chunk_->directories.size() < kChunk)) {
    auto level = std::move(levels_.back());
    levels_.pop_back();
    if (level.listing) --open_levels_;
    if ((!level.listing && !resume(level)) || read(level, budget)) {
      leave(level.visit);
      continue;
    }
    levels_.push_back(std::move(level));
    ++open_levels_;
  }
}

// True: it was read to its end.
bool TreeWalk::read(Level& level, std::size_t& budget) {
  const int here = ::dirfd(level.listing.get());
  const bool reports = level.arrival && level.arrival->found;
  std::vector<DirectoryEntry> entries;
  bool is_at_end = false;
  while (budget > 0 && (!chunk_ || chunk_->directories.size() < kChunk)) {
    errno = 0;
    const auto* each = ::readdir(level.listing.get());  // NOLINT(concurrency-mt-unsafe)
    is_at_end = !each;
    if (!each && errno != 0) trouble(level.path, Error::from_errno(errno, "list").text());
    if (!each) break;
    const std::string_view name = each->d_name;
    if (name == "." || name == "..") continue;
    --budget;
    DirectoryEntry entry{std::string(name), {}, each->d_type == DT_DIR};
    if (reports || each->d_type == DT_UNKNOWN) {
      if (const auto object = open_entry(root_, here, entry.name.c_str())) {
        entry.is_directory = object->state.type == FileType::kDirectory;
        if (auto id = FileId::of(object->fd.get())) entry.id = *std::move(id);
      }
    }
    const auto path = below(level.path, name);
    const bool asks_covered = entry.is_directory && !terms_->covered.empty();
    if (asks_covered && terms_->covered.is_nested(path)) continue;
    if (entry.is_directory && !(asks_covered && terms_->covered.all_below(path))) {
      WalkedDirectory found;
      found.parent = level.id;
      found.name = entry.name;
      found.path = path;
      found.visit = level.visit;
      found.arrival = level.arrival;
      found.by_root_alone = level.by_root_alone;
      (void)add(here, std::move(found));
    }
    if (reports) entries.push_back(std::move(entry));
  }
  if (reports && (is_at_end || !entries.empty())) put_entries(level, std::move(entries), is_at_end);
  return is_at_end;
}

void TreeWalk::put_entries(const Level& level, std::vector<DirectoryEntry> entries, bool is_last) {
  WalkStep step;
  step.kind = WalkStep::Kind::kEntries;
  step.watch = watch_;
  step.directory = level.id;
  step.entries = std::move(entries);
  step.arrival = level.arrival;
  step.is_last = is_last;
  step.by_root_alone = level.by_root_alone;
  step.losses = level.losses;
  step.renewal = level.renewal;
  put_(std::move(step));
}

// Descriptors are few: closes the directories that are read last.
void TreeWalk::suspend_oldest() {
  for (auto level = levels_.begin(); level != levels_.end() && open_levels_ > kMostOpen; ++level) {
    if (!level->listing) continue;
    level->position = ::telldir(level->listing.get());
    level->listing.reset();
    --open_levels_;
  }
}

bool TreeWalk::resume(Level& level) {
  auto fd = open_by_id(root_directory_.get(), level.id);
  if (!fd) {
    if (fd.error().code() != ESTALE) trouble(level.path, fd.error().text());
    return false;
  }
  level.listing.reset(::fdopendir(fd->get()));
  if (!level.listing) return false;
  (void)fd->release();
  ::seekdir(level.listing.get(), level.position);
  return true;
}

// One directory of a visit is done.
void TreeWalk::leave(std::uint32_t visit) {
  if (visit == 0 || visit != visit_ || --in_visit_ > 0) return;
  WalkStep end;
  end.kind = WalkStep::Kind::kEnd;
  end.watch = watch_;
  end.visit = visit_;
  put_(std::move(end));
}

void TreeWalk::trouble(const std::string& path, const std::string& why) {
  WalkStep step;
  step.kind = WalkStep::Kind::kTrouble;
  step.watch = watch_;
  step.name = path;
  step.trouble = why;
  put_(std::move(step));
}

}  // namespace guard
