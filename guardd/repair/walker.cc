#include "guardd/repair/walker.h"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace guard {
namespace {

// A stretch this full is worth another thread's while, if the directory has more.
constexpr std::size_t kWorthLending = sizeof(NameBuffer) / 2;

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
  if (level.directory->is_lost()) {
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
  level.resume = entry.d_off;
  if (!is_dot(entry.d_name)) meet(entry.d_name, entry.d_type);
}

// Gets the next names of the directory. While there are more, others may have what was read.
bool Walker::read_on(Level& level) {
  if (!level.names) level.names = a_buffer();
  const auto length = ::getdents64(level.directory->descriptor(), level.names->bytes.data(),
                                   level.names->bytes.size());
  level.at = 0;
  level.end = length > 0 ? static_cast<std::size_t>(length) : 0;
  // ENOENT: it was removed meanwhile, with all that was in it.
  if (length < 0 && errno != ENOENT) shared_.visitor.trouble(level.directory->path(), errno);
  if (length <= 0) return false;
  lend(level);
  return true;
}

void Walker::lend(Level& level) {
  if (level.end < kWorthLending || !shared_.queue.wanted()) return;
  WalkItem item{level.directory, level.closed, std::move(level.names), level.end};
  if (!shared_.queue.offer(item)) {
    level.names = std::move(item.names);
    return;
  }
  level.at = level.end = 0;
}

void Walker::meet(const char* name, unsigned char type) {
  const auto& level = levels_.back();
  const Meeting met{thread_, *level.directory, level.closed, name};
  // A file system need not say what a name is; asking for a directory opens nothing else.
  if (type != DT_DIR && type != DT_UNKNOWN) {
    shared_.visitor.leaf(met);
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
        return shared_.visitor.mount(met);
      case ENOTDIR:
      case ELOOP:
        return shared_.visitor.leaf(met);
      default:
        // What is in it stays unknown, which is said; the directory itself can still be judged.
        shared_.visitor.trouble(level.directory->path_of(name), opened.error().code());
        return shared_.visitor.leaf(met);
    }
  }
  const auto descent = shared_.visitor.directory(met, **opened);
  if (descent != Descent::kLeave && shared_.below)
    descend(*std::move(opened), level.closed || descent == Descent::kClosed);
}

Result<std::shared_ptr<Directory>> Walker::open_child(const Directory& parent, const char* name) {
  auto opened = parent.child(name);
  if (opened || (opened.error().code() != EMFILE && opened.error().code() != ENFILE)) return opened;
  // Others have used up the descriptors: those of ours that can be had again are given back.
  for (std::size_t i = 1; i + 1 < levels_.size(); ++i) put_to_sleep(levels_[i]);
  return parent.child(name);
}

void Walker::descend(std::shared_ptr<Directory> directory, bool closed) {
  if (shared_.queue.wanted()) {
    WalkItem item{std::move(directory), closed, nullptr, 0};
    if (shared_.queue.offer(item)) return;
    directory = std::move(item.directory);
  }
  // The first level may be a borrowed stretch, which nobody could find again: it stays awake.
  if (levels_.size() >= shared_.open_levels)
    put_to_sleep(levels_[levels_.size() - shared_.open_levels + 1]);
  Level level;
  level.id = directory->id();
  level.directory = std::move(directory);
  level.closed = closed;
  levels_.push_back(std::move(level));
}

void Walker::leave() {
  const auto left = std::move(levels_.back().directory);
  give_back(std::move(levels_.back().names));
  levels_.pop_back();
  // What cannot be found again is told once; those above it are looked for by their paths.
  while (!levels_.empty() && levels_.back().asleep && !wake(levels_.back(), *left)) {
    shared_.visitor.trouble(std::string_view(left->path()).substr(0, levels_.back().path_length),
                            ESTALE);
    levels_.pop_back();
  }
}

void Walker::put_to_sleep(Level& level) {
  if (level.asleep || &level == &levels_.front()) return;
  level.asleep = true;
  level.path_length = level.directory->path().size();
  level.directory = nullptr;
  level.at = level.end = 0;
  give_back(std::move(level.names));
}

bool Walker::wake(Level& level, const Directory& child) {
  const auto path = std::string_view(child.path()).substr(0, level.path_length);
  level.directory = child.parent(path, level.id);
  if (!level.directory) {
    // The child was moved. Its old place may still be there.
    auto opened = Directory::open(shared_.root, path);
    if (!opened || (*opened)->id() != level.id) return false;
    level.directory = *std::move(opened);
  }
  if (::lseek(level.directory->descriptor(), level.resume, SEEK_SET) < 0) return false;
  level.asleep = false;
  return true;
}

void Walker::count(std::uint64_t objects) {
  uncounted_ += objects;
  if (uncounted_ == 0 || (objects != 0 && uncounted_ < shared_.pace.stride())) return;
  shared_.visitor.progress(thread_, uncounted_);
  shared_.pace.breathe(std::exchange(uncounted_, 0), shared_.stop);
}

std::unique_ptr<NameBuffer> Walker::a_buffer() {
  // Not value-initialised: the kernel fills what is read of it.
  if (spare_.empty()) return std::unique_ptr<NameBuffer>(new NameBuffer);
  auto buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void Walker::give_back(std::unique_ptr<NameBuffer> buffer) {
  if (buffer && spare_.size() < shared_.open_levels) spare_.push_back(std::move(buffer));
}

}  // namespace guard
