#include "guardd/evidence/inode_history.h"

#include "guardd/evidence/access.h"

namespace guard {
namespace {

// The key of an inode that was right and was taken differs from its key as one that was born here.
constexpr std::uint64_t kTaken = 0x5bd1e9955bd1e995;

// A directory has as many links as it has directories in it, and one name.
bool has_one_name(const ObjectState& state) {
  return state.type == FileType::kDirectory || state.links <= 1;
}

}  // namespace

bool is_right(const ObjectState& state, OwnerIds wanted) {
  return state.uid == wanted.user && state.gid == wanted.group;
}

std::uint64_t InodeHistory::key(const InodePlace& place) const {
  const auto wanted = std::uint64_t{place.wanted.group.value} << 32U | place.wanted.user.value;
  return key_(place.object.bytes(), place.directory, wanted);
}

void InodeHistory::note(InodeSet& set, std::uint64_t key) {
  if (!set.insert(key)) ++dropped_;
}

void InodeHistory::forget(std::uint64_t key) {
  proven_.erase(key);
  proven_.erase(key ^ kTaken);
  owned_.erase(key);
}

// The user of a new inode is the one who created it, or root has changed it since, in this tree.
// A link is told from a birth by its age. Directories cannot be linked. Some tools link a new file
// to its final name: that ends nothing where only root can have made the link.
void InodeHistory::created(const InodePlace& place, const InodeState& inode,
                           const BirthTerms& terms) {
  const auto& state = inode.state;
  const bool is_directory = state.type == FileType::kDirectory;
  const bool is_young = inode.born && *inode.born >= terms.not_before;
  if (!is_directory && !is_young) {
    if (!terms.links_are_protected || !evidence_for(place)) forget(key(place));
    return;
  }
  if (is_right(state, place.wanted))
    return has_one_name(state) ? changed(place, state) : forget(key(place));
  // An owner can do as it likes with what it created, so few of these need evidence.
  const bool needs_evidence =
      state.uid != place.wanted.user || state.uid == kRoot || is_hidden_from_others(state);
  if (needs_evidence && (is_directory || terms.links_are_protected)) note(proven_, key(place));
}

void InodeHistory::found(const InodePlace& place) {
  note(proven_, key(place));
}

void InodeHistory::changed(const InodePlace& place, const ObjectState& state) {
  const auto at = key(place);
  if (!is_right(state, place.wanted)) {
    if (owned_.erase(at) && has_one_name(state)) note(proven_, at ^ kTaken);
    return;
  }
  forget(at);
  if (is_hidden_from_others(state)) note(owned_, at);
}

void InodeHistory::moved(const InodePlace& from, const InodePlace& to) {
  const auto before = key(from);
  const auto now = key(to);
  if (before == now) return;
  const bool is_born = proven_.erase(before);
  const bool is_taken = proven_.erase(before ^ kTaken);
  const bool is_owned = owned_.erase(before);
  if (from.wanted != to.wanted) return;
  if (is_born) note(proven_, now);
  if (is_taken) note(proven_, now ^ kTaken);
  if (is_owned) note(owned_, now);
}

void InodeHistory::arrived(const InodePlace& place, const ObjectState& state) {
  forget(key(place));
  if (is_right(state, place.wanted)) changed(place, state);
}

void InodeHistory::left(const InodePlace& place) {
  forget(key(place));
}

void InodeHistory::remember(const InodePlace& place) {
  forget(key(place));
  note(owned_, key(place));
}

void InodeHistory::forget_all() {
  proven_.clear();
  owned_.clear();
}

std::optional<Evidence> InodeHistory::evidence_for(const InodePlace& place) const {
  const auto at = key(place);
  if (proven_.contains(at)) return Evidence(Evidence::Kind::kBornHere);
  if (proven_.contains(at ^ kTaken)) return Evidence(Evidence::Kind::kWasTheOwners);
  return std::nullopt;
}

}  // namespace guard
