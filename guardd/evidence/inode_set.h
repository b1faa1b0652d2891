// A set of inodes in 8 bytes each, plus room to grow: at most 11 bytes for an inode. Holds keys,
// not inodes: see InodeKey. Bounded. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace guard {

// Makes keys of 64 bits that nobody can foresee without the seed, so nobody can make two inodes
// have the same key (SipHash-2-4).
class InodeKey {
 public:
  struct Seed {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
  };
  explicit InodeKey(Seed seed) : seed_(seed) {}

  std::uint64_t operator()(std::string_view bytes, std::uint64_t directory,
                           std::uint64_t terms) const;

 private:
  Seed seed_;
};

class InodeSet {
 public:
  explicit InodeSet(std::size_t most) : most_(most) {}

  // False: there is no room.
  bool insert(std::uint64_t key);
  bool contains(std::uint64_t key) const;
  // Whether it was there.
  bool erase(std::uint64_t key);
  void clear();

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return slots_.capacity() * sizeof(std::uint64_t); }

 private:
  std::size_t home(std::uint64_t key) const;
  std::size_t find(std::uint64_t key) const;  // its slot, or the free one where it belongs
  void grow();

  std::size_t most_;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> slots_;  // open addressing; 0: free
};

}  // namespace guard
