#include "policy/record/fixed_files.h"

#include <algorithm>

namespace guard {
namespace {

// The first byte of a file: its type, and which facts it has in common with the file before.
constexpr std::uint64_t kTypeBits = 0x0f;
constexpr std::uint64_t kSameDevice = 0x10;
constexpr std::uint64_t kSameBefore = 0x20;
constexpr std::uint64_t kSameAfter = 0x40;

static_assert(static_cast<std::uint64_t>(FileType::kBlockDevice) <= kTypeBits);

}  // namespace

// Seven bits a byte, the lowest first; the eighth says that more follow.
void FixedFiles::number(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) bytes_ += static_cast<char>((value & 0x7fU) | 0x80U);
  bytes_ += static_cast<char>(value);
}

void FixedFiles::ownership(const Ownership& state) {
  number(state.uid.value);
  number(state.gid.value);
  number(state.mode.value);
}

void set_file(Violation& violation, const FixedFile& file) {
  const auto keep = [](std::string& name, bool is_same) {
    if (!is_same) name.clear();
  };
  const auto names = [&](const std::optional<Ownership>& old, const Ownership& now,
                         std::string& owner, std::string& group) {
    keep(owner, old && old->uid == now.uid);
    keep(group, old && old->gid == now.gid);
  };
  names(violation.before, file.before, violation.owner_before, violation.group_before);
  names(violation.after, file.after, violation.owner_after, violation.group_after);
  violation.path = file.path;
  violation.file_type = file.type;
  violation.object = file.object;
  violation.before = file.before;
  violation.after = file.after;
  violation.times.reset();
}

void FixedFiles::add(std::string_view path, const FixedFile& file) {
  const bool is_first = count_ == 0;
  const bool same_device = !is_first && file.object.device == last_.object.device;
  const bool same_before = !is_first && file.before == last_.before;
  const bool same_after = !is_first && file.after == last_.after;
  number(static_cast<std::uint64_t>(file.type) | (same_device ? kSameDevice : 0) |
         (same_before ? kSameBefore : 0) | (same_after ? kSameAfter : 0));
  const auto differs =
      std::mismatch(path.begin(), path.end(), last_.path.begin(), last_.path.end());
  const auto common = static_cast<std::size_t>(differs.first - path.begin());
  number(common);
  number(path.size() - common);
  bytes_ += path.substr(common);
  if (!same_device) number(file.object.device);
  number(file.object.inode);
  if (!same_before) ownership(file.before);
  if (!same_after) ownership(file.after);
  last_.path.replace(common, std::string::npos, path, common);
  last_.object = file.object;
  last_.before = file.before;
  last_.after = file.after;
  ++count_;
}

void FixedFiles::clear() {
  bytes_.clear();
  count_ = 0;
  last_ = FixedFile();
}

bool FixedFiles::Reader::number(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; !rest_.empty() && shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) return true;
  }
  return false;
}

bool FixedFiles::Reader::ownership(Ownership& state) {
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t mode = 0;
  if (!number(uid) || !number(gid) || !number(mode)) return false;
  state = {Uid{static_cast<std::uint32_t>(uid)}, Gid{static_cast<std::uint32_t>(gid)},
           Mode{static_cast<std::uint32_t>(mode)}};
  return true;
}

bool FixedFiles::Reader::next() {
  std::uint64_t head = 0;
  std::uint64_t common = 0;
  std::uint64_t more = 0;
  if (!number(head) || !number(common) || !number(more)) return false;
  if (common > file_.path.size() || more > rest_.size()) return false;
  file_.type = static_cast<FileType>(head & kTypeBits);
  file_.path.resize(common);
  file_.path += rest_.substr(0, more);
  rest_.remove_prefix(more);
  if ((head & kSameDevice) == 0) {
    std::uint64_t device = 0;
    if (!number(device)) return false;
    file_.object.device = device;
  }
  std::uint64_t inode = 0;
  if (!number(inode)) return false;
  file_.object.inode = inode;
  return ((head & kSameBefore) != 0 || ownership(file_.before)) &&
         ((head & kSameAfter) != 0 || ownership(file_.after));
}

}  // namespace guard
