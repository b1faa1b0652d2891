// Access lists: a list that grants nothing lets nobody but the owner read, and guardd never
// believes that a user can read what the kernel would not let it read. If nothing is revealed, no
// user reads more afterwards. Input: the object, the user,
// then the attribute as the kernel stores it.
#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "guardd/evidence/access.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/require.h"

namespace {

using guard::AccessList;
using guard::fuzz::Input;
using guard::fuzz::require;
using Entries = std::vector<AccessList::Entry>;

enum Tag : std::uint16_t {
  kOwner = 1,
  kUser = 2,
  kOwningGroup = 4,
  kGroup = 8,
  kMask = 16,
  kOther = 32
};
constexpr std::uint16_t kAll = 7;
constexpr std::uint32_t kFew = 8;  // users, and groups, so that they are often the same

// As posix_acl_valid() in the kernel, which stores no other list: in this order, and with a mask if
// there are users or groups.
bool is_valid(const Entries& entries) {
  bool needs_mask = false;
  std::uint16_t last = 0;
  std::size_t singles = 0;
  for (const auto& [tag, bits, id] : entries) {
    if ((bits & ~kAll) != 0 || tag < last) return false;
    const bool is_named = tag == kUser || tag == kGroup;
    if (tag == last && !is_named) return false;
    if (!is_named && tag != kOwner && tag != kOwningGroup && tag != kMask && tag != kOther)
      return false;
    if (is_named && id == UINT32_MAX) return false;
    needs_mask = needs_mask || is_named;
    if (tag == kOwner || tag == kOwningGroup || tag == kOther) ++singles;
    last = tag;
  }
  const bool has_mask = std::any_of(entries.begin(), entries.end(),
                                    [](const auto& each) { return each.tag == kMask; });
  return singles == 3 && (has_mask || !needs_mask);
}

// As posix_acl_permission() in the kernel, for a user with these groups.
bool kernel_grants(const Entries& entries, const guard::ObjectState& object, guard::Uid user,
                   const std::vector<guard::Gid>& groups, std::uint16_t wanted) {
  std::uint16_t mask = kAll;
  for (const auto& each : entries)
    if (each.tag == kMask) mask = each.bits;
  bool is_found = false;
  for (const auto& [tag, bits, id] : entries) {
    if (tag == kOwner && object.uid == user) return (bits & wanted) == wanted;
    if (tag == kUser && guard::Uid{id} == user) return (bits & mask & wanted) == wanted;
    if (tag == kOwningGroup || tag == kGroup) {
      const auto group = tag == kGroup ? guard::Gid{id} : object.gid;
      if (std::find(groups.begin(), groups.end(), group) == groups.end()) continue;
      is_found = true;
      if ((bits & mask & wanted) == wanted) return true;
    }
    if (tag == kOther) return !is_found && (bits & wanted) == wanted;
  }
  return false;
}

Entries without_list(const guard::ObjectState& object) {
  const auto bits = [&](unsigned shift) {
    return static_cast<std::uint16_t>(object.mode.value >> shift & kAll);
  };
  return {{kOwner, bits(6), 0}, {kOwningGroup, bits(3), 0}, {kOther, bits(0), 0}};
}

void check(const guard::WantedState& owner, const guard::ObjectState& object,
           const AccessList& list) {
  const bool is_own = object.uid == owner.owner.id || owner.owner.id == guard::kRoot;
  const bool reads = could_read(owner, object, list);
  const bool enters = could_enter(owner, object, list);
  if (is_own) return require(reads && enters, "the owner cannot read");
  if (list.kind() == AccessList::Kind::kUnknown)
    return require(!reads && !enters, "reads by an unknown list");
  const auto entries =
      list.kind() == AccessList::Kind::kPresent ? list.entries() : without_list(object);
  if (std::none_of(entries.begin(), entries.end(),
                   [](const auto& each) { return each.tag != kOwner && (each.bits & kAll) != 0; }))
    require(!reads && !enters, "reads what nobody may read");
  if (!is_valid(entries)) return;
  // It may be in more groups than are known.
  auto all_groups = owner.owner_groups;
  all_groups.push_back(object.gid);
  for (const auto& each : entries)
    if (each.tag == kGroup) all_groups.push_back(guard::Gid{each.id});
  const bool is_directory = object.type == guard::FileType::kDirectory;
  const std::uint16_t wanted = is_directory ? 5 : 4;
  for (const auto& groups : {owner.owner_groups, all_groups}) {
    require(!reads || kernel_grants(entries, object, owner.owner.id, groups, wanted),
            "reads what the kernel keeps from it");
    require(!enters || kernel_grants(entries, object, owner.owner.id, groups, 1),
            "enters where the kernel does not let it");
  }
}

// Every other user, in whichever groups it is, can read afterwards only what it could read before.
void check_others(const guard::WantedState& wanted, const guard::ObjectState& object,
                  const AccessList& list) {
  if (list.kind() == AccessList::Kind::kUnknown || !nothing_is_revealed(wanted, object, list))
    return;
  const auto entries =
      list.kind() == AccessList::Kind::kPresent ? list.entries() : without_list(object);
  if (!is_valid(entries)) return;
  auto afterwards = object;
  afterwards.uid = wanted.owner.id;
  afterwards.gid = wanted.group.id;
  const bool is_directory = object.type == guard::FileType::kDirectory;
  auto all = std::vector{object.gid, wanted.group.id};
  for (const auto& each : entries)
    if (each.tag == kGroup && all.size() < 5) all.push_back(guard::Gid{each.id});
  for (std::uint32_t user = 1; user < kFew; ++user) {
    const guard::Uid other{user};
    if (other == object.uid || other == wanted.owner.id) continue;
    for (std::uint32_t members = 0; members < 1U << all.size(); ++members) {
      std::vector<guard::Gid> groups;
      for (std::uint32_t i = 0; i < all.size(); ++i)
        if ((members >> i & 1U) != 0) groups.push_back(all[i]);
      for (const auto bit : {std::uint16_t{4}, std::uint16_t{1}}) {
        if (bit == 1 && !is_directory) continue;
        require(!kernel_grants(entries, afterwards, other, groups, bit) ||
                    kernel_grants(entries, object, other, groups, bit),
                "another user can read what it could not");
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  guard::ObjectState object;
  object.type = input.number<std::uint8_t>() % 2 == 0 ? guard::FileType::kRegular
                                                      : guard::FileType::kDirectory;
  object.mode = guard::Mode{input.number<std::uint16_t>() & 07777U};
  const auto small = [&] { return input.number<std::uint8_t>() % kFew; };
  object.uid = guard::Uid{small()};
  object.gid = guard::Gid{small()};
  guard::WantedState owner;
  owner.owner.id = guard::Uid{small()};
  owner.group.id = guard::Gid{small()};
  for (auto count = small(); count > 0; --count) owner.owner_groups.push_back(guard::Gid{small()});
  check(owner, object, AccessList::none());
  check(owner, object, AccessList::unknown());
  const auto list = AccessList::parse(input.rest());
  check(owner, object, list);
  check_others(owner, object, AccessList::none());
  check_others(owner, object, list);
  return 0;
}
