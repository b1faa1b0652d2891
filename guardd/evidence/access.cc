#include "guardd/evidence/access.h"

#include <algorithm>
#include <cstring>

namespace guard {
namespace {

constexpr std::uint32_t kRead = 4;
constexpr std::uint32_t kSearch = 1;

// What it takes to read an object.
std::uint32_t needed_to_read(const ObjectState& object) {
  return object.type == FileType::kDirectory ? kRead | kSearch : kRead;
}

// As in <linux/posix_acl_xattr.h>.
constexpr std::uint32_t kListVersion = 2;
enum Tag : std::uint16_t { kUser = 2, kOwningGroup = 4, kGroup = 8, kMask = 16, kOther = 32 };

bool is_member(const WantedState& owner, Gid group) {
  const auto& groups = owner.owner_groups;
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

// The entries that decide about everybody but the object's own user. Without a list, these are the
// mode's.
std::vector<AccessList::Entry> entries_of(const ObjectState& object, const AccessList& list) {
  if (list.kind() == AccessList::Kind::kPresent) return list.entries();
  const auto mode = object.mode.value;
  return {{kOwningGroup, static_cast<std::uint16_t>(mode >> 3 & 7), 0},
          {kOther, static_cast<std::uint16_t>(mode & 7), 0}};
}

std::uint32_t mask_of(const std::vector<AccessList::Entry>& entries) {
  for (const auto& entry : entries)
    if (entry.tag == kMask) return entry.bits;
  return 7;
}

// As the kernel decides, with one difference: it is not certain that all groups of the owner are
// known. So a group that the owner does not seem to be in must not take away what all have.
bool grants(const WantedState& owner, const ObjectState& object, const AccessList& list,
            std::uint32_t needed) {
  // Root needs no permission, and the object's user can give itself every one.
  if (owner.owner.id == kRoot || object.uid == owner.owner.id) return true;
  if (list.kind() == AccessList::Kind::kUnknown) return false;
  const auto entries = entries_of(object, list);
  const auto mask = mask_of(entries);
  const auto has = [&](const AccessList::Entry& entry) {
    const auto bits = entry.tag == kOther ? entry.bits : entry.bits & mask;
    return (bits & needed) == needed;
  };
  bool is_in_a_group = false;
  bool all_groups_grant = true;
  bool one_group_grants = false;
  bool all_others_may = false;
  for (const auto& entry : entries) {
    if (entry.tag == kUser && Uid{entry.id} == owner.owner.id) return has(entry);
    if (entry.tag == kOther) all_others_may = has(entry);
    if (entry.tag != kOwningGroup && entry.tag != kGroup) continue;
    all_groups_grant = all_groups_grant && has(entry);
    if (!is_member(owner, entry.tag == kGroup ? Gid{entry.id} : object.gid)) continue;
    is_in_a_group = true;
    one_group_grants = one_group_grants || has(entry);
  }
  return is_in_a_group ? one_group_grants : all_groups_grant && all_others_may;
}

}  // namespace

AccessList AccessList::parse(std::string_view bytes) {
  std::uint32_t version = 0;
  if (bytes.size() < sizeof version || (bytes.size() - sizeof version) % sizeof(Entry) != 0)
    return unknown();
  std::memcpy(&version, bytes.data(), sizeof version);
  bytes.remove_prefix(sizeof version);
  if (version != kListVersion) return unknown();
  AccessList list(Kind::kPresent);
  list.entries_.resize(bytes.size() / sizeof(Entry));
  if (!bytes.empty()) std::memcpy(list.entries_.data(), bytes.data(), bytes.size());
  return list;
}

bool could_read(const WantedState& owner, const ObjectState& object, const AccessList& list) {
  if (object.type == FileType::kSymlink) return true;
  return grants(owner, object, list, needed_to_read(object));
}

bool could_enter(const WantedState& owner, const ObjectState& directory, const AccessList& list) {
  return grants(owner, directory, list, kSearch);
}

// The owner alone decides who reads its own files, where it is also who brings files into the tree.
// The members of the wanted group get the bits of the owning group. Those of the old one lose them,
// and may get more: the bits of all others.
bool reveals_to_a_group(const WantedState& wanted, const ObjectState& object,
                        const AccessList& list) {
  if (object.type == FileType::kSymlink || object.gid == wanted.group.id) return false;
  if (object.uid == wanted.owner.id && wanted.has_the_tree) return false;
  if (list.kind() == AccessList::Kind::kUnknown) return true;
  const auto entries = entries_of(object, list);
  const auto mask = mask_of(entries);
  std::uint32_t owning_group = 0;
  std::uint32_t others = 0;
  std::uint32_t every_group = 7;  // what each group and all others have
  std::uint32_t wanted_group = 0;
  for (const auto& entry : entries) {
    const auto bits = entry.tag == kOther ? entry.bits : entry.bits & mask;
    if (entry.tag == kOther) others = bits;
    if (entry.tag == kOwningGroup) owning_group = bits;
    if (entry.tag == kGroup && Gid{entry.id} == wanted.group.id) wanted_group |= bits;
    if (entry.tag != kUser && entry.tag != kMask) every_group &= bits;
  }
  const auto gained_by_the_new = owning_group & ~(every_group | wanted_group);
  const auto gained_by_the_old = others & ~owning_group;
  const auto gained = (wanted.is_alone_in_group ? 0 : gained_by_the_new) | gained_by_the_old;
  return (gained & needed_to_read(object)) != 0;
}

std::optional<Evidence> nothing_is_revealed(const WantedState& wanted, const ObjectState& object,
                                            const AccessList& list) {
  if (!could_read(wanted, object, list) || reveals_to_a_group(wanted, object, list))
    return std::nullopt;
  return Evidence(Evidence::Kind::kNothingIsRevealed);
}

bool is_hidden_from_others(const ObjectState& object) {
  if (object.type == FileType::kSymlink) return false;
  const auto needed = needed_to_read(object);
  return (object.mode.value & needed) != needed;
}

bool is_filled_by_root_alone(const ObjectState& directory) {
  constexpr std::uint32_t kGroupOrOthersWrite = 0022;
  return directory.type == FileType::kDirectory && directory.uid == kRoot &&
         (directory.mode.value & kGroupOrOthersWrite) == 0;
}

}  // namespace guard
