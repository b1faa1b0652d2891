#include "guardd/who/control_groups.h"

#include <fcntl.h>

#include <array>
#include <climits>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "guardd/who/container.h"

namespace guard {
namespace {

// The type of kernfs handles, which contain only the id of the group.
constexpr int kKernfsHandle = 0xfe;

struct Handle64 {
  unsigned int bytes = sizeof(std::uint64_t);
  int type = kKernfsHandle;
  std::uint64_t id = 0;
};
static_assert(offsetof(Handle64, id) == sizeof(file_handle));

// systemd prefixes a name with "_" if it could clash with a file of the kernel.
std::string_view unescaped(std::string_view name) {
  return name.starts_with('_') ? name.substr(1) : name;
}

}  // namespace

ControlGroup read_control_group(std::string_view path) {
  ControlGroup group;
  group.path = path;
  while (!path.empty()) {
    const auto element = unescaped(path.substr(0, path.find('/')));
    path.remove_prefix(std::min(path.find('/'), path.size() - 1) + 1);
    if (element.ends_with(".service") || element.ends_with(".scope")) group.unit = element;
    if (element.ends_with(".slice")) group.slice = element;
  }
  return group;
}

ControlGroups::ControlGroups(const std::string& mounts) {
  std::ifstream file(mounts);
  for (std::string line; std::getline(file, line);) {
    const auto rest = line.find(" - cgroup2 ");
    if (rest == std::string::npos) continue;
    std::istringstream fields(line);
    std::string skipped, root, point;
    fields >> skipped >> skipped >> skipped >> root >> point;
    if (root != "/") continue;  // a subtree: paths would lack their beginning
    hierarchy_ = Fd(::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    mount_point_ = point;
    if (hierarchy_) return;
  }
}

void ControlGroups::add(std::uint64_t id, std::string_view path) {
  path = as_seen_here(id, path);
  keep(id, of_path(path));
  const bool is_container = !path.empty() && container_group(path) == path;
  if (is_container && new_containers_.size() < kMostNew) new_containers_.emplace_back(path);
}

std::shared_ptr<const ControlGroup> ControlGroups::find(std::uint64_t id) {
  if (id == 0) return nullptr;
  if (const auto known = groups_.find(id); known != groups_.end()) return known->second;
  const auto path = path_from_kernel(id);
  auto group = path.empty() ? nullptr : of_path(path);  // removed: it stays unknown
  keep(id, group);
  return group;
}

std::shared_ptr<const ControlGroup> ControlGroups::of_path(std::string_view path) {
  if (!last_ || last_->path != path)
    last_ = std::make_shared<const ControlGroup>(read_control_group(path));
  return last_;
}

// In a control group namespace, /proc and the mounted hierarchy begin where that begins. The
// difference is known from the first group that is still there.
std::string_view ControlGroups::as_seen_here(std::uint64_t id, std::string_view path) {
  if (!above_) {
    const auto here = path_from_kernel(id);
    if (here.empty() || !path.ends_with(here)) return path;
    above_ = path.substr(0, path.size() - here.size());
  }
  if (path.starts_with(*above_) && path.substr(above_->size()).starts_with('/'))
    path.remove_prefix(above_->size());
  return path;
}

std::string ControlGroups::path_from_kernel(std::uint64_t id) const {
  if (!hierarchy_) return {};
  Handle64 wanted;
  wanted.id = id;
  std::array<std::byte, sizeof wanted> bytes{};
  std::memcpy(bytes.data(), &wanted, sizeof wanted);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): ends in a flexible array
  auto* handle = reinterpret_cast<file_handle*>(bytes.data());
  const Fd group(::open_by_handle_at(hierarchy_.get(), handle, O_PATH | O_CLOEXEC));
  if (!group) return {};
  std::array<char, PATH_MAX> target{};
  const auto link = "/proc/self/fd/" + std::to_string(group.get());
  const auto size = ::readlink(link.c_str(), target.data(), target.size());
  if (size <= 0) return {};
  const std::string_view path(target.data(), static_cast<std::size_t>(size));
  if (!path.starts_with(mount_point_)) return {};
  const auto below = path.substr(mount_point_.size());
  return below.empty() ? "/" : std::string(below);
}

void ControlGroups::keep(std::uint64_t id, std::shared_ptr<const ControlGroup> group) {
  if (!groups_.insert_or_assign(id, std::move(group)).second) return;
  oldest_first_.push_back(id);
  if (oldest_first_.size() <= kBound) return;
  groups_.erase(oldest_first_.front());  // the kernel still knows it if it exists
  oldest_first_.pop_front();
}

}  // namespace guard
