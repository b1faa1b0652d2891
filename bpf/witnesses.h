// The evidence that the LSM programs keep on inodes, see programs/witness.bpf.h. Any thread, except
// for begin(), end() and renew().
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bpf/wire/wire.h"
#include "policy/base/result.h"

namespace guard {

class Witnesses {
 public:
  Witnesses() = default;
  // The descriptors of the programs' maps, which must outlive this object.
  Witnesses(int tags, int departures) : tags_(tags), departures_(departures) {}

  std::optional<WitnessTag> of(int file) const;
  Status bear(int file, const WitnessTag& tag) const;
  void forget(int file) const;
  std::uint64_t departures(std::uint64_t tree) const;

  // All earlier evidence of the tree ends, also that of an earlier tree with this number.
  void begin(std::uint64_t tree);
  void end(std::uint64_t tree) const;
  // The programs did not watch for a while: all evidence ends.
  void renew();

 private:
  int tags_ = -1;
  int departures_ = -1;
  std::uint32_t begun_ = 0;
};

}  // namespace guard
