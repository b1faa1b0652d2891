#include "guardd/repair/walker.h"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace guard {
namespace {

// The least that is worth passing to another thread.
constexpr std::size_t kWorthSharing = sizeof(NameBuffer) / 2;

bool is_dot(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

}  // namespace

void Walker::run() {
  while (auto item = shared_.queue.take(shared_.stop)) {
    walk(*std::move(item));
    count(0);
  }
}

void Walker::walk(WalkItem item) {
  Level level;
  level.directory = std::move(item.directory);
  level.id = level.directory->id();
  level.closed = item.closed;
  level.names = std::move(item.names);
  level.end = item.end;
  level.read_all = level.names != nullptr;
  levels_.push_back(std::move(level));
  while (!levels_.empty() && !shared_.stop.stop_requested()) step();
  levels_.clear();
}

void Walker::step() {
  auto& level = levels_.back();
  if (level.directory->has_moved()) {
    shared_.visitor.trouble(level.directory->path(), ESTALE);
    leave();
    return;
  }
  if (level.at == level.end) {
    if (level.read_all || !read_on(level)) leave();
    return;
  }
  const auto& entry = *reinterpret_cast<const dirent64*>(&level.names->bytes[level.at]);
  level.at += entry.d_reclen;
  level.position = entry.d_off;
  if (!is_dot(entry.d_name)) visit(entry.d_name, entry.d_type);
}

// Reads the next names of the directory, which another thread may take.
bool Walker::read_on(Level& level) {
  if (!level.names) level.names = take_buffer();
  const auto length = ::getdents64(level.directory->descriptor(), level.names->bytes.data(),
                                   level.names->bytes.size());
  level.at = 0;
  level.end = length > 0 ? static_cast<std::size_t>(length) : 0;
  // ENOENT: the directory has been removed.
  if (length < 0 && errno != ENOENT) shared_.visitor.trouble(level.directory->path(), errno);
  if (length <= 0) return false;
  share(level);
  return true;
}

void Walker::share(Level& level) {
  if (level.end < kWorthSharing || !shared_.queue.needs_work()) return;
  WalkItem item{level.directory, level.closed, std::move(level.names), level.end};
  if (!shared_.queue.offer(item)) {
    level.names = std::move(item.names);
    return;
  }
  level.at = level.end = 0;
}

void Walker::visit(const char* name, unsigned char type) {
  const auto& level = levels_.back();
  const WalkEntry entry{thread_, *level.directory, level.closed, name, type == DT_REG};
  // The file system may not report the type; O_DIRECTORY opens nothing but a directory.
  if (type != DT_DIR && type != DT_UNKNOWN) {
    shared_.visitor.leaf(entry);
    count(1);
    return;
  }
  auto opened = open_child(*level.directory, name);
  count(1);
  if (!opened) {
    switch (opened.error().code()) {
      case ENOENT:
        return;
      case EXDEV:
        return shared_.visitor.mount(entry);
      case ENOTDIR:
      case ELOOP:
        return shared_.visitor.leaf(entry);
      default:
        // Its contents stay unknown, but the directory itself can still be judged.
        shared_.visitor.trouble(level.directory->path_of(name), opened.error().code());
        return shared_.visitor.leaf(entry);
    }
  }
  const auto descent = shared_.visitor.directory(entry, **opened);
  auto directory = *std::move(opened);
  if (descent == Descent::kEnterFirst) directory = to_leave(std::move(directory));
  if (descent != Descent::kLeave && shared_.below)
    descend(std::move(directory), level.closed || descent == Descent::kClosed);
}

// The threads that share a directory may leave it in any order: the last one calls the visitor.
std::shared_ptr<Directory> Walker::to_leave(std::shared_ptr<Directory> directory) {
  auto* const plain = directory.get();
  return {plain, [kept = std::move(directory), &visitor = shared_.visitor](Directory* left) {
            visitor.left(*left);
          }};
}

Result<std::shared_ptr<Directory>> Walker::open_child(const Directory& parent, const char* name) {
  auto opened = parent.child(name);
  if (opened || (opened.error().code() != EMFILE && opened.error().code() != ENFILE)) return opened;
  // The descriptors are used up: close those that can be opened again.
  for (std::size_t i = 1; i + 1 < levels_.size(); ++i) suspend(levels_[i]);
  return parent.child(name);
}

void Walker::descend(std::shared_ptr<Directory> directory, bool closed) {
  if (shared_.queue.needs_work()) {
    WalkItem item{std::move(directory), closed, nullptr, 0};
    if (shared_.queue.offer(item)) return;
    directory = std::move(item.directory);
  }
  // The first level may be part of a directory, which could not be found again: it stays open.
  if (levels_.size() >= shared_.open_levels)
    suspend(levels_[levels_.size() - shared_.open_levels + 1]);
  Level level;
  level.id = directory->id();
  level.directory = std::move(directory);
  level.closed = closed;
  levels_.push_back(std::move(level));
}

void Walker::leave() {
  const auto left = std::move(levels_.back().directory);
  return_buffer(std::move(levels_.back().names));
  levels_.pop_back();
  // A directory that cannot be found again is reported once; those above it are found by path.
  while (!levels_.empty() && levels_.back().is_suspended && !resume(levels_.back(), *left)) {
    shared_.visitor.trouble(std::string_view(left->path()).substr(0, levels_.back().path_length),
                            ESTALE);
    levels_.pop_back();
  }
}

void Walker::suspend(Level& level) {
  if (level.is_suspended || &level == &levels_.front()) return;
  level.is_suspended = true;
  level.path_length = level.directory->path().size();
  level.directory = nullptr;
  level.at = level.end = 0;
  return_buffer(std::move(level.names));
}

bool Walker::resume(Level& level, const Directory& child) {
  const auto path = std::string_view(child.path()).substr(0, level.path_length);
  level.directory = child.parent(path, level.id);
  if (!level.directory) {
    // The child has moved. Its old parent may still be there.
    auto opened = Directory::open(shared_.root, path);
    if (!opened || (*opened)->id() != level.id) return false;
    level.directory = *std::move(opened);
  }
  if (::lseek(level.directory->descriptor(), level.position, SEEK_SET) < 0) return false;
  level.is_suspended = false;
  return true;
}

void Walker::count(std::uint64_t objects) {
  uncounted_ += objects;
  if (uncounted_ == 0 || (objects != 0 && uncounted_ < shared_.pace.stride())) return;
  shared_.visitor.progress(thread_, uncounted_);
  shared_.pace.wait(std::exchange(uncounted_, 0), shared_.stop);
}

std::unique_ptr<NameBuffer> Walker::take_buffer() {
  // Not value-initialised: only bytes that the kernel wrote are read.
  if (spare_.empty()) return std::unique_ptr<NameBuffer>(new NameBuffer);
  auto buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void Walker::return_buffer(std::unique_ptr<NameBuffer> buffer) {
  if (buffer && spare_.size() < shared_.open_levels) spare_.push_back(std::move(buffer));
}

}  // namespace guard
