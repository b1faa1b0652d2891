#include "guardd/evidence/inode_set.h"

#include <bit>
#include <cstring>
#include <utility>

namespace guard {
namespace {

constexpr std::size_t kFirstSlots = 64;

struct SipState {
  std::uint64_t a, b, c, d;

  void round() {
    a += b;
    c += d;
    b = std::rotl(b, 13) ^ a;
    d = std::rotl(d, 16) ^ c;
    a = std::rotl(a, 32);
    c += b;
    a += d;
    b = std::rotl(b, 17) ^ c;
    d = std::rotl(d, 21) ^ a;
    c = std::rotl(c, 32);
  }
  void add(std::uint64_t word) {
    d ^= word;
    round();
    round();
    a ^= word;
  }
};

std::uint64_t not_free(std::uint64_t key) {
  return key == 0 ? 1 : key;
}

}  // namespace

std::uint64_t InodeKey::operator()(std::string_view bytes, std::uint64_t directory,
                                   std::uint64_t terms) const {
  SipState state{seed_.first ^ 0x736f6d6570736575, seed_.second ^ 0x646f72616e646f6d,
                 seed_.first ^ 0x6c7967656e657261, seed_.second ^ 0x7465646279746573};
  const auto length = bytes.size();
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const auto part = bytes.substr(0, sizeof word);
    std::memcpy(&word, part.data(), part.size());
    state.add(word);
    bytes.remove_prefix(part.size());
  }
  state.add(directory);
  state.add(terms);
  state.add(length);
  state.c ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

std::size_t InodeSet::home(std::uint64_t key) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>(Wide{key} * slots_.size() >> 64U);
}

std::size_t InodeSet::find(std::uint64_t key) const {
  auto at = home(key);
  while (slots_[at] != 0 && slots_[at] != key) at = at + 1 == slots_.size() ? 0 : at + 1;
  return at;
}

bool InodeSet::contains(std::uint64_t key) const {
  return size_ > 0 && slots_[find(not_free(key))] != 0;
}

bool InodeSet::insert(std::uint64_t key) {
  key = not_free(key);
  if (slots_.size() / 8 * 7 <= size_) {
    if (contains(key)) return true;
    if (size_ >= most_) return false;
    grow();
  }
  auto& slot = slots_[find(key)];
  if (slot == 0) {
    if (size_ >= most_) return false;
    slot = key;
    ++size_;
  }
  return true;
}

void InodeSet::grow() {
  auto before = std::exchange(slots_, {});
  slots_.assign(before.size() + before.size() / 8 + kFirstSlots, 0);
  for (const auto key : before)
    if (key != 0) slots_[find(key)] = key;
}

// Moves the keys behind the gap forward, where their search would otherwise end at the gap.
bool InodeSet::erase(std::uint64_t key) {
  if (!contains(key)) return false;
  auto gap = find(not_free(key));
  const auto count = slots_.size();
  for (auto at = gap;;) {
    at = at + 1 == count ? 0 : at + 1;
    if (slots_[at] == 0) break;
    const auto from_home = (at + count - home(slots_[at])) % count;
    const auto from_gap = (at + count - gap) % count;
    if (from_home < from_gap) continue;
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = 0;
  --size_;
  return true;
}

void InodeSet::clear() {
  slots_ = {};
  size_ = 0;
}

}  // namespace guard
